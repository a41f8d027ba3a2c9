"""Protobuf values with a schema registry's header, which names the schema and, by its place, the message in it.

Messages are read by descriptors, which a registry gives and which `protoc --descriptor_set_out` writes into a file.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from google.protobuf import (
    any_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from daemon.core.formats.entries import EntriesError, Entry, Headers, check_message
from daemon.core.formats.packed import schema_header
from daemon.core.formats.registered import RegisteredSchema, SchemaSource
from daemon.core.formats.schemas import Schemas

PROTOBUF = "PROTOBUF"
_WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_DEEPEST = 32
"""Messages inside one another that a header may name."""
_VARINT = 5
"""Bytes of the longest index."""

MessageOf = Callable[[tuple[int, ...]], type[Message]]
"""Returns the class of the message at a path of places. Raises LookupError where the schema has none."""


def check_protobuf(text: str) -> str | None:
    """Return what is wrong with a file that `protoc --descriptor_set_out` wrote, in base64, or None."""
    try:
        _of_file(text)
    except ValueError as error:
        return str(error)
    return None


def parse_protobuf(schema: RegisteredSchema) -> MessageOf:
    """Return the messages of a registry's schema. Raises ValueError where it is not complete, or not of descriptors."""
    try:
        return _messages(list(_registered(schema)))
    except (DecodeError, binascii.Error) as error:
        raise ValueError(f"the registry's answer is not a Protobuf descriptor: {error}") from error


def _registered(schema: RegisteredSchema, name: str = "") -> Iterator[FileDescriptorProto]:
    """Yield the files of a registry's schema, those first that others import by their `name`."""
    for imported, reference in schema.references:
        yield from _registered(reference, imported)
    file = FileDescriptorProto.FromString(base64.b64decode(schema.text, validate=True))
    file.name = name or file.name or "schema.proto"
    yield file


def _of_file(text: str) -> MessageOf:
    """Return the messages of the last file of a set of descriptors in base64. Raises ValueError for anything else."""
    try:
        return _messages(list(FileDescriptorSet.FromString(base64.b64decode(text, validate=True)).file))
    except (DecodeError, binascii.Error) as error:
        raise ValueError("not what `protoc --include_imports --descriptor_set_out` writes") from error


def _messages(files: Sequence[FileDescriptorProto]) -> MessageOf:
    """Return the messages of the last of some files. Raises ValueError where they do not have all that they import."""
    if not files:
        raise ValueError("there is no descriptor of a file in it")
    pool = DescriptorPool()
    for module in _WELL_KNOWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    try:
        for file in files:
            if not file.name.startswith("google/protobuf/"):
                pool.AddSerializedFile(file.SerializeToString())
        root = files[-1]
        pool.FindFileByName(root.name)
    except (TypeError, KeyError) as error:
        raise ValueError(f"the Protobuf descriptors are not complete: {error}") from error

    @cache
    def message_of(path: tuple[int, ...]) -> type[Message]:
        messages: Sequence[Any] = root.message_type
        names = [root.package] if root.package else []
        for place in path:
            message = messages[place]
            names.append(message.name)
            messages = message.nested_type
        return GetMessageClass(pool.FindMessageTypeByName(".".join(names)))

    return message_of


def protobuf_unwrapper(
    schemas: Mapping[str, str], source: SchemaSource | None = None
) -> Callable[[bytes, Headers], Iterator[Entry]]:
    """Return the function that decodes Protobuf values with these schemas (files' contents in base64) and a registry's.

    A value without a registry's header is the first message of the schema for any id.
    """
    known = Schemas(PROTOBUF, parse_protobuf, {id_: _of_file(text) for id_, text in schemas.items()}, source)

    def unwrap(value: bytes, _headers: Headers) -> Iterator[Entry]:
        id_, message_of, body = known.of(value)
        check_message(body)
        path, start = _path(body) if schema_header(value) else ((0,), 0)
        try:
            message = message_of(path)
        except LookupError as error:
            places = ".".join(map(str, path))
            raise EntriesError("not_protobuf", f"schema {id_} has no message at place {places}") from error
        try:
            yield json_format.MessageToDict(message.FromString(body[start:]), preserving_proto_field_name=True)
        except (DecodeError, json_format.Error, TypeError, ValueError) as error:
            raise EntriesError("not_protobuf", f"the value is not Protobuf of schema {id_}") from error

    return unwrap


def _path(body: bytes) -> tuple[tuple[int, ...], int]:
    """Return the path of a message in its schema, and where the message begins."""
    try:
        count, at = _number(body, 0)
        path = []
        for _ in range(min(count, _DEEPEST)):
            place, at = _number(body, at)
            path.append(place)
    except (IndexError, ValueError) as error:
        raise EntriesError("not_protobuf", "the value does not name its message as a schema registry does") from error
    return tuple(path) or (0,), at  # the count 0 is short for the first message


def _number(body: bytes, at: int) -> tuple[int, int]:
    """Return a number that is not negative, and where it ends. Raises IndexError and ValueError."""
    end = at
    while body[end] & 0x80:
        end += 1
    value = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(body[at : end + 1]))
    if value & 1 or end - at >= _VARINT:
        raise ValueError(value)
    return value >> 1, end + 1
