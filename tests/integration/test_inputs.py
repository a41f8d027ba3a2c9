"""What is given to `strayline backtest`: pipes, FIFOs, cut files, odd names, and how it ends when that is worthless."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from io import BufferedReader, BytesIO
from pathlib import Path
from threading import Thread

import pytest
import yaml

from daemon.adapters.files import FileReader, check_files
from daemon.core.types import TopicPartition
from daemon.errors import InputError
from tests.support.backtests import sessions, write

SOURCE = TopicPartition("files", 0)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that needs no server and no model."""
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"engine": {"type": "lite"}, "detector": {"warm_up": 20}}))
    return path


def run(config: Path, *words: str | bytes, **kwargs: object) -> subprocess.CompletedProcess[str]:
    command: Sequence[str | bytes] = [sys.executable, "-m", "daemon.cli", "backtest", "--config", str(config), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, **kwargs)  # type: ignore[call-overload, no-any-return]  # its keywords are many


def values(reader: FileReader) -> list[bytes | None]:
    return [value for batch in reader.batches() for value in batch.values]


def fifo_with(path: Path, data: bytes) -> str:
    """Make a FIFO that holds `data` once it is opened; return its name."""
    os.mkfifo(path)
    Thread(target=path.write_bytes, args=(data,), daemon=True).start()
    return str(path)


def test_a_fifo_is_read_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    """Checking the inputs takes nothing from a FIFO, however little it holds."""
    paths = [fifo_with(tmp_path / name, f"{name} 1\n{name} 2\n".encode()) for name in ("a", "b")]
    check_files(paths)
    check_files(paths)

    assert [b"a 1", b"a 2", b"b 1", b"b 2"] == values(FileReader(paths, SOURCE))


def test_a_pipe_by_its_descriptor_is_read_whole() -> None:
    """What the shell makes of `<(command)` gives every line."""
    read, written = os.pipe()
    lines = [b"line %d" % number for number in range(20)]
    os.write(written, b"\n".join(lines))
    os.close(written)
    path = f"/dev/fd/{read}"
    check_files([path])

    assert lines == values(FileReader([path], SOURCE))
    os.close(read)


