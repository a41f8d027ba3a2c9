"""Schemas by their id: those of the settings, and those of a registry, each parsed once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from daemon.core.formats.entries import EntriesError
from daemon.core.formats.packed import PackedError, schema_header, without_schema_header
from daemon.core.formats.registered import RegisteredSchema, SchemaSource, UnknownSchemaError

ANY = "any"
"""Matches every id of a schema."""
MOST = 1_000
"""Schemas that are kept; beyond them the one that was not used for longest is read again."""

Parsed = TypeVar("Parsed")


class Schemas(Generic[Parsed]):
    """The parsed schemas of one language. `parse` raises ValueError for a registry's schema that it cannot use."""

    def __init__(
        self,
        language: str,
        parse: Callable[[RegisteredSchema], Parsed],
        configured: Mapping[str, Parsed],
        source: SchemaSource | None,
    ) -> None:
        self._language, self._parse, self._source = language, parse, source
        self._configured = configured
        self._registered: OrderedDict[str, Parsed | ValueError] = OrderedDict()

    def of(self, value: bytes) -> tuple[str, Parsed, bytes]:
        """Return the id of a value's schema, the schema, and the value without the registry's header.

        Raises EntriesError with the id and the reason where there is no such schema.
        """
        header = schema_header(value)
        id_ = header[0] if header else ANY
        schema = self._configured.get(id_, self._configured.get(ANY))
        if schema is None and self._source is not None and header is not None:
            schema = self._from_registry(id_, self._source)
        if schema is None:
            what = f"schema {id_}" if header else "no schema registry's header"
            raise EntriesError("unknown_schema", f"the value has {what}, and input.schemas does not name its schema")
        try:
            return id_, schema, without_schema_header(value)
        except (EOFError, PackedError, ValueError) as error:
            raise EntriesError(
                f"not_{self._language.lower()}", f"the value is compressed and damaged: {error}"
            ) from error

    def _from_registry(self, id_: str, source: SchemaSource) -> Parsed:
        if id_ not in self._registered:
            self._registered[id_] = self._fetched(id_, source)
            if len(self._registered) > MOST:
                self._registered.popitem(last=False)
        self._registered.move_to_end(id_)
        schema = self._registered[id_]
        if isinstance(schema, ValueError):
            raise EntriesError("unknown_schema", f"schema {id_} of the registry cannot be used: {schema}")
        return schema

    def _fetched(self, id_: str, source: SchemaSource) -> Parsed | ValueError:
        try:
            registered = source(id_)
        except UnknownSchemaError as error:
            raise EntriesError("unknown_schema", f"the value has schema {id_}: {error}") from error
        if registered.language != self._language:
            return ValueError(f"its type is {registered.language}, not {self._language}")
        try:
            return self._parse(registered)
        except ValueError as error:
            return error
