"""Avro: values with a schema registry's header, or values that are whole Avro files, which contain their schema.

The core does not read a registry: the settings have the schemas by the registry's id, or one schema for any id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

import fastavro
import orjson

from daemon.core.formats.entries import EntriesError, Entry, Headers
from daemon.core.formats.packed import PackedError, schema_header, without_schema_header

ANY = "any"
"""Matches every id of a schema."""
_CONTAINER = b"Obj\x01"


def check_schema(text: str) -> str | None:
    """Return what is wrong with an Avro schema, or None."""
    try:
        fastavro.parse_schema(orjson.loads(text))
    except (ValueError, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
        return f"not an Avro schema: {error}"
    return None


def avro_unwrapper(schemas: Mapping[str, str]) -> Callable[[bytes, Headers], Iterator[Entry]]:
    """Return the function that decodes Avro values with these schemas (JSON texts by id)."""
    parsed = {id_: fastavro.parse_schema(orjson.loads(text)) for id_, text in schemas.items()}

    def unwrap(value: bytes, _headers: Headers) -> Iterator[Entry]:
        if value.startswith(_CONTAINER):
            yield from _decoded(lambda: list(fastavro.reader(BytesIO(value))), "the value is an Avro file and damaged")
            return
        header = schema_header(value)
        id_ = header[0] if header else ANY
        schema = parsed.get(id_, parsed.get(ANY))
        if schema is None:
            what = f"schema {id_}" if header else "no schema registry's header"
            raise EntriesError("unknown_schema", f"the value has {what}, and input.schemas does not name its schema")
        try:
            body = without_schema_header(value)
        except (EOFError, PackedError, ValueError) as error:
            raise EntriesError("not_avro", f"the value is compressed and damaged: {error}") from error
        detail = f"the value is not Avro of schema {id_}"
        yield from _decoded(lambda: [fastavro.schemaless_reader(BytesIO(body), schema, None)], detail)

    return unwrap


def _decoded(decode: Callable[[], list[Any]], detail: str) -> list[Entry]:
    try:
        entries = decode()
    except Exception as error:  # fastavro raises errors of any type for a bad value
        raise EntriesError("not_avro", detail) from error
    if not all(isinstance(entry, dict) for entry in entries):
        raise EntriesError("not_an_object", f"{detail}: it is not a record")
    return entries