def test_what_can_be_read_once_is_not_named_twice(tmp_path: Path) -> None:
    """A FIFO or standard input that is given twice is an error before anything is read."""
    path = tmp_path / "fifo"
    os.mkfifo(path)

    with pytest.raises(InputError, match="fifo: can be read only once"):
        check_files([str(path), str(path)])
    with pytest.raises(InputError, match="-: standard input can be read only once"):
        check_files(["-", "-"])


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """A folder among the inputs is named."""
    with pytest.raises(InputError, match="Is a directory"):
        check_files([str(tmp_path)])


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    """A file that is truncated between its batches is named, with how far it was read."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 99 + b"\n" + (b"y" * 99 + b"\n") * 100_000)
    batches = FileReader([str(path)], SOURCE, batch_lines=100).batches()
    next(batches)
    os.truncate(path, 1_000)

    with pytest.raises(InputError, match=r"log:\d+: cannot be read from here on: the file was cut while it was read"):
        list(batches)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_as_text(tmp_path: Path, encoding: str) -> None:
    """A file in UTF-16 gives its lines, with a byte order mark or without."""
    path = tmp_path / "log"
    path.write_bytes("2026-11-22 10:00:00 INFO a\n2026-11-22 10:00:01 INFO grüße\n".encode(encoding))

    assert [b"2026-11-22 10:00:00 INFO a", "2026-11-22 10:00:01 INFO grüße".encode()] == values(
        FileReader([str(path)], SOURCE)
    )


def test_standard_input_that_is_given_is_used() -> None:
    """A reader may be given its standard input."""
    assert [b"a", b"b"] == values(FileReader(["-"], SOURCE, stdin=BufferedReader(BytesIO(b"a\nb\n"))))


def test_every_line_of_standard_input_counts(config: Path, tmp_path: Path) -> None:
    """`/dev/stdin` and `-` read a pipe whole."""
    text = "".join(f"{line}\n" for line in sessions(30))
    for name in ("-", "/dev/stdin"):
        done = run(config, name, input=text)
        assert (0, True) == (done.returncode, f"read      {text.count(chr(10))} records" in done.stdout), done.stderr


def test_labels_and_teaching_through_pipes(config: Path, tmp_path: Path) -> None:
    """`--teach` and `--labels` may be FIFOs, each read once."""
    log = write(tmp_path / "log", sessions(60, (40,)))
    teach = fifo_with(tmp_path / "teach", "".join(f"{line}\n" for line in sessions(10, first=1_000)).encode())
    labels = fifo_with(tmp_path / "labels", b"key,label\nrequest-40,1\nrequest-41,0\n")
    done = run(config, "--teach", teach, "--labels", labels, log)

    assert 0 == done.returncode, done.stderr
    assert "10 taught" in done.stdout
    assert "1 anomalous, 1 normal" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--from", "2026-11-22", "--to", "2026-11-21", "log"], 64, "--from must be before --to"),
        (["bad"], 65, "not one of 2 records could be read (2 not_json); is input.format right?"),
        (["--labels", "labels.csv", "log"], 0, "the labels meet no session"),
        (["missing"], 66, "missing: No such file or directory"),
    ],
)
def test_what_is_worthless_says_so(config: Path, tmp_path: Path, words: list[str], code: int, said: str) -> None:
    """A sentence and the right exit code for ranges, inputs and labels that lead to nothing."""
    write(tmp_path / "log", sessions(30))
    write(tmp_path / "bad", ["no json", "neither"])
    write(tmp_path / "labels.csv", ["key,label", "nobody,1"])
    done = run(config, *words, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path.cwd())})

    assert (code, True) == (done.returncode, said in done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_closed_standard_input_is_a_sentence(config: Path, tmp_path: Path) -> None:
    """With stdin closed, files are read as usual and `-` is an error in words."""
    log = write(tmp_path / "log", sessions(30))
    command = f'exec "{sys.executable}" -m daemon.cli backtest --config "{config}" "$0" <&-'
    for name, code in ((log, 0), ("-", 66)):
        done = subprocess.run(["/bin/sh", "-c", command, name], capture_output=True, text=True, check=False)
        assert (code, False) == (done.returncode, "Traceback" in done.stderr), done.stderr


def test_a_name_that_is_not_text(config: Path, tmp_path: Path) -> None:
    """A file's name may be any bytes: it is read, and named with escapes."""
    path = os.fsencode(tmp_path) + b"/log-\xff.jsonl"
    Path(os.fsdecode(path)).write_text("".join(f"{line}\n" for line in [*sessions(30), "bad"]))
    done = run(config, "--out", str(tmp_path / "out"), path)

    assert 0 == done.returncode, done.stderr
    assert "log-\\\\xff.jsonl" in (tmp_path / "out" / "dead-letters.jsonl").read_text()
    assert (66, True) == ((gone := run(config, path + b"x")).returncode, "log-\\xff.jsonlx" in gone.stderr)


def test_a_reader_that_leaves_is_not_an_error(config: Path, tmp_path: Path) -> None:
    """`strayline backtest ... | head -1` exits 0."""
    log = write(tmp_path / "log", sessions(300))
    command = f'"{sys.executable}" -m daemon.cli backtest --config "{config}" "{log}" | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


def test_the_first_interrupt_ends_a_long_backtest(config: Path, tmp_path: Path) -> None:
    """Ctrl-C ends a backtest within a second or so, and leaves whole documents."""
    log = write(tmp_path / "log", sessions(100_000))
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "backtest", "--config", str(config), "--out", str(out), log],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (out / "verdicts.jsonl").exists() or not (out / "verdicts.jsonl").stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)

    assert (130, False) == (process.returncode, "Traceback" in stderr), stderr
    assert (out / "verdicts.jsonl").read_bytes().endswith(b"}\n")
