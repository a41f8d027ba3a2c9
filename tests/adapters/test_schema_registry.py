"""Schemas from a registry over HTTP: each once, with a login, and what happens when it does not answer."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from daemon.adapters import schema_registry
from daemon.adapters.schema_registry import RegistrySettings, SchemaRegistry
from daemon.config import parse_config
from daemon.core.formats import FormatSettings, UnknownSchemaError, make_format
from daemon.core.types import Batch, Parsed, TopicPartition
from daemon.errors import ConfigError, PartitionError
from daemon.wiring import format_settings
from tests.support.schema_server import SchemaServer, log_file

LEVEL = {"type": "enum", "name": "Level", "namespace": "shop", "symbols": ["INFO", "ERROR"]}
LOG = {
    "type": "record",
    "name": "Log",
    "namespace": "shop",
    "fields": [{"name": "message", "type": "string"}, {"name": "level", "type": "shop.Level"}],
}


@pytest.fixture
def server() -> Iterator[SchemaServer]:
    with SchemaServer().running() as running:
        yield running


def avro(level: str = "ERROR") -> bytes:
    """Return an Avro value of schema 17, with the registry's header."""
    named: dict[str, Any] = {}
    fastavro.parse_schema(LEVEL, named_schemas=named)
    out = BytesIO(b"\0\0\0\0\x11")
    out.seek(5)
    schema = fastavro.parse_schema(LOG, named_schemas=named)
    fastavro.schemaless_writer(out, schema, {"message": "charge failed", "level": level})
    return out.getvalue()


def read(name: str, values: list[bytes], registry: SchemaRegistry) -> Parsed:
    stamps = [1_790_000_000_000] * len(values)
    batch = Batch(TopicPartition("logs", 0), range(len(values)), stamps, [None] * len(values), values)
    return make_format(FormatSettings(name, registry=registry)).parse(batch)


def register(server: SchemaServer) -> None:
    """Register schema 17, which refers to another."""
    server.avro(17, LOG, [{"name": "shop.Level", "subject": "shop/level", "version": 3}])
    server.avro(5, LEVEL)
    server.documents["/subjects/shop%2Flevel/versions/3"] = server.documents["/schemas/ids/5"]


def test_each_schema_is_read_once_with_what_it_refers_to(server: SchemaServer) -> None:
    """Two partitions and many values ask the registry once for a schema and once for its reference."""
    register(server)
    registry = SchemaRegistry(RegistrySettings(server.url))

    for _ in range(2):
        parsed = read("avro", [avro(), avro("INFO")], registry)
        assert ["ERROR charge failed", "INFO charge failed"] == parsed.lines["text"].to_list()
    assert ["/schemas/ids/17", "/subjects/shop%2Flevel/versions/3"] == server.requests


def test_protobuf_is_read_by_the_descriptor_that_the_registry_gives(server: SchemaServer) -> None:
    """A schema that imports another subject's, under the name by which it imports it."""
    common = FileDescriptorProto(name="anything", package="acme", syntax="proto3")
    common.message_type.add(name="Who").field.add(
        name="id", number=1, type=FieldDescriptorProto.TYPE_STRING, label=1, json_name="id"
    )
    file = log_file()
    file.dependency.append("acme/common.proto")
    file.message_type[1].field.add(
        name="who", number=5, type=FieldDescriptorProto.TYPE_MESSAGE, label=1, type_name=".acme.Who"
    )
    server.protobuf("/schemas/ids/17", file, [{"name": "acme/common.proto", "subject": "common", "version": 1}])
    server.protobuf("/subjects/common/versions/1", common)
    value = b"\0\0\0\0\x11\x02\x02" + b"\x0a\x04boom" + b"\x2a\x04\x0a\x02me"

    settings = FormatSettings("protobuf", registry=SchemaRegistry(RegistrySettings(server.url)))
    batch = Batch(TopicPartition("logs", 0), range(1), [1_000], [None], [value])
    parsed = make_format(settings).parse(batch)

    assert [] == list(parsed.rejects)
    assert ["boom"] == parsed.lines["text"].to_list()


