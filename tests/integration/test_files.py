"""Files as batches: packed or not, whole or broken."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import zstandard

from daemon.adapters.files import FileReader, Place, check_files, decompression, lines
from daemon.adapters.files.reader import BATCH_LINES
from daemon.core.formats import Layout
from daemon.core.types import TopicPartition
from daemon.errors import InputError

SOURCE = TopicPartition("files", 0)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def values(reader: FileReader) -> list[bytes | None]:
    return [value for batch in reader.batches() for value in batch.values]


@pytest.fixture(params=PACKERS)
def pack(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    """Every way a file may be packed."""
    return PACKERS[request.param]


def test_lines_come_back_whatever_the_packing(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A line of a file is a record's value without its newline, however the file is packed and whatever its name."""
    path = tmp_path / "log.txt"
    path.write_bytes(pack(b"one\n\ntwo\r\nlast without a newline"))
    assert [b"one", b"", b"two\r", b"last without a newline"] == values(FileReader([str(path)], SOURCE))


def test_packed_files_may_be_joined(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Two packed files written one after the other read as one, as their own tools do."""
    path = tmp_path / "log"
    path.write_bytes(pack(b"one\ntw") + pack(b"o\nthree\n"))
    assert [b"one", b"two", b"three"] == values(FileReader([str(path)], SOURCE))


@pytest.mark.parametrize("kind", ["gz", "xz", "zst"])
def test_a_cut_off_file_names_the_line(tmp_path: Path, kind: str) -> None:
    """A file that ends too early gives its whole lines, then an error with file and line."""
    noise = random.Random(1)
    data = "".join(f"{n} {noise.random()}\n" for n in range(40_000)).encode()
    path = tmp_path / "cut.log"
    packed = PACKERS[kind](data)
    path.write_bytes(packed[: len(packed) // 2])
    reader = FileReader([str(path)], SOURCE)
    got: list[bytes | None] = []
    with pytest.raises(InputError) as caught:
        got.extend(value for batch in reader.batches() for value in batch.values)
    assert data.split(b"\n")[: len(got)] == got
    assert got
    assert f"{path}:{len(got) + 1}: cannot be read from here on" in str(caught.value)


@pytest.mark.parametrize("kind", ["gz", "xz", "zst"])
def test_a_damaged_file_is_an_error(tmp_path: Path, kind: str) -> None:
    """Bytes that are not what the head promises are an input error, not a crash."""
    path = tmp_path / "damaged.log"
    packed = bytearray(PACKERS[kind](random.Random(1).randbytes(5000)))
    packed[len(packed) // 2 :] = b"\x55" * (len(packed) - len(packed) // 2)
    path.write_bytes(packed)
    with pytest.raises(InputError, match=r"damaged\.log:\d+: cannot be read"):
        values(FileReader([str(path)], SOURCE))


def test_offsets_go_on_through_all_files(tmp_path: Path) -> None:
    """Offsets have no gap between files, and each leads back to its file and line."""
    paths = []
    for name, count in (("a", 3), ("empty", 0), ("b", 2)):
        paths.append(str(tmp_path / name))
        Path(paths[-1]).write_text("x\n" * count)
    reader = FileReader(paths, SOURCE, first_offset=7)
    offsets = [offset for batch in reader.batches() for offset in batch.offsets]
    assert list(range(7, 12)) == offsets
    assert [Place(paths[0], 1), Place(paths[0], 3), Place(paths[2], 1)] == [reader.place(n) for n in (7, 9, 10)]
    assert {paths[0]: 7, paths[1]: 10, paths[2]: 10} == reader.opened
    assert 12 == reader.offset


def test_batches_are_small(tmp_path: Path) -> None:
    """A batch holds at most so many lines, and no record has a time, a key or headers."""
    path = tmp_path / "log"
    path.write_text("x\n" * 25)
    batches = list(FileReader([str(path)], SOURCE, batch_lines=10).batches())
    assert [10, 10, 5] == [len(batch) for batch in batches]
    assert ({-1}, {None}, ()) == (set(batches[0].timestamps), set(batches[0].keys), batches[0].headers)


def test_batches_are_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long lines make batches of fewer lines."""
    monkeypatch.setattr(lines, "BATCH_BYTES", 1000)
    monkeypatch.setattr(decompression, "_CHUNK", 100)
    path = tmp_path / "log"
    path.write_text(("x" * 300 + "\n") * 20)
    batches = list(FileReader([str(path)], SOURCE).batches())
    assert 20 == sum(map(len, batches))
    assert max(map(len, batches)) <= 5


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than any log has is refused with its place, before it fills the memory."""
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1 << 20)
    path = tmp_path / "log"
    path.write_bytes(b"fine\nalso fine\n" + b"x" * (3 << 20))
    with pytest.raises(InputError, match=r"log:3: a line of more than 1 MiB"):
        values(FileReader([str(path)], SOURCE))


def test_standard_input_may_be_packed() -> None:
    """`-` reads standard input, packed or not; how much there is cannot be known."""
    reader = FileReader(["-"], SOURCE, stdin=io.BufferedReader(io.BytesIO(gzip.compress(b"one\ntwo\n"))))
    assert [b"one", b"two"] == values(reader)
    assert reader.bytes_total is None


def test_progress_reaches_the_size_on_disk(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """The bytes read end at the size of the files as they lie on the disk."""
    paths = [str(tmp_path / name) for name in "ab"]
    for path in paths:
        Path(path).write_bytes(pack(b"x\n" * 1000))
    reader = FileReader(paths, SOURCE)
    values(reader)
    assert reader.bytes_total == reader.bytes_read


def test_all_bad_files_are_named_at_once(tmp_path: Path) -> None:
    """Every file that cannot be opened is named before anything is read."""
    good = tmp_path / "good"
    good.write_text("x")
    with pytest.raises(InputError) as caught:
        check_files([str(good), str(tmp_path / "none"), str(tmp_path), "-", "-"])
    problems = str(caught.value).splitlines()
    assert [f"{tmp_path / 'none'}: No such file or directory", f"{tmp_path}: Is a directory"] == problems[:2]
    assert ["-: standard input can be read only once"] == problems[2:]


def test_a_stack_trace_is_one_record_of_any_encoding(tmp_path: Path) -> None:
    """Continuation lines join the line before; a record's place is that of its first line."""
    path = tmp_path / "app.log"
    path.write_bytes("failed\n  at a\n  at b\nfine é yes\n".encode("utf-16"))
    reader = FileReader([str(path)], SOURCE, layout=Layout("utf-16", r"\S"), first_offset=10)
    first, last = reader.batches()

    assert ([b"failed\n  at a\n  at b"], ["fine é yes".encode()]) == (first.values, last.values)
    assert Place(str(path), 4) == reader.place(next(iter(last.offsets)))


def test_a_file_of_kilobytes_that_holds_gigabytes_of_nothing_stays_small(tmp_path: Path) -> None:
    """A step of unpacking gives little, so that even empty lines, of which a megabyte holds a million, take little."""
    newlines = zstandard.ZstdCompressor().compress(b"\n" * (128 << 20))
    path = tmp_path / "log"
    path.write_bytes(newlines)
    tracemalloc.start()
    try:
        batches = FileReader([str(path)], SOURCE).batches()
        count = sum(len(batch) for batch in islice(batches, 1_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 1_000 * BATCH_LINES
    assert peak < 128 << 20


widely = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=30)).compressobj()


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(lambda data: widely.compress(data) + widely.flush(), id="zst"),
        pytest.param(
            lambda data: lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]), id="xz"
        ),
    ],
)
def test_a_file_that_asks_for_a_gigabyte_to_be_unpacked_is_refused(
    tmp_path: Path, packed: Callable[[bytes], bytes]
) -> None:
    """What its packer says that a reader has to remember is memory, whatever the file holds."""
    path = tmp_path / "log"
    path.write_bytes(packed(b"one\n"))

    with pytest.raises(InputError, match=r"cannot be read from here on: .*[Mm]emory"):
        values(FileReader([str(path)], SOURCE))
