"""Values of many JSON objects: an array of them, or one object per line."""

from __future__ import annotations

import numpy as np
import orjson
import polars as pl

from daemon.core.positions import MAX_LINES_PER_RECORD

_REGISTRY_JSON = r"(?s)^\x00.{4}(\s*[\[{].*)$"  # after a schema registry's header


def split_objects(values: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the values that are one object each, and the objects of those that hold many, numbered from 1.

    A value holds many if it is an array of objects, or several lines that each begin an object.
    """
    text = values["text"]
    if text.str.starts_with("\0").any():
        text = pl.DataFrame({"text": text}).select(pl.coalesce(pl.col("text").str.extract(_REGISTRY_JSON), "text"))[
            "text"
        ]
        values = values.with_columns(text)
    likely = text.str.contains(r"^\s*\[\s*\{|^\s*\{[^\n]*\}\s*\n\s*\{")
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
    """Return the texts of many objects in one value; none if it is not an array or lines of them."""
    if value.lstrip().startswith("["):
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            return []
        return [orjson.dumps(item).decode() for item in parsed]
    return [line for line in value.split("\n") if line.strip()]
