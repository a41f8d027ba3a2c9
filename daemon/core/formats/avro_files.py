"""Avro files: a header that holds the schema, then blocks of records, each packed by the codec that the header names.

fastavro's own reader unpacks a block whatever it becomes, and reads a header of any size. Here a block unpacks to at
most `MAX_MESSAGE` bytes, the header lies in the first `MAX_MESSAGE`, and records come one by one, so that whoever takes
them can stop where a block says that it holds a milliard records of no bytes.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import fastavro
import orjson
import zstandard
from fastavro.read import BLOCK_READERS, HEADER_SCHEMA

from daemon.core.formats.at_once import MAX_MESSAGE, TOO_MANY_PARTS
from daemon.core.formats.entries import EntriesError, check_message

_MAGIC = b"Obj\x01"
_WINDOW = 1 << 27
_BLOCK = fastavro.parse_schema(
    {
        "type": "record",
        "name": "block",
        "fields": [
            {"name": "count", "type": "long"},
            {"name": "data", "type": "bytes"},
            {"name": "sync", "type": {"type": "fixed", "name": "sync", "size": 16}},
        ],
    }
)


def is_avro_file(value: bytes) -> bool:
    """Return whether a value begins as Avro's files do."""
    return value.startswith(_MAGIC)


def records_of(value: bytes) -> Iterator[Any]:
    """Yield the records of a file. Raises EntriesError for one over a bound, anything for one that is damaged."""
    head = BytesIO(value[:MAX_MESSAGE])
    header: Any = fastavro.schemaless_reader(head, HEADER_SCHEMA, None)
    named: dict[str, Any] = {}
    schema = fastavro.parse_schema(orjson.loads(header["meta"]["avro.schema"]), named_schemas=named)
    if any(_takes_nothing(items, named) for items in _arrays(schema)):
        raise EntriesError(TOO_MANY_PARTS, "the schema has an array of what takes no bytes")
    unpack = _CODECS[header["meta"].get("avro.codec", b"null").decode()]
    file = BytesIO(value)
    file.seek(head.tell())
    while file.tell() < len(value):
        block: Any = fastavro.schemaless_reader(file, _BLOCK, None)
        if block["sync"] != header["sync"]:
            raise ValueError("a block does not end where it should")
        data = unpack(block["data"])
        check_message(data)
        records = BytesIO(data)
        for _ in range(block["count"]):
            yield fastavro.schemaless_reader(records, schema, None)


def _arrays(schema: Any) -> Iterator[Any]:
    """Yield what each array of a schema holds."""
    if isinstance(schema, list):
        for one in schema:
            yield from _arrays(one)
    elif isinstance(schema, dict):
        if schema["type"] == "array":
            yield schema["items"]
        parts = [part["type"] for part in schema.get("fields", ())]
        yield from _arrays([*parts, *(schema[name] for name in ("type", "items", "values") if name in schema)])


def _takes_nothing(schema: Any, named: Mapping[str, Any], within: Sequence[str] = ()) -> bool:
    """Return whether what a schema describes takes no bytes, so that an array of any number of them is short."""
    if isinstance(schema, str):
        known = schema in named and schema not in within
        return schema == "null" or (known and _takes_nothing(named[schema], named, [*within, schema]))
    if isinstance(schema, list):
        return False
    if "fields" in schema:
        return all(_takes_nothing(part["type"], named, within) for part in schema["fields"])
    if schema["type"] in ("array", "map", "enum", "fixed"):
        return bool(schema.get("size") == 0)
    return _takes_nothing(schema["type"], named, within)


def _deflated(data: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_MESSAGE + 1)


def _of_bzip2(data: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, MAX_MESSAGE + 1)


def _of_xz(data: bytes) -> bytes:
    return lzma.LZMADecompressor(memlimit=_WINDOW).decompress(data, MAX_MESSAGE + 1)


def _of_zstd(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(data) as reader:
        return reader.read(MAX_MESSAGE + 1)


def _of_snappy(data: bytes) -> bytes:
    """Return a block of snappy, which begins with its length: whoever unpacks it makes room for that at once."""
    length = 0
    for place, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    if length > MAX_MESSAGE:
        return bytes(MAX_MESSAGE + 1)
    unpacked: bytes = BLOCK_READERS["snappy"](BytesIO(_length(data) + data)).read()
    return unpacked


def _length(data: bytes) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, "long", len(data))
    return out.getvalue()


_CODECS: Mapping[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _deflated,
    "bzip2": _of_bzip2,
    "xz": _of_xz,
    "zstandard": _of_zstd,
    "snappy": _of_snappy,
}
