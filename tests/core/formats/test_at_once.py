"""Values that would take very much memory as objects are dead letters; what is only long is read."""

from __future__ import annotations

import base64
import io
from typing import Any

import fastavro
import orjson
import pytest
import zstandard
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from daemon.core.formats import FormatSettings, make_format
from daemon.core.formats.at_once import MAX_MESSAGE, MAX_MESSAGES, MAX_PARTS
from daemon.core.types import Batch, Parsed, TopicPartition
from tests.support.protobuf import field

EMPTY = b"[" + b",".join([b"[]"] * (MAX_PARTS // 2)) + b"]"
"""As many arrays and commas as a value may have."""
FULL = b"[" + b",".join([b"[]"] * (MAX_PARTS // 2 - 1)) + b"]"
JSON = {
    "json": b'{"message": "m", "more": %s}',
    "gelf": b'{"short_message": "m", "more": %s}',
    "azure": b'{"message": "m", "more": %s}',
    "otlp": b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "m"}}]}]}], "more": %s}',
}


def read(format_: str, values: list[bytes], headers: list[tuple[str, bytes]] | None = None) -> Parsed:
    count = len(values)
    given = [headers] * count if headers else ()
    batch = Batch(TopicPartition("logs", 0), range(count), [-1] * count, [None] * count, values, given)
    return make_format(FormatSettings(format_)).parse(batch)


@pytest.mark.parametrize("format_", JSON)
def test_a_value_of_millions_of_arrays_is_a_dead_letter(format_: str) -> None:
    """Its neighbours are read."""
    parsed = read(format_, [JSON[format_] % b"[]", JSON[format_] % EMPTY, JSON[format_] % b"1"])

    assert [(1, "too_many_parts", f"the value holds more than {MAX_PARTS:,} objects, arrays and commas")] == [
        (reject.row, reject.reason, reject.detail) for reject in parsed.rejects
    ]
    assert ["m", "m"] == parsed.lines["text"].to_list()


def test_a_value_with_as_many_as_it_may_have_is_read() -> None:
    """The object and the comma around it count, too."""
    assert ["m"] == read("json", [JSON["json"] % FULL]).lines["text"].to_list()


def test_the_data_of_an_event_is_counted_alone() -> None:
    """In binary mode the value is the data."""
    parsed = read("cloudevents", [EMPTY, EMPTY[:-1] + b",1]"], [("ce_specversion", b"1.0")])

    assert [(1, "too_many_parts")] == [(reject.row, reject.reason) for reject in parsed.rejects]


def test_a_journal_entry_of_millions_of_fields_is_a_dead_letter() -> None:
    """Each name takes some 150 bytes."""
    fields = b"".join(b"A%d=\n" % number for number in range(MAX_PARTS + 1))

    parsed = read("journald", [b"MESSAGE=m\n\n", fields])

    assert [(1, "too_many_parts")] == [(reject.row, reject.reason) for reject in parsed.rejects]


def test_an_otlp_value_of_millions_of_messages_is_a_dead_letter() -> None:
    """An empty log record takes two bytes, and 138 as an object; a long text is only long."""
    text = b"2" * (MAX_MESSAGES - 100) + b"x" * MAX_MESSAGES

    parsed = read("otlp", [_otlp(b"\x12\x00" * (MAX_MESSAGES + 1)), _otlp(field(2, field(5, field(1, text))))])

    assert [(0, "too_many_parts", f"the value may hold more than {MAX_MESSAGES:,} messages")] == [
        (reject.row, reject.reason, reject.detail) for reject in parsed.rejects
    ]
    assert [len(text)] == parsed.lines["text"].str.len_bytes().to_list()


LINE = {"type": "record", "name": "line", "fields": [{"name": "message", "type": "string"}]}
NOTHING = {"type": "record", "name": "nothing", "fields": [{"name": "none", "type": "null"}]}


