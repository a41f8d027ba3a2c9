"""Values that are compressed, and how large they may become."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.formats.packed import MAX_UNPACKED, PackedError, unpacked

MEBIBYTE = 1 << 20
FAR_TOO_MANY = 4 * (MAX_UNPACKED >> 20)
"""Mebibytes."""


def zeros_as_zstd(mebibytes: int) -> bytes:
    frame = zstandard.ZstdCompressor().compressobj()
    return b"".join(frame.compress(bytes(MEBIBYTE)) for _ in range(mebibytes)) + frame.flush()


def zeros_as_zlib(mebibytes: int, bits: int = zlib.MAX_WBITS) -> bytes:
    stream = zlib.compressobj(wbits=bits)
    return b"".join(stream.compress(bytes(MEBIBYTE)) for _ in range(mebibytes)) + stream.flush()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: zeros_as_zstd(FAR_TOO_MANY), id="zstd"),
        pytest.param(lambda: zeros_as_zstd(1) * FAR_TOO_MANY, id="zstd-frames"),
        pytest.param(lambda: zeros_as_zlib(FAR_TOO_MANY), id="zlib"),
        pytest.param(lambda: zeros_as_zlib(FAR_TOO_MANY, zlib.MAX_WBITS | 16), id="gzip"),
    ],
)
def test_a_value_far_over_the_bound_never_is_in_memory(make: Callable[[], bytes]) -> None:
    """A value of kilobytes that would be 256 MiB is refused before much more than the bound is unpacked."""
    value = make()
    tracemalloc.start()
    try:
        with pytest.raises(PackedError, match="it holds more than 64 MiB"):
            unpacked(value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 2 * MAX_UNPACKED


@given(
    parts=st.lists(st.binary(max_size=2_000), min_size=1, max_size=4),
    pack=st.sampled_from([gzip.compress, zlib.compress, zstandard.ZstdCompressor().compress]),
)
def test_every_member_counts(parts: list[bytes], pack: Callable[[bytes], bytes]) -> None:
    """A value of several members holds what they hold, one after the other."""
    assert b"".join(parts) == unpacked(b"".join(map(pack, parts)))


@given(part=st.binary(max_size=2_000), pack=st.sampled_from([gzip.compress, zstandard.ZstdCompressor().compress]))
def test_a_value_that_ends_too_early_is_refused(part: bytes, pack: Callable[[bytes], bytes]) -> None:
    """A member without its last byte is damaged, wherever the chunks end."""
    with pytest.raises(PackedError, match="ends too early"):
        unpacked(pack(part)[:-1])
