"""Values of many JSON objects: an array of them, one object per line, or objects over several lines each."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
import polars as pl

from daemon.core.formats.at_once import Amount

_REGISTRY_JSON = r"(?s)^\x00.{4}(\s*[\[{].*)$"  # after a schema registry's header

_LINES = r"^\s*\{[^\n]*\}\s*\n\s*\{"
_ARRAY = r"^\s*\[\s*\{"
_MANY = rf"{_ARRAY}|{_LINES}|\}}\s*\n\s*\{{"
_BY_LINE = re.compile(_LINES)
_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Split:
    """Values told apart: `single` are those of one object each, `many` the objects of the others, numbered from 1.

    `too_long` are the rows of those that hold more objects than they may, `left` that of the first that is not read at
    once with those before it, None where all are.
    """

    single: pl.DataFrame
    many: pl.DataFrame
    too_long: Sequence[int] = ()
    left: int | None = None


def split_objects(values: pl.DataFrame, most: int) -> Split:
    """Tell values (row, text) of one object from those of many, which may hold `most` each.

    A value holds many if it is an array of objects, several lines that each begin an object, or objects that follow
    each other, such as those that a logger prints over several lines.
    """
    text = values["text"]
    if text.str.starts_with("{").all() and not text.str.contains("\n", literal=True).any():
        return Split(values, values.clear())
    if text.str.starts_with("\0").any():
        text = pl.DataFrame({"text": text}).select(pl.coalesce(pl.col("text").str.extract(_REGISTRY_JSON), "text"))[
            "text"
        ]
        values = values.with_columns(text)
    likely = text.str.contains(_ARRAY) | text.str.contains("\n", literal=True)  # far cheaper than the whole expression
    if not likely.any():
        return Split(values, values.clear())
    likely = text.str.contains(_MANY)
    if not likely.any():
        return Split(values, values.clear())
    rows: list[int] = []
    texts: list[str] = []
    indices: list[int] = []
    single, too_long, left, amount = np.ones(len(values), bool), [], None, Amount()
    for place, (row, value) in zip(likely.arg_true(), values.filter(likely).iter_rows(), strict=True):
        if amount.enough:
            values, single, left = values[:place], single[:place], row
            break
        objects = _objects(value, most + 1)
        single[place] = not objects
        if len(objects) > most:
            too_long.append(row)
            continue
        amount.add(lines=len(objects))
        rows += [row] * len(objects)
        texts += objects
        indices += range(1, len(objects) + 1)
    schema = {"row": pl.Int64, "text": pl.String, "index": pl.Int64}
    many = pl.DataFrame({"row": rows, "text": texts, "index": indices}, schema=schema)
    return Split(values.filter(single), many, too_long, left)


def _objects(value: str, most: int) -> list[str]:
    """Return the texts of many objects in one value, at most `most`; none if it does not hold several."""
    if value.lstrip().startswith("["):
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
        return [orjson.dumps(item).decode() for item in parsed[:most]]
    if _BY_LINE.match(value):
        return [line for line in value.split("\n") if line.strip()][:most]
    return _consecutive(value, most)


def _consecutive(value: str, most: int) -> list[str]:
    """Return the texts of objects that follow each other; what cannot be read behind them is one text."""
    objects: list[str] = []
    at = _behind_space(value, 0)
    while at < len(value) and len(objects) < most:
        try:
            end = _DECODER.raw_decode(value, at)[1] if value[at] == "{" else len(value)
        except (json.JSONDecodeError, RecursionError):
            end = len(value)
        objects.append(value[at:end].rstrip())
        at = _behind_space(value, end)
    return objects if len(objects) > 1 else []


def _behind_space(value: str, at: int) -> int:
    """Return where the white space at a place ends."""
    space = _SPACE.match(value, at)
    return space.end() if space else at
