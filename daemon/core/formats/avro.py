"""Avro: values with a schema registry's header, or values that are whole Avro files, which contain their schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any

import fastavro
import orjson

from daemon.core.formats.avro_files import is_avro_file, records_of
from daemon.core.formats.entries import EntriesError, Entry, Headers, check_message
from daemon.core.formats.registered import RegisteredSchema, SchemaSource
from daemon.core.formats.schemas import Schemas

AVRO = "AVRO"


def check_avro(text: str) -> str | None:
    """Return what is wrong with an Avro schema, or None."""
    try:
        parse_avro(RegisteredSchema(AVRO, text))
    except ValueError as error:
        return str(error)
    return None


def parse_avro(schema: RegisteredSchema) -> Any:
    """Return a schema as fastavro has it. Raises ValueError for one that is not Avro's."""
    named: dict[str, Any] = {}
    *referred, own = _in_order(schema)
    try:
        for registered in referred:
            fastavro.parse_schema(orjson.loads(registered.text), named_schemas=named)
        return fastavro.parse_schema(orjson.loads(own.text), named_schemas=named)
    except (ValueError, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
        raise ValueError(f"not an Avro schema: {error}") from error


def _in_order(schema: RegisteredSchema) -> Iterator[RegisteredSchema]:
    """Yield the schemas that a schema refers to, then the schema, each once."""
    seen: dict[str, None] = {}

    def walk(one: RegisteredSchema) -> Iterator[RegisteredSchema]:
        for _, reference in one.references:
            yield from walk(reference)
        if one.text not in seen:
            seen[one.text] = None
            yield one

    return walk(schema)


def avro_unwrapper(
    schemas: Mapping[str, str], source: SchemaSource | None = None
) -> Callable[[bytes, Headers], Iterator[Entry]]:
    """Return the function that decodes Avro values with these schemas (JSON texts by id) and those of a registry."""
    configured = {id_: parse_avro(RegisteredSchema(AVRO, text)) for id_, text in schemas.items()}
    known = Schemas(AVRO, parse_avro, configured, source)

    def unwrap(value: bytes, _headers: Headers) -> Iterator[Entry]:
        if is_avro_file(value):
            yield from _decoded(records_of(value), "the value is an Avro file and damaged")
            return
        id_, schema, body = known.of(value)
        check_message(body)
        yield from _decoded(_message(body, schema), f"the value is not Avro of schema {id_}")

    return unwrap


def _message(body: bytes, schema: Any) -> Iterator[Any]:
    yield fastavro.schemaless_reader(BytesIO(body), schema, None)


def _decoded(records: Iterator[Any], detail: str) -> Iterator[Entry]:
    """Yield records as entries. Raises EntriesError."""
    try:
        yield from (_entry(record, detail) for record in records)
    except EntriesError:
        raise
    except Exception as error:  # fastavro raises errors of any type for a bad value
        raise EntriesError("not_avro", detail) from error


def _entry(record: Any, detail: str) -> Entry:
    if not isinstance(record, dict):
        raise EntriesError("not_an_object", f"{detail}: it is not a record")
    return record
