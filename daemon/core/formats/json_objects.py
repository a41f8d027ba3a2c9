"""Values of many JSON objects: an array of them, one object per line, or objects over several lines each."""

from __future__ import annotations

import json
import re

import numpy as np
import orjson
import polars as pl

from daemon.core.positions import MAX_LINES_PER_RECORD

_REGISTRY_JSON = r"(?s)^\x00.{4}(\s*[\[{].*)$"  # after a schema registry's header

_LINES = r"^\s*\{[^\n]*\}\s*\n\s*\{"
_ARRAY = r"^\s*\[\s*\{"
_MANY = rf"{_ARRAY}|{_LINES}|\}}\s*\n\s*\{{"
_BY_LINE = re.compile(_LINES)
_DECODER = json.JSONDecoder()


def split_objects(values: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the values that are one object each, and the objects of those that hold many, numbered from 1.

    A value holds many if it is an array of objects, several lines that each begin an object, or objects that follow
    each other, such as those that a logger prints over several lines.
    """
    text = values["text"]
    if text.str.starts_with("{").all() and not text.str.contains("\n", literal=True).any():
        return values, values.clear()
    if text.str.starts_with("\0").any():
        text = pl.DataFrame({"text": text}).select(pl.coalesce(pl.col("text").str.extract(_REGISTRY_JSON), "text"))[
            "text"
        ]
        values = values.with_columns(text)
    likely = text.str.contains(_ARRAY) | text.str.contains("\n", literal=True)  # far cheaper than the whole expression
    if not likely.any():
        return values, values.clear()
    likely = text.str.contains(_MANY)
    if not likely.any():
        return values, values.clear()
    rows: list[tuple[int, str, int]] = []
    single = []
    for row, value in values.filter(likely).iter_rows():
        objects = _objects(value)
        rows += [(row, item, index) for index, item in enumerate(objects, 1)]
        single.append(not objects or len(objects) > MAX_LINES_PER_RECORD)
    many = pl.DataFrame(rows, schema={"row": pl.Int64, "text": pl.String, "index": pl.Int64}, orient="row")
    kept = np.ones(len(values), bool)
    kept[likely.to_numpy()] = single
    return values.filter(kept), many.filter(~pl.col("row").is_in(values.filter(kept)["row"].implode()))


def _objects(value: str) -> list[str]:
    """Return the texts of many objects in one value; none if it does not hold several."""
    if value.lstrip().startswith("["):
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
        return [orjson.dumps(item).decode() for item in parsed]
    if _BY_LINE.match(value):
        return [line for line in value.split("\n") if line.strip()]
    return _consecutive(value)


def _consecutive(value: str) -> list[str]:
    """Return the texts of objects that follow each other; what cannot be read behind them is one text."""
    objects: list[str] = []
    at = len(value) - len(value.lstrip())
    while at < len(value):
        try:
            end = _DECODER.raw_decode(value, at)[1] if value[at] == "{" else len(value)
        except (json.JSONDecodeError, RecursionError):
            end = len(value)
        objects.append(value[at:end].rstrip())
        at = end + len(value[end:]) - len(value[end:].lstrip())
    return objects if len(objects) > 1 else []
