"""Files of segments: what cannot be mapped is lost, whatever the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.document_store.segment_files import SegmentFiles, best, empty


@pytest.mark.parametrize("content", [None, b"", b"x" * 100])
def test_a_file_that_cannot_be_mapped_is_lost(tmp_path: Path, content: bytes | None) -> None:
    """Gone, empty, or of another kind: the caller makes a new one."""
    files = SegmentFiles(tmp_path)
    if content is not None:
        files.path(1).write_bytes(content)
    with pytest.raises(LookupError):
        files.nearest(1, len(content or b""), np.ones(4, np.float32), 1)
    with pytest.raises(LookupError):
        files.loaded(1, len(content or b""), 4)


def test_clauses_are_added_to_a_copy_of_a_segment(tmp_path: Path) -> None:
    """A new file has those of the old one and the new ones; the old one stays as it was."""
    files, rows = SegmentFiles(tmp_path), np.eye(4, dtype=np.float32)
    small = files.write([(1, rows[:2])], empty(4))
    files.finish(1)
    large = files.write([(2, rows[2:])], files.loaded(1, small, 4))
    files.finish(2)

    assert {(1 << 24), (1 << 24) + 1} == set(files.nearest(1, small, rows[0], 4)[0].tolist())
    assert [(1 << 24), (1 << 24) + 1, (2 << 24), (2 << 24) + 1] == [
        int(files.nearest(2, large, row, 1)[0][0]) for row in rows
    ]


def test_a_file_that_goes_while_it_is_opened_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may dissolve a segment between any two steps."""
    files = SegmentFiles(tmp_path)
    size = files.write([(1, np.eye(4, dtype=np.float32))], empty(4))
    files.finish(1)
    keys, cosines = files.nearest(1, size, np.eye(4, dtype=np.float32)[2], 1)
    assert ([(1 << 24) + 2], [1.0]) == (keys.tolist(), cosines.tolist())

    sizes = files.path(1).stat()
    files.keep([])
    files.delete_except([])
    monkeypatch.setattr(Path, "stat", lambda _: sizes)
    with pytest.raises(LookupError):
        files.nearest(1, size, np.eye(4, dtype=np.float32)[2], 1)


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0]), max_size=30), min_size=1), st.integers(1, 40))
def test_the_best_are_those_of_sorting_all(lists: list[list[float]], count: int) -> None:
    """The highest cosines first; of equal ones the lowest keys."""
    cosines = [np.array(each, np.float32) for each in lists]
    flat = np.concatenate(cosines).tolist()
    keys = [np.array([7 * len(flat) - at for at in range(len(flat))], np.int64)]
    best_keys, best_cosines = best(keys, cosines, count)

    expected = sorted(zip(keys[0].tolist(), flat, strict=True), key=lambda pair: (-pair[1], pair[0]))[:count]
    assert expected == list(zip(best_keys.tolist(), best_cosines.tolist(), strict=True))