def avro_file(records: list[dict[str, Any]], schema: dict[str, Any] = LINE, codec: str = "null") -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(dict(schema)), records, codec=codec)
    return out.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz", "snappy"])
def test_blocks_of_avro_files_are_unpacked_up_to_a_bound(codec: str) -> None:
    """Some kilobytes may hold gigabytes; what is within the bound is read, block after block."""
    many = [{"message": f"{number} " + "m" * 1_000} for number in range(200)]
    large = [{"message": "m" * MAX_MESSAGE}]

    parsed = read("avro", [avro_file(many, codec=codec), avro_file(large, codec=codec)])

    assert [(1, "too_many_parts", "a message is larger than 8 MiB")] == [
        (reject.row, reject.reason, reject.detail) for reject in parsed.rejects
    ]
    assert [each["message"] for each in many] == parsed.lines["text"].to_list()


def test_blocks_of_zstd_are_read() -> None:
    """The library writes none here, so one is put into a file without compression."""
    plain = avro_file([{"message": "packed"}])
    head, sync = plain[:-16].replace(b"\x14avro.codec\x08null", b"\x14avro.codec\x12zstandard"), plain[-16:]
    start = head.index(sync) + 16
    assert b"\x02\x0e\x0cpacked" == head[start:]
    packed = zstandard.ZstdCompressor().compress(b"\x0cpacked")

    parsed = read("avro", [head[:start] + b"\x02" + bytes([2 * len(packed)]) + packed + sync])

    assert ["packed"] == parsed.lines["text"].to_list()


@pytest.mark.parametrize("items", ["null", NOTHING, {"type": "fixed", "name": "none", "size": 0}])
def test_an_array_of_what_takes_no_bytes_is_refused(items: Any) -> None:
    """A few bytes say that it holds a milliard."""
    array = {"name": "more", "type": ["null", {"type": "array", "items": items}]}
    schema = {**LINE, "fields": [*LINE["fields"], array]}

    parsed = read("avro", [avro_file([{"message": "m", "more": None}], schema)])

    assert ["the schema has an array of what takes no bytes"] == [reject.detail for reject in parsed.rejects]


def test_a_schema_that_contains_itself_is_read() -> None:
    """An array always takes a byte."""
    child = {"name": "children", "type": {"type": "array", "items": "line"}}
    schema = {**LINE, "fields": [*LINE["fields"], child]}

    parsed = read("avro", [avro_file([{"message": "m", "children": [{"message": "n", "children": []}]}], schema)])

    assert ["m"] == parsed.lines["text"].to_list()


def test_very_many_records_of_no_bytes_are_too_many_lines() -> None:
    """A block may say that it holds a milliard of them."""
    plain = avro_file([{"none": None}], NOTHING)
    end = plain[-16:]

    parsed = read("avro", [plain[: plain.index(end) + 16] + b"\xfe\xff\xff\xff\x0f\x00" + end])

    assert ["too_many_lines"] == [reject.reason for reject in parsed.rejects]


@pytest.mark.parametrize("format_", ["avro", "protobuf"])
def test_a_message_of_a_schema_has_a_bound(format_: str) -> None:
    """It is one line, whatever it holds."""
    schema = orjson.dumps(LINE).decode() if format_ == "avro" else _descriptors()
    value = b"\0\0\0\0\1" + bytes(MAX_MESSAGE + 1)
    batch = Batch(TopicPartition("logs", 0), range(1), [-1], [None], [value])

    parsed = make_format(FormatSettings(format_, schemas={"1": schema})).parse(batch)

    assert ["too_many_parts"] == [reject.reason for reject in parsed.rejects]


def _descriptors() -> str:
    file = FileDescriptorProto(name="line.proto", message_type=[DescriptorProto(name="Line")])
    return base64.b64encode(FileDescriptorSet(file=[file]).SerializeToString()).decode()


def _otlp(records: bytes) -> bytes:
    return field(1, field(2, records))
