"""Files that a configuration names: whatever lies at the path, a sentence comes soon and within bounded memory."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon import small_files
from daemon.adapters.engines import EngineSettings
from daemon.adapters.engines.embeddings_client import EmbeddingsClient, RefusedError
from daemon.adapters.kafka import KafkaSettings
from daemon.adapters.schema_registry import RegistrySettings, SchemaRegistry
from daemon.adapters.web import Certificate, read_accounts
from daemon.cli.top import _token
from daemon.config import load_config
from daemon.config_tests import load_cases
from daemon.errors import PartitionError, StraylineError
from daemon.notify.receivers.base import DeliveryError, authorities, read_secret
from daemon.schema_wiring import read_schemas
from daemon.small_files import MOST, check_small, read_line, read_small

ODD = {
    "pipe": "is a pipe",
    "folder": "Is a directory",
    "zero": "is larger than 4 MiB|is a pipe or a device",
    "huge": "is larger than 4 MiB",
    "nothing": "No such file",
    "below": "Not a directory",
}
"""What lies at a path, and what is said of it."""


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, Path]:
    """What people name by mistake: a pipe that nobody writes to, a folder, a device, ten gigabytes."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(10 << 30)
    (tmp_path / "file").write_text("")
    return {name: tmp_path / name for name in ODD} | {"below": tmp_path / "file" / "below"}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("read", [read_small, read_line, check_small])
def test_what_is_no_small_file_is_said(read: Callable[[Path], object], name: str, odd: dict[str, Path]) -> None:
    """Each is an OSError with a sentence and the path, and nothing waits."""
    with pytest.raises(OSError, match=ODD[name]) as refused:
        read(odd[name])
    assert str(odd[name]) == refused.value.filename


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    """The bound is what a file may hold."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * MOST)
    assert MOST == len(read_small(path))
    check_small(path)


def test_a_pipe_that_is_written_to_is_read(tmp_path: Path) -> None:
    """As with `--config <(decrypt config.yaml)`: its writer may take a while, and may write more than fits at once."""
    os.mkfifo(tmp_path / "pipe")
    out = os.open(tmp_path / "pipe", os.O_RDWR)
    begun = threading.Event()

    def write() -> None:
        begun.wait()
        rest = b"y" * 200_000
        while rest:
            rest = rest[os.write(out, rest) :]
        os.close(out)

    writer = threading.Thread(target=write)
    writer.start()
    threading.Timer(0.1, begun.set).start()
    assert 200_000 == len(read_small(tmp_path / "pipe"))
    writer.join()


def test_a_pipe_that_gives_nothing_is_not_waited_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has it open and writes nothing."""
    monkeypatch.setattr(small_files, "PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    out = os.open(tmp_path / "pipe", os.O_RDWR)
    with pytest.raises(OSError, match=r"gives nothing for 0\.05 s"):
        read_small(tmp_path / "pipe")
    os.close(out)


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "one line"), (b"a\nb", "one line"), (b"a\x00b", "one line"), (b"\xff", "not UTF-8")]
)
def test_what_is_no_line_is_said(content: bytes, why: str, tmp_path: Path) -> None:
    """A token with a line break would be two headers of a request."""
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(OSError, match=why):
        read_line(tmp_path / "token")


def _password(path: Path) -> object:
    settings = KafkaSettings(["a:1"], "group", protocol="SASL_PLAINTEXT", username="me", password_file=str(path))
    return settings.connection()


def _authority(path: Path) -> object:
    return KafkaSettings(["a:1"], "group", protocol="SSL", ca=str(path)).connection()


def _key(path: Path) -> object:
    client = EmbeddingsClient(EngineSettings(type="openai", url="http://127.0.0.1:1", api_key_file=str(path)))
    try:
        return asyncio.run(client._authorization())
    except RefusedError as error:
        raise StraylineError(str(error)) from None


def _registry(token: Path | None, ca: Path | None) -> object:
    return SchemaRegistry(RegistrySettings("http://127.0.0.1:1", token_file=token, ca=ca))("1")


def _delivered(read: Callable[[], object]) -> object:
    try:
        return read()
    except DeliveryError as error:
        raise StraylineError(str(error)) from None


READERS: dict[str, Callable[[Path], object]] = {
    "the configuration": load_config,
    "users": read_accounts,
    "test cases": load_cases,
    "a certificate": lambda path: Certificate(path, path, "http.tls").context(),
    "kafka.security.password_file": _password,
    "kafka.security.ca": _authority,
    "engine.api_key_file": _key,
    "input.schemas, Avro": lambda path: read_schemas("avro", {"1": path}),
    "input.schemas, Protobuf": lambda path: read_schemas("protobuf", {"1": path}),
    "input.schema_registry.token_file": lambda path: _registry(path, None),
    "input.schema_registry.ca": lambda path: _registry(None, path),
    "a secret of notify": lambda path: _delivered(lambda: asyncio.run(read_secret(path))),
    "a route's ca": lambda path: _delivered(lambda: authorities(path)),
    "top --token-file": _token,
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("reader", READERS)
def test_every_file_that_is_named_is_read_so(reader: str, name: str, odd: dict[str, Path]) -> None:
    """One sentence that names the path, whatever reads it; the registry's is an error that is tried again."""
    with pytest.raises(StraylineError, match=ODD[name]) as refused:
        READERS[reader](odd[name])
    assert str(odd[name]) in str(refused.value)
    assert reader.startswith("input.schema_registry") == isinstance(refused.value, PartitionError)
