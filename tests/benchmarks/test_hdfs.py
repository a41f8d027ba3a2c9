"""HDFS's lines as the benchmarks read them: as they are, and as dense as the log that they are a sample of."""

from __future__ import annotations

import lzma
from collections import Counter
from pathlib import Path

import orjson
import pytest

from benchmarks.hdfs import SPREAD_US, dense, hdfs_lines

LINES = (
    "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1608999687919862906 src: /10.250.19.2:5410",
    "081109 203519 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_7503483334202473044 src: /10.251.21.16:5569",
    "081109 203519 26 INFO dfs.FSNamesystem: BLOCK* ask 10.250.14.224:50010 to delete nothing",
    "081109 213519 26 INFO dfs.FSNamesystem: BLOCK* ask 10.250.14.224:50010 to delete blk_-1608999687919862906",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hdfs_2pct").mkdir()
    (tmp_path / "hdfs_2pct" / "HDFS_2percent.log.xz").write_bytes(lzma.compress("\n".join(LINES).encode() + b"\n"))
    return tmp_path


def test_a_line_is_keyed_by_the_first_block_that_it_names(folder: Path) -> None:
    lines = list(hdfs_lines(folder))
    assert [key for _, key, _ in lines] == [
        b"blk_-1608999687919862906",
        b"blk_7503483334202473044",
        b"blk_-1608999687919862906",
    ]
    assert orjson.loads(lines[1][2]) == {
        "time": "2008-11-09T20:35:19+00:00",
        "scope": "hdfs",
        "key": "blk_7503483334202473044",
        "message": "INFO dfs.DataNode$DataXceiver: Receiving block blk_7503483334202473044 src: /10.251.21.16:5569",
    }


def test_dense_lines_are_in_order_of_time_and_each_copy_of_a_block_keeps_its_distance(folder: Path) -> None:
    lines = list(dense(folder, 5))
    times = [time for time, _, _ in lines]
    assert times == sorted(times)
    assert Counter(Counter(key for _, key, _ in lines).values()) == {1: 5, 2: 5}
    first, last = dict[bytes, int](), dict[bytes, int]()
    for time, key, value in lines:
        assert key in value.partition(b'"message"')[2]
        first.setdefault(key, time)
        last[key] = time
    begin = min(time for time, _, _ in hdfs_lines(folder))
    assert all(begin <= time <= begin + 1_000_000 + SPREAD_US for time in first.values())
    assert {last[key] - first[key] for key in first} == {0, 3_601_000_000}


def test_one_copy_is_the_lines_as_they_are(folder: Path) -> None:
    assert list(dense(folder, 1)) == list(hdfs_lines(folder))
