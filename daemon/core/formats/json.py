"""JSON: one object per record, its parts looked up by dotted paths.

A path ``a.b.c`` is looked up as nested objects first, then as one key ``a.b.c`` at the top (as ECS writers do); of
alternatives ``a|b`` the first one that holds text counts. The finisher looks up the record's own parts. Numbers and
booleans are rendered as text; an object or array is not text and is skipped. Only the message decides whether a record
is read. Of equal keys in one object the first counts. The fields of an exception are appended to the message as text.

Whole batches are decoded at once by polars (simd-json, strict). Where that fails, orjson reads every record of the
batch. Its error names what is wrong with a bad one. Records of an unexpected shape (an object for a text, a plain value
in the middle of a path) are read by hand; polars reads the rest. Both decoders are strict and agree on what is JSON,
except for lone surrogates, which polars accepts: records with surrogate escapes go through orjson first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import polars as pl

from daemon.core.formats.at_once import MAX_PARTS, TOO_MANY_PARTS, TOO_MANY_PARTS_DETAIL, too_many_parts
from daemon.core.formats.base import (
    ALTERNATIVE,
    WHOLE,
    FieldPaths,
    ReaderOutput,
    too_many_lines,
    value_paths,
    values_as_text,
)
from daemon.core.formats.exceptions import exception_text, may_have_exception
from daemon.core.formats.json_objects import split_objects
from daemon.core.formats.json_paths import has_odd_parts, path_tree, shape_of, text_at, value_at
from daemon.core.formats.lookup import first_filled, whole_text
from daemon.core.kernel import are_whole
from daemon.core.types import Batch, Reject

_SURROGATE = r"\\u[dD][89a-fA-F]"
_DECODED_AT_ONCE = 4_000
"""Values that are decoded together: so few that the processor's cache holds what is built of them, in used pages."""
Unread = tuple[int, Reject]
"""The index of an object that cannot be read, and its reject."""


