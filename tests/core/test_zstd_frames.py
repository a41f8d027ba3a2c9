"""What unpacks to more than it may never is in memory, whatever its frame states."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.detection import load_vector
from daemon.core.incidents import IncidentSettings, IncidentStage, learn
from daemon.core.observations import load_observations
from daemon.core.zstd_frames import unpacked_frame
from daemon.errors import DataError

MEBIBYTE = 1 << 20
MEBIBYTES = 320


def bomb(*, stated: bool) -> bytes:
    """Return a frame of some kilobytes that holds zeros only; `stated`: it says how many."""
    size = MEBIBYTES * MEBIBYTE
    frame = zstandard.ZstdCompressor().compressobj(size=size) if stated else zstandard.ZstdCompressor().compressobj()
    return b"".join(frame.compress(bytes(MEBIBYTE)) for _ in range(MEBIBYTES)) + frame.flush()


def in_a_vector_record(frame: bytes) -> bytes:
    """Return the record of a pattern whose head is `frame`."""
    return len(frame).to_bytes(4, "little") + frame + bytes(2 * 4)


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize(
    "read",
    [
        pytest.param(load_observations, id="observations"),
        pytest.param(lambda value: learn(IncidentStage(IncidentSettings()), value), id="history"),
        pytest.param(lambda value: load_vector(in_a_vector_record(value), "model", 4), id="vector"),
    ],
)
def test_a_record_that_unpacks_to_too_much_is_refused(read: Callable[[bytes], object], stated: bool) -> None:
    """An error says so, and no more than the bound was ever in memory, if that."""
    value = bomb(stated=stated)
    tracemalloc.start()
    try:
        with pytest.raises((DataError, zstandard.ZstdError)):
            read(value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < MEBIBYTE if stated else peak < MEBIBYTES * MEBIBYTE


@given(content=st.binary(max_size=200), most=st.integers(0, 200))
def test_the_bound_counts_bytes(content: bytes, most: int) -> None:
    """What holds at most so many bytes is unpacked, and nothing else."""
    frame = zstandard.ZstdCompressor().compress(content)
    if len(content) <= most:
        assert content == unpacked_frame(frame, most)
    else:
        with pytest.raises(zstandard.ZstdError, match="holds more than"):
            unpacked_frame(frame, most)