def test_an_unknown_schema_is_a_dead_letter_and_is_not_asked_for_again_at_once(server: SchemaServer) -> None:
    """The dead letter names the id; the record beside it is read."""
    register(server)
    registry = SchemaRegistry(RegistrySettings(server.url))
    unknown = b"\0\0\0\0\x63" + avro()[5:]

    for _ in range(2):
        parsed = read("avro", [unknown, avro()], registry)
        assert [("unknown_schema", 0)] == [(reject.reason, reject.row) for reject in parsed.rejects]
        assert "schema 99: the registry has no such schema" in parsed.rejects[0].detail
        assert 1 == parsed.lines.height
    assert 1 == server.requests.count("/schemas/ids/99")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"schema": "message Log {}", "schemaType": "JSON"}, "its type is JSON, not AVRO"),
        ({"schema": '{"type": "nonsense"}'}, "not an Avro schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_a_dead_letter(server: SchemaServer, schema: dict[str, str], why: str) -> None:
    """The reason is in the dead letter, and the schema is not parsed again."""
    server.documents["/schemas/ids/17"] = schema
    parsed = read("avro", [avro(), avro()], SchemaRegistry(RegistrySettings(server.url)))

    assert ["unknown_schema"] * 2 == [reject.reason for reject in parsed.rejects]
    assert f"schema 17 of the registry cannot be used: {why}" in parsed.rejects[0].detail


def test_a_registry_that_fails_sets_nothing_aside(server: SchemaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record becomes a dead letter: reading fails, is not tried again at once, and goes on when it answers."""
    register(server)
    registry = SchemaRegistry(RegistrySettings(server.url))
    server.status = 503
    for _ in range(2):
        with pytest.raises(PartitionError, match=r"reading schemas/ids/17 of the schema registry .*: HTTP 503"):
            read("avro", [avro()], registry)
    assert 1 == len(server.requests)

    server.status = 200
    monkeypatch.setattr(schema_registry, "monotonic", lambda: 1e12)
    assert 1 == read("avro", [avro()], registry).lines.height


def test_what_is_no_answer_of_a_registry_is_an_error(server: SchemaServer) -> None:
    """A page, a list, a schema without its text, a redirect, a registry that hangs or is not there."""
    for document in (b"<html>", [1], {"id": 1}, b'{"schema":"' + b" " * (5 << 20) + b'"}'):
        server.documents["/schemas/ids/17"] = document
        with pytest.raises(PartitionError, match="the answer is not"):
            SchemaRegistry(RegistrySettings(server.url))("17")
    server.status, server.location = 302, "http://127.0.0.1:1/"
    with pytest.raises(PartitionError, match="HTTP 302"):
        SchemaRegistry(RegistrySettings(server.url))("17")
    server.status, server.location, server.hangs = 200, None, True
    with pytest.raises(PartitionError, match="timed out"):
        SchemaRegistry(RegistrySettings(server.url, timeout_s=0.2))("17")
    with pytest.raises(PartitionError, match="refused"):
        SchemaRegistry(RegistrySettings("http://127.0.0.1:1"))("17")
    with pytest.raises(UnknownSchemaError, match="Confluent"):
        SchemaRegistry(RegistrySettings(server.url))("0f" * 16)


def test_logins(server: SchemaServer, tmp_path: Path) -> None:
    """A password, a password's file and a token's file, which may change between two requests."""
    register(server)
    secret = tmp_path / "secret"
    secret.write_text("old\n")
    basic = base64.b64encode(b"ann:pass").decode()
    server.login = f"Basic {basic}"
    assert "AVRO" == SchemaRegistry(RegistrySettings(server.url, "ann", "pass"))("5").language

    registry = SchemaRegistry(RegistrySettings(server.url, token_file=secret))
    server.login = "Bearer new"
    with pytest.raises(PartitionError, match="HTTP 401") as caught:
        registry("5")
    assert "old" not in str(caught.value)
    secret.write_text("new\n")
    assert "AVRO" == SchemaRegistry(RegistrySettings(server.url, token_file=secret))("5").language
    with pytest.raises(PartitionError, match="No such file"):
        SchemaRegistry(RegistrySettings(server.url, token_file=tmp_path / "none"))("5")


def test_the_configuration_of_a_registry(server: SchemaServer, tmp_path: Path) -> None:
    """It serves every verb that reads records; a login inside the address and half a login are refused."""
    register(server)
    section = f"{{url: '{server.url}', username: ann, password: '${{P}}'}}"
    config = parse_config(f"input: {{format: avro, schema_registry: {section}}}", {"P": "hunter2"})
    batch = Batch(TopicPartition("logs", 0), range(1), [1_000], [None], [avro()])

    assert 1 == make_format(format_settings(config)).parse(batch).lines.height
    assert config.fingerprint() == parse_config("input: {format: avro}", {}).fingerprint()
    assert "hunter2" not in repr(config)
    for wrong, why in {
        "{url: 'ftp://a'}": "http://",
        "{url: 'http://ann:x@a'}": "a login does not belong",
        "{url: 'http://a', password_file: x}": "need username",
        "{url: 'http://a', username: u, token_file: x}": "give one of them",
    }.items():
        with pytest.raises(ConfigError, match=why):
            parse_config(f"input: {{schema_registry: {wrong}}}", {})
