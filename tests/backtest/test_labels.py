"""Label files as people write them, and the errors they get for the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daemon.backtest.labels import LabelFile, read_labels
from daemon.core.positions import position_of
from daemon.core.types import ClosedBy, Session, SessionLine
from daemon.errors import DataError, InputError


def session(key: str = "k", scope: str = "s", offsets: tuple[int, ...] = (0,)) -> Session:
    positions = np.array([position_of(offset) for offset in offsets], dtype=np.int64)
    lines = [SessionLine("line", len(offsets), int(positions[0]), int(positions[-1]), "line")]
    return Session(scope, key, 0, 0, len(offsets), 1, ClosedBy.GAP, lines, positions)


def labels(tmp_path: Path, text: str) -> LabelFile:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return read_labels(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "a,1\nb,0\n",
        "key,label\na,true\nb,false\n",
        "label,key\nanomaly,a\nnormal,b\n",
        "BlockId,Label\r\na,Anomaly\r\nb,Normal\r\n",
        "\ufeffkey,label,note\n a,1,x\na,anomalous,\n\nb, 0 ,\n".replace(" a,", "a,"),
    ],
)
def test_labels_by_key(tmp_path: Path, text: str) -> None:
    """Keys are labelled with or without a header, in any of the words, and an unknown key has no label."""
    read = labels(tmp_path, text)
    assert [True, False, None] == [read.of(session(key)) for key in "abc"]


def test_a_scope_keeps_equal_keys_apart(tmp_path: Path) -> None:
    """With a scope column a label speaks of that scope alone."""
    read = labels(tmp_path, "scope,key,label\none,k,1\ntwo,k,0\n")
    assert [True, False, None] == [read.of(session("k", scope)) for scope in ("one", "two", "three")]


def test_keys_that_no_session_has_are_counted(tmp_path: Path) -> None:
    """Labels that belong to no session are counted, so that a wrong key is noticed."""
    read = labels(tmp_path, "a,1\nb,0\nc,0\n")
    read.of(session("a"))
    assert 2 == read.unmet


def test_labels_by_line_make_a_session_anomalous(tmp_path: Path) -> None:
    """A session with an anomalous line is anomalous, any other is normal; lines count through all files."""
    read = labels(tmp_path, "line,label\n3,1\n4,0\n12,1\n")
    read.follow({"a.log": 100})
    assert [True, False, True] == [
        read.of(session(offsets=offsets)) for offsets in ((100, 102), (103, 104), (90, 111, 200))
    ]


def test_labels_by_file_and_line(tmp_path: Path) -> None:
    """Lines are counted within the file named, by its path or its bare name, once it has been opened."""
    read = labels(tmp_path, "file,line,label\nb.log,1,1\nlogs/a.log,2,1\n")
    read.follow({"logs/a.log": 0})
    assert [False, True] == [read.of(session(offsets=(offset,))) for offset in (10, 1)]
    read.follow({"logs/a.log": 0, "logs/b.log": 10})
    assert [True, True] == [read.of(session(offsets=(offset,))) for offset in (10, 1)]


def test_a_line_is_marked_where_it_is_labelled(tmp_path: Path) -> None:
    """A distinct line counts as labelled when its first or last occurrence is."""
    read = labels(tmp_path, "line,label\n3,1\n")
    read.follow({"a.log": 0})
    marked = [SessionLine("x", 2, position_of(first), position_of(2), "x") for first in (0, 2)]
    assert [True, True] == [read.marks(line) for line in marked]
    assert not read.marks(SessionLine("x", 2, position_of(0), position_of(1), "x"))


def test_without_an_anomalous_line_everything_is_normal(tmp_path: Path) -> None:
    """A label file that calls every line normal makes every session normal."""
    read = labels(tmp_path, "line,label\n3,0\n")
    read.follow({"a.log": 0})
    assert read.of(session(offsets=(2,))) is False


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no labels in it"),
        ("key,label\n", "no labels in it"),
        ("key\na\n", "labels.csv:1: a label file has two columns"),
        ("a,1\nb,maybe\n", "labels.csv:2: the label is not one of"),
        ("a,1\nb\n", "labels.csv:2: 1 columns, 2 are needed"),
        ("line,label\nx,1\n", "labels.csv:2: the line is not a number"),
        ("line,label\n0,1\n", "labels.csv:2: the line is not a number"),
    ],
)
def test_bad_labels_name_the_place(tmp_path: Path, text: str, problem: str) -> None:
    """What is wrong with a label file is said with file and line."""
    with pytest.raises(DataError, match=problem):
        labels(tmp_path, text)


def test_labels_that_are_no_text(tmp_path: Path) -> None:
    """A binary file is refused as a label file."""
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a CSV file"):
        read_labels(str(path))


def test_labels_that_are_not_there(tmp_path: Path) -> None:
    """A missing label file is an input error that names it."""
    with pytest.raises(InputError, match=r"none\.csv: No such file"):
        read_labels(str(tmp_path / "none.csv"))
