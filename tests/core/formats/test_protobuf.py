"""Protobuf values by the descriptors of files, with a schema registry's header or without one."""

from __future__ import annotations

import base64

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.formats import FormatSettings, check_protobuf, make_format
from daemon.core.types import Batch, Parsed, TopicPartition
from tests.support.schema_server import log_file

SET = base64.b64encode(FileDescriptorSet(file=[log_file()]).SerializeToString()).decode()
HEADER = b"\0\0\0\0\x11"
LOG, INNER = b"\x02\x02", b"\x04\x02\x00"
"""Paths in a registry's header: the second message, and the first inside it."""


def text(number: int, value: str) -> bytes:
    """Return a field of text on the wire."""
    data = value.encode()
    return bytes([number << 3 | 2, len(data)]) + data


BODY = (
    text(1, "charge failed")
    + text(2, "r-1")
    + text(3, "error")
    + b"\x22\x06"
    + Timestamp(seconds=1_780_000_000).SerializeToString()
)


def read(values: list[bytes], **settings: object) -> Parsed:
    stamps = [1_790_000_000_000] * len(values)
    batch = Batch(TopicPartition("logs", 0), range(len(values)), stamps, [None] * len(values), values)
    return make_format(FormatSettings("protobuf", **settings)).parse(batch)  # type: ignore[arg-type]


def test_values_are_read_by_the_message_that_their_header_names() -> None:
    """The path of the message in its schema may be of a message inside another; well-known types are there."""
    parsed = read([HEADER + LOG + BODY, HEADER + INNER + text(1, "boom")], schemas={"17": SET})

    assert [] == list(parsed.rejects)
    assert [("r-1", "error charge failed", 1_780_000_000_000_000), ("default", "boom", 1_790_000_000_000_000)] == (
        parsed.lines.select("key", "text", "time").rows()
    )


def test_a_value_without_a_header_is_the_first_message_of_any() -> None:
    """Where no registry is used, one file has the schema of all."""
    first = log_file()
    del first.message_type[0]
    whole = base64.b64encode(FileDescriptorSet(file=[first]).SerializeToString()).decode()

    assert ["error charge failed"] == read([BODY], schemas={"any": whole}).lines["text"].to_list()


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (b"\0\0\0\0\x12" + LOG + BODY, "unknown_schema", "schema 18"),
        (HEADER + b"\x02\x08" + BODY, "not_protobuf", "schema 17 has no message at place 4"),
        (HEADER + b"\xff", "not_protobuf", "does not name its message"),
        (HEADER + b"\x01" + BODY, "not_protobuf", "does not name its message"),
        (HEADER + LOG + BODY[:-1], "not_protobuf", "not Protobuf of schema 17"),
        (HEADER + LOG, "empty", "no log line"),
    ],
)
def test_a_value_that_cannot_be_read_says_why(value: bytes, reason: str, detail: str) -> None:
    """The dead letter names the schema and the reason, and its neighbours are read."""
    parsed = read([value, HEADER + LOG + BODY], schemas={"17": SET})

    assert [(0, reason)] == [(reject.row, reject.reason) for reject in parsed.rejects]
    assert detail in parsed.rejects[0].detail
    assert 1 == parsed.lines.height


@given(st.binary(max_size=60))
def test_no_value_crashes_the_reader(value: bytes) -> None:
    """Whatever the bytes, a value is lines or one dead letter."""
    parsed = read([HEADER + value], schemas={"17": SET})

    assert 1 == parsed.lines.height + len(parsed.rejects)


def test_what_is_not_a_set_of_descriptors_is_refused() -> None:
    """A file that lacks what it imports, one of something else, and a good one."""
    lacking = log_file()
    lacking.dependency.append("acme/common.proto")
    incomplete = base64.b64encode(FileDescriptorSet(file=[lacking]).SerializeToString()).decode()

    assert "not complete" in (check_protobuf(incomplete) or "")
    assert "no descriptor" in (check_protobuf("") or "")
    assert "protoc" in (check_protobuf(base64.b64encode(b"syntax = 'proto3';").decode()) or "")
    assert None is check_protobuf(SET)