class JsonReader:
    """Reads every value as one JSON object."""

    def __init__(self, fields: FieldPaths, max_lines: int) -> None:
        self._max_lines = max_lines
        self._paths = {name: value_paths(path) for name, path in fields.items()}
        self._message = fields.message
        self._columns = dict(fields.columns())
        self._parts = tuple(self._columns)[2:]
        self._whole = WHOLE in fields.message.split(ALTERNATIVE)
        self._apart = {*self._paths["time"], *self._paths["level"]}
        self._shape, self._nested = shape_of([path for paths in self._paths.values() for path in paths])
        self._tree = path_tree([path for paths in self._paths.values() for path in paths])[0]

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        values, rejects, unread = values_as_text(batch)
        if (values["text"].str.len_bytes() > MAX_PARTS).any():
            values, too_many = _without_too_many_parts(batch, values)
            rejects += too_many
        split = split_objects(values, self._max_lines)
        table, broken = self.read(batch, split.single)
        rejects += [reject for _, reject in broken]
        rejects += [too_many_lines(batch, row, self._max_lines) for row in split.too_long]
        if not split.many.is_empty():
            rows, bad = self._read_many(batch, split.many)
            table, rejects = pl.concat([table, rows]).sort("row", "index"), [*rejects, *bad]
        unread = unread if split.left is None else len(batch) - split.left
        return ReaderOutput(table, rejects, independent=True, unread=unread)

    def _read_many(self, batch: Batch, values: pl.DataFrame) -> tuple[pl.DataFrame, list[Reject]]:
        """Read records that hold many objects. One that cannot be read is a line as it is, so that none is lost.

        A record of which no object can be read is rejected.
        """
        table, broken = self.read(batch, values)
        whole = set(table["row"].to_list())
        unread: dict[int, Reject] = {}
        for _, reject in broken:
            if reject.row not in whole:
                unread.setdefault(reject.row, reject)
        bare = [(reject.row, index) for index, reject in broken if reject.row in whole]
        if bare:
            wanted = pl.DataFrame(bare, schema={"row": pl.Int64, "index": pl.Int64}, orient="row")
            texts = wanted.join(values, on=("row", "index")).rename({"text": "message"})
            absent = [pl.lit(None, dtype=pl.String).alias(name) for name in self._parts if name != "message"]
            table = pl.concat([table, texts.with_columns(*absent).select(list(self._columns))])
        alone = pl.len().over("row") == 1
        return table.with_columns(index=pl.when(alone).then(0).otherwise("index")), list(unread.values())

    def read(self, batch: Batch, values: pl.DataFrame) -> tuple[pl.DataFrame, list[Unread]]:
        """Return the lines of `values` (row, text, and index if there is one), and a reject for each without a line."""
        if "index" not in values.columns:
            values = values.with_columns(index=pl.lit(0, dtype=pl.Int64))
        values, rejects = self._without_surrogates(batch, values)
        tables: list[pl.DataFrame] = []
        self._read(batch, values, tables, rejects)
        table = pl.concat(tables) if tables else pl.DataFrame(schema=self._columns)
        table = table.sort("row", "index") if len(tables) > 1 else table
        table = _with_exceptions(values, self._with_whole_objects(values, table) if self._whole else table)
        filled = table["message"].str.contains(r"\S")
        if filled.all(ignore_nulls=False):
            return table, rejects
        blank = table.filter(~filled.fill_null(value=False))
        texts = blank.join(values, on=("row", "index"), how="left", maintain_order="left")
        for row, index, message, text in texts.select("row", "index", "message", "text").iter_rows():
            rejects.append((index, self._why(batch, row, index, text, blank=message is not None)))
        return table.join(blank, on=("row", "index"), how="anti", maintain_order="left"), rejects

    def _without_surrogates(self, batch: Batch, values: pl.DataFrame) -> tuple[pl.DataFrame, list[Unread]]:
        """Reject the records that hold half a surrogate pair."""
        suspect = values["text"].str.contains(_SURROGATE)
        if not suspect.any():
            return values, []
        rejects, good = [], []
        for row, index, text in values.select("row", "index", "text").filter(suspect).iter_rows():
            parsed = _loads(batch, row, index, text)
            good.append(not isinstance(parsed, Reject))
            if isinstance(parsed, Reject):
                rejects.append((index, parsed))
        kept = np.ones(len(values), bool)
        kept[suspect.to_numpy()] = good
        return values.filter(kept), rejects

    def _read(self, batch: Batch, values: pl.DataFrame, tables: list[pl.DataFrame], rejects: list[Unread]) -> None:
        """Append the columns of `values` to `tables` and the bad ones to `rejects`."""
        if values.is_empty():
            return
        table = self._decode(values)
        if table is not None:
            tables.append(table)
            return
        rest, by_hand = [], []
        for row, index, text in values.select("row", "index", "text").iter_rows():
            parsed = _loads(batch, row, index, text)
            if isinstance(parsed, Reject):
                rejects.append((index, parsed))
            elif not isinstance(parsed, dict) or has_odd_parts(parsed, self._tree):
                by_hand.append(self._by_hand(row, index, parsed))
            else:
                rest.append((row, index, text))
        if by_hand:
            tables.append(pl.DataFrame(by_hand, schema=self._columns, orient="row"))
        if len(rest) < len(values):
            self._read(
                batch,
                pl.DataFrame(rest, schema=values.select("row", "index", "text").schema, orient="row"),
                tables,
                rejects,
            )
        elif len(values) > 1:
            middle = len(values) // 2
            self._read(batch, values[:middle], tables, rejects)
            self._read(batch, values[middle:], tables, rejects)
        else:
            row, index, text = rest[0]
            tables.append(
                pl.DataFrame([self._by_hand(row, index, orjson.loads(text))], schema=self._columns, orient="row")
            )

    def _decode(self, values: pl.DataFrame) -> pl.DataFrame | None:
        """Return the columns of `values`, message null where there is none, or None if one cannot be decoded."""
        if not are_whole(values["text"]):
            return None  # polars decodes them as one array: half an object here and half there would be one
        try:
            decoded = pl.concat(
                [part["text"].str.json_decode(self._shape) for part in values.iter_slices(_DECODED_AT_ONCE)],
                rechunk=True,
            )
        except pl.exceptions.PolarsError:
            return None
        table = pl.DataFrame({"row": values["row"], "index": values["index"], "value": decoded})
        return table.select("row", "index", *(self._part(name).alias(name) for name in self._parts))

    def _part(self, name: str) -> pl.Expr:
        candidates = []
        for path in self._paths.get(name, ()):
            if "." in path and path in self._nested:
                nested = pl.col("value")
                for step in path.split("."):
                    nested = nested.struct.field(step)
                candidates.append(nested)
            candidates.append(pl.col("value").struct.field(path))
        if len(candidates) > 1:
            return pl.coalesce(*(pl.when(text != "").then(text) for text in candidates), *candidates)
        return candidates[0] if candidates else pl.lit(None, dtype=pl.String)

    def _with_whole_objects(self, values: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
        """Return the table with the whole object as the message where there is no other."""
        bare = ~table["message"].str.contains(r"\S").fill_null(value=False)
        texts = table.filter(bare).join(values, on=("row", "index"), how="left", maintain_order="left")["text"]
        parsed = map(orjson.loads, texts)
        wholes = [whole_text(each, self._apart) or None if isinstance(each, dict) else None for each in parsed]
        return table.with_columns(table["message"].scatter(bare.arg_true(), pl.Series(wholes, dtype=pl.String)))

    def _by_hand(self, row: int, index: int, parsed: object) -> tuple[int | str | None, ...]:
        """Return the columns of one record, as `_decode` does."""
        parts = [first_filled(text_at(parsed, path) for path in self._paths.get(name, ())) for name in self._parts]
        return (row, index, *parts)

    def _why(self, batch: Batch, row: int, index: int, text: str, *, blank: bool) -> Reject:
        """Return a reject that says why a record has no message."""
        place = f" of line {index}" if index else ""
        if blank:
            return Reject(row, batch.offsets[row], "empty", f"field {self._message}{place} is blank")
        parsed = _loads(batch, row, index, text)
        if isinstance(parsed, Reject):
            return parsed
        if not isinstance(parsed, dict):
            detail = f"the value{place} is JSON but a {_kind(parsed)}"
            return Reject(row, batch.offsets[row], "not_an_object", detail)
        for path in self._paths["message"]:
            if isinstance(value_at(parsed, path), dict | list):
                detail = f"field {path}{place} holds an object or array where text is needed"
                return Reject(row, batch.offsets[row], "missing_field", detail)
        return Reject(row, batch.offsets[row], "missing_field", f"field {self._message}{place} is missing")


def _without_too_many_parts(batch: Batch, values: pl.DataFrame) -> tuple[pl.DataFrame, list[Reject]]:
    """Reject the records that would take very much memory when they are decoded."""
    wide = pl.Series(map(too_many_parts, values["text"]), dtype=pl.Boolean)
    detail = TOO_MANY_PARTS_DETAIL
    rejects = [Reject(row, batch.offsets[row], TOO_MANY_PARTS, detail) for row in values["row"].filter(wide)]
    return values.filter(~wide), rejects


def _with_exceptions(values: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Append exceptions, from their fields, to the messages that do not contain them."""
    suspect = may_have_exception(values["text"])
    if not suspect.any():
        return table
    rows: list[tuple[int, int, str]] = []
    for row, index, text in (
        values.filter(suspect).join(table, on=("row", "index"), how="semi").select("row", "index", "text").iter_rows()
    ):
        parsed = orjson.loads(text)
        if isinstance(parsed, dict) and (written := exception_text(parsed)):
            rows.append((row, index, written))
    if not rows:
        return table
    traces = pl.DataFrame(rows, schema={"row": pl.Int64, "index": pl.Int64, "trace": pl.String}, orient="row")
    message, trace = pl.col("message"), pl.col("trace")
    both = pl.concat_str(message, trace, separator="\n", ignore_nulls=True)
    joined = pl.when(message.fill_null("").str.contains(trace, literal=True)).then(message).otherwise(both)
    table = table.join(traces, on=("row", "index"), how="left", maintain_order="left")
    return table.with_columns(pl.when(trace.is_null()).then(message).otherwise(joined).alias("message")).drop("trace")


def _loads(batch: Batch, row: int, index: int, text: str) -> Any:
    place = f" of line {index}" if index else ""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Reject(row, batch.offsets[row], "not_json", f"the value{place} is not JSON at character {error.pos}")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}.get(type(value), "value")
