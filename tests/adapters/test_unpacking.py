"""Compressed batches are unpacked as aiokafka does, up to a bound."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable

import cramjam
import pytest
import zstandard
from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.kafka.unpacking import (
    BYTES_A_HEADER,
    SMALL,
    TooLargeError,
    gunzip,
    headers_of,
    unlz4,
    unpacking,
    unsnap,
    unzstd,
)

Encode = Callable[[bytes], bytes]
Unpack = Callable[[bytes, int], bytes]


def _large_lz4(data: bytes) -> bytes:
    return bytes(cramjam.lz4.compress(data))


def _streamed_zstd(data: bytes) -> bytes:
    """Return two frames that do not say how much they hold."""
    half = len(data) // 2
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    return compressor.compress(data[:half]) + compressor.compress(data[half:])


def _raw_snappy(data: bytes) -> bytes:
    return bytes(codec.snappy_encode(data, xerial_compatible=False))


def _members(data: bytes) -> bytes:
    return b"".join(codec.gzip_encode(data[at : at + 700]) for at in range(0, len(data), 700))


KINDS: list[tuple[Encode, Unpack]] = [
    (codec.gzip_encode, gunzip),
    (_members, gunzip),
    (codec.snappy_encode, unsnap),
    (_raw_snappy, unsnap),
    (codec.lz4_encode, unlz4),
    (_large_lz4, unlz4),
    (codec.zstd_encode, unzstd),
    (_streamed_zstd, unzstd),
]
kinds = pytest.mark.parametrize(("encode", "unpack"), KINDS, ids=lambda made: made.__name__.strip("_"))
TEXTS = st.builds(lambda text, times: text * times, st.binary(min_size=1, max_size=300), st.integers(1, 400))


@kinds
@given(data=TEXTS)
def test_a_batch_is_what_was_packed_or_larger_than_the_bound(encode: Encode, unpack: Unpack, data: bytes) -> None:
    """With a bound of just its size it comes back whole; with one byte less it is refused."""
    assert data == unpack(encode(data), len(data))
    with pytest.raises(TooLargeError, match=f"more than {len(data) - 1:,} bytes"):
        unpack(encode(data), len(data) - 1)


@kinds
def test_a_cut_batch_is_an_error_or_a_beginning(encode: Encode, unpack: Unpack) -> None:
    """Whatever is cut off, it ends, and nothing comes out that was not packed."""
    data = bytes(range(256)) * 40
    packed = encode(data)
    for end in range(0, len(packed), 7):
        try:
            assert data.startswith(unpack(packed[:end], len(data)))
        except (TooLargeError, zlib.error, zstandard.ZstdError, cramjam.DecompressionError, EOFError, struct.error):
            continue


def test_a_snappy_stream_with_an_impossible_length_ends() -> None:
    """A negative length would lead a reader back to where it was."""
    with pytest.raises(EOFError, match="a block ends too early"):
        unsnap(codec.snappy_encode(b"") + (-4).to_bytes(4, "big", signed=True), 100)


RECORDS = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=300),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=3), st.none() | st.binary(max_size=200)), max_size=70),
        st.integers(0, 1 << 40),
    ),
    min_size=1,
    max_size=5,
)


def batch_of(records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]]) -> bytes:
    """Return the records of a batch as they lie in it."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for offset, (key, value, headers, time) in enumerate(records):
        builder.append(offset, time, key, value, headers)
    return bytes(builder.build())[61:]


@given(RECORDS)
def test_headers_are_counted_as_they_were_written(
    records: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]],
) -> None:
    """Whatever lies before them; the count ends behind a bound, and at what is not a record."""
    data = batch_of(records)
    counts = [len(headers) for _, _, headers, _ in records]

    assert sum(counts) == headers_of(data, 1_000)
    assert counts[0] == headers_of(data, counts[0] - 1)
    assert headers_of(data[:-1], 1_000) <= sum(counts)
    assert headers_of(b"\xff" * 20, 1_000) == 0


def test_a_batch_of_very_many_headers_is_refused() -> None:
    """A header of two bytes takes thirty times as much as an object."""
    records = batch_of([(None, bytes(SMALL), [("", b"")] * 2_000, 0)])
    decode = sys.modules[DefaultRecordBatch.__module__].gzip_decode
    with unpacking(3_000 * BYTES_A_HEADER + SMALL), pytest.raises(TooLargeError, match="unpacks to more"):
        decode(codec.gzip_encode(bytes(2 * SMALL)))
    with unpacking(SMALL + 100_000) as current:
        assert records == decode(codec.gzip_encode(records))
        assert len(records) == current.size
    many = batch_of([(None, bytes(SMALL), [("", b"")] * 70_000, 0)])
    with unpacking(SMALL + 300_000), pytest.raises(TooLargeError, match="holds more than 64,843 headers"):
        decode(codec.gzip_encode(many))


BOMBS = """
import resource, sys
import cramjam
from aiokafka import codec
from daemon.adapters.kafka import unpacking

def gzip():
    import zlib
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
def lz4():
    packer = cramjam.lz4.Compressor(level=9, content_checksum=False, block_linked=False)
    parts = []
    for _ in range(256):
        packer.compress(bytes(1 << 20))
        parts.append(bytes(packer.flush()))
    return b"".join(parts) + bytes(packer.finish())
def zstd():
    import zstandard
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
def snappy():
    block = cramjam.snappy.compress_raw(bytes(1 << 20))
    return codec.snappy_encode(b"") + (len(block).to_bytes(4, "big") + bytes(block)) * 256
most = 64_000_000
for name, make in (("gzip", gzip), ("lz4", lz4), ("zstd", zstd), ("snappy", snappy)):
    bomb = make()
    now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 3 * most, resource.RLIM_INFINITY))
    try:
        unpacking._DECODERS[name](memoryview(bomb), most)
    except unpacking.TooLargeError as error:
        print(name, len(bomb) < 20_000_000, error)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_a_bomb_is_refused_within_three_times_the_bound() -> None:
    """Under a limit of the system on its memory a process refuses 256 MiB of zeros in every codec, and lives."""
    done = subprocess.run([sys.executable, "-c", BOMBS], capture_output=True, text=True, timeout=120, check=False)

    sentence = "True a compressed batch unpacks to more than 64,000,000 bytes"
    assert [f"{name} {sentence}" for name in ("gzip", "lz4", "zstd", "snappy")] == done.stdout.splitlines(), done.stderr
