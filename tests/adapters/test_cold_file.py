"""The file of cold scopes: what is put there comes back, room is used again, and the disk is left clean."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import gettempdir

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.adapters.cold_file import ColdFile
from daemon.core.detection import Extent


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.integers(1, 300), st.integers(-5, -1)), max_size=40))
def test_what_is_put_there_comes_back(steps: list[int]) -> None:
    """Contents of any length are put and freed in any order, and no byte of one is another's."""
    file, kept = ColdFile(Path(gettempdir()), 1 << 20), dict[Extent, bytes]()
    for number, step in enumerate(steps):
        if step > 0:
            content = bytes([number]) * step
            kept[file.put(content)] = content
        elif kept:
            place = list(kept)[step % len(kept)]
            file.free(place)
            del kept[place]
        assert kept == {place: file.read(place) for place in kept}
        assert file.used == sum(map(len, kept.values()))


def test_freed_room_is_used_again_and_the_end_is_given_back(tmp_path: Path) -> None:
    """The file does not grow while there is room in it, and is empty when nothing is left."""
    file = ColdFile(tmp_path, 300)
    first, second, third = (file.put(bytes([number]) * 100) for number in range(3))
    with pytest.raises(OSError, match="more than 300 bytes") as refused:
        file.put(b"more")
    assert refused.value.errno == errno.EDQUOT
    file.free(second)
    assert second == file.put(b"x" * 100)
    for place in (first, third, second):
        file.free(place)
    assert file._number is not None
    assert os.fstat(file._number).st_size == 0


def test_the_file_has_no_name(tmp_path: Path) -> None:
    """Nobody else can open it, and nothing is left of it however the process ends."""
    file = ColdFile(tmp_path / "cache", 1 << 20)
    assert not (tmp_path / "cache").exists()
    file.put(b"masked lines")
    assert [] == list((tmp_path / "cache").iterdir())


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """As is a disk that is full: the caller keeps what it has."""
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(OSError, match="cache"):
        ColdFile(tmp_path / "cache", 1 << 20).put(b"content")


def test_a_failed_write_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room is free again when the system takes only a part of the content."""
    file, written = ColdFile(tmp_path, 1 << 20), list[int]()

    def pwrite(number: int, content: memoryview, offset: int) -> int:
        written.append(offset)
        if len(written) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return 3

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(OSError, match="No space left"):
        file.put(b"content")
    assert [0, 3] == written
    assert file.used == 0


def test_a_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    """Reading raises OSError, not part of the content."""
    file = ColdFile(tmp_path, 1 << 20)
    place = file.put(b"content")
    assert file._number is not None
    os.ftruncate(file._number, 3)
    with pytest.raises(OSError, match="cut off"):
        file.read(place)
