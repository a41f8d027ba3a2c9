"""JSON: one object a record, its parts looked up by dotted paths.

A path ``a.b.c`` is looked up as nested objects first, then as one key ``a.b.c`` at the top (as ECS writers have it); of
alternatives ``a|b`` the first one present counts. The finisher looks up those of the record. Numbers and booleans are
rendered as text; an object or array is not text, and its record is rejected (as a level it is ignored). Of equal keys
in one object the first counts.

Whole batches are decoded at once by polars (simd-json, strict). Where that refuses, the batch is halved until the bad
records stand alone; orjson then names what is wrong, or reads the record where only a shape was unexpected (a plain
value on the way of a path). Both decoders are strict and agree on what is JSON, but for lone surrogates, which polars
lets pass: records with surrogate escapes are shown to orjson first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson
import polars as pl

from daemon.core.formats.base import (
    ALTERNATIVE,
    COLUMNS_SCHEMA,
    RECORD_PREFIX,
    FieldPaths,
    ReaderOutput,
    of_record,
    values_as_text,
)
from daemon.core.types import Batch, Reject

_SURROGATE = r"\\u[dD][89a-fA-F]"
_ALONE = 8
"""When a batch does not decode, this many records or fewer are read one by one."""


def check_path(name: str, path: str) -> str | None:
    """Return what is wrong with the path of the field `name`, or None."""
    choices = path.split(ALTERNATIVE)
    for choice in choices:
        part = choice.removeprefix(RECORD_PREFIX)
        if part == choice:
            if not all(choice.split(".")):
                return f"{path!r} is not a path"
        elif name == "message":
            return f"{choice!r} is a part of the record, and a message is a part of its value"
        elif part not in ("key", "timestamp", "topic") and not (part.startswith("headers.") and part != "headers."):
            return f"{choice!r} is not record.key, record.timestamp, record.topic or record.headers.NAME"
    if [part for part, _ in groupby(map(of_record, choices))].count(None) > 1:
        return f"{path!r} has a part of the record between fields of the value; it must come before or after them"
    return None


class JsonReader:
    """Reads every value as one JSON object."""

    def __init__(self, fields: FieldPaths) -> None:
        self._paths = {
            name: tuple(choice for choice in path.split(ALTERNATIVE) if of_record(choice) is None)
            for name, path in fields.items()
        }
        self._message = fields.message
        self._shape, self._nested = _shape([path for paths in self._paths.values() for path in paths])

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        values, rejects = values_as_text(batch)
        values, broken = self._without_surrogates(batch, values)
        rejects += broken
        found: list[pl.DataFrame] = []
        self._read(batch, values, found, rejects)
        table = pl.concat(found) if found else pl.DataFrame(schema=dict(COLUMNS_SCHEMA))
        blank = ~table["message"].str.contains(r"\S")
        if blank.any():
            detail = f"field {self._message} is blank"
            rejects += [
                Reject(row, batch.offsets[row], "empty", detail) for row in table["row"].filter(blank).to_list()
            ]
            table = table.filter(~blank)
        return ReaderOutput(table, rejects)

    def _without_surrogates(self, batch: Batch, values: pl.DataFrame) -> tuple[pl.DataFrame, list[Reject]]:
        """Reject the records that hold half a surrogate pair."""
        suspect = values["text"].str.contains(_SURROGATE)
        if not suspect.any():
            return values, []
        rejects = []
        for row, text in values.filter(suspect).iter_rows():
            parsed = _loads(batch, row, text)
            if isinstance(parsed, Reject):
                rejects.append(parsed)
        return values.filter(~pl.col("row").is_in([reject.row for reject in rejects])), rejects

    def _read(self, batch: Batch, values: pl.DataFrame, found: list[pl.DataFrame], rejects: list[Reject]) -> None:
        """Append the columns of `values`, in order, to `found` and the bad ones to `rejects`."""
        if values.is_empty():
            return
        table = self._decode(values)
        if table is None and len(values) > _ALONE:
            middle = len(values) // 2
            self._read(batch, values[:middle], found, rejects)
            self._read(batch, values[middle:], found, rejects)
            return
        if table is None:
            table = pl.concat([self._read_alone(batch, values[at : at + 1]) for at in range(len(values))])
        absent = table["message"].is_null()
        if absent.any():
            rows = table["row"].filter(absent)
            for row, text in values.filter(values["row"].is_in(rows.implode())).iter_rows():
                rejects.append(self._why(batch, row, text))
            table = table.filter(~absent)
        found.append(table)

    def _decode(self, values: pl.DataFrame) -> pl.DataFrame | None:
        """Return the columns of `values`, message null where there is none, or None if one of them will not decode."""
        try:
            decoded = values["text"].str.json_decode(self._shape)
        except pl.exceptions.PolarsError:
            return None
        table = pl.DataFrame({"row": values["row"], "value": decoded})
        parts = [self._part(name).alias(name) for name in list(COLUMNS_SCHEMA)[2:]]
        return table.select("row", pl.lit(0, dtype=pl.Int64).alias("index"), *parts)

    def _part(self, name: str) -> pl.Expr:
        found = []
        for path in self._paths.get(name, ()):
            if "." in path and path in self._nested:
                nested = pl.col("value")
                for step in path.split("."):
                    nested = nested.struct.field(step)
                found.append(nested)
            found.append(pl.col("value").struct.field(path))
        return pl.coalesce(*found) if found else pl.lit(None, dtype=pl.String)

    def _read_alone(self, batch: Batch, value: pl.DataFrame) -> pl.DataFrame:
        """Read one record as `_decode` does, by hand where its shape is in the way; message null if it is bad."""
        table = self._decode(value)
        if table is not None:
            return table
        row, text = value.row(0)
        columns: dict[str, Any] = {"row": row, "index": 0} | dict.fromkeys(list(COLUMNS_SCHEMA)[2:])
        parsed = _loads(batch, row, text)
        if isinstance(parsed, dict) and self._unreadable(parsed) is None:
            for name, paths in self._paths.items():
                found = (_rendered(_find(parsed, path)) for path in paths)
                columns[name] = next((text for text in found if text is not None), None)
        return pl.DataFrame([columns], schema=dict(COLUMNS_SCHEMA))

    def _unreadable(self, parsed: Mapping[str, Any]) -> str | None:
        """Name the field that holds an object or array where text is needed."""
        for name, paths in self._paths.items():
            for path in paths if name != "level" else ():
                if isinstance(_find(parsed, path), dict | list):
                    return f"field {path} holds an object or array where text is needed"
        return None

    def _why(self, batch: Batch, row: int, text: str) -> Reject:
        """Say why a record has no message."""
        parsed = _loads(batch, row, text)
        if isinstance(parsed, Reject):
            return parsed
        if not isinstance(parsed, dict):
            return Reject(row, batch.offsets[row], "not_an_object", f"the value is JSON but a {_kind(parsed)}")
        detail = self._unreadable(parsed) or f"field {self._message} is missing"
        return Reject(row, batch.offsets[row], "missing_field", detail)


def _shape(paths: Sequence[str]) -> tuple[pl.Struct, set[str]]:
    """Return the struct to decode into, and the dotted paths it holds as nested objects.

    A path that runs through another path's value cannot be nested; it is looked up as one key only.
    """
    wanted = sorted(set(paths), key=lambda path: path.count("."))
    tree: dict[str, Any] = {}
    nested = set()
    for path in wanted:
        *folders, leaf = path.split(".")
        node: Any = tree
        for folder in folders:
            node = node.setdefault(folder, {}) if isinstance(node, dict) else None
        if isinstance(node, dict) and leaf not in node:
            node[leaf] = None
            nested.add(path)
    for path in wanted:
        tree.setdefault(path, None)
    return _struct(tree), nested


def _struct(tree: Mapping[str, Any]) -> pl.Struct:
    return pl.Struct({name: _struct(inner) if isinstance(inner, dict) else pl.String() for name, inner in tree.items()})


def _loads(batch: Batch, row: int, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Reject(row, batch.offsets[row], "not_json", f"the value is not JSON at character {error.pos}")


def _find(parsed: Mapping[str, Any], path: str) -> Any:
    node: Any = parsed
    for step in path.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return parsed.get(path) if node is None else node


def _rendered(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if isinstance(value, dict | list) else str(value)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}.get(type(value), "value")
