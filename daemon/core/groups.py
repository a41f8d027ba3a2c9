"""Rows of a table by equal values, in order of appearance: as arrays, however many values there are."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def stable_order(values: Ints) -> Ints:
    """Return the order that sorts whole numbers from 0 on, equal ones as they come.

    It is that of numpy's stable sort, but numpy sorts numbers that all differ several times as fast.
    """
    count = len(values)
    if count and int(values.max()) >= (1 << 63) // count - 1:
        return np.argsort(values, kind="stable")
    return np.argsort(values * count + np.arange(count))


def combined(*columns: Ints) -> Ints:
    """Return a number for each of at least one row: equal where rows are, by all columns, and in the order of rows.

    The values of a column lie within 2^63 of each other.
    """
    codes = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values = column - column.min()
        if (int(codes.max()) + 1) * (int(values.max()) + 1) >= 1 << 63:
            codes, values = (np.unique(each, return_inverse=True)[1] for each in (codes, values))
        codes = codes * (int(values.max()) + 1) + values
    return codes


def grouped(table: pl.DataFrame, *by: str) -> tuple[pl.DataFrame, Ints, Ints]:
    """Return the distinct values in order of appearance, the rows sorted by group, and each group's size."""
    rows = table[list(by)].with_row_index("row")  # no `select`: one costs as much as a thousand rows
    groups = rows.group_by(*by, maintain_order=True).agg("row", pl.len().alias("size"))
    order, sizes = groups["row"].explode().to_numpy(), groups["size"].to_numpy()
    return groups[list(by)], order.astype(np.int64), sizes.astype(np.int64)


def numbered(column: pl.Series) -> tuple[pl.Series, Ints]:
    """Return the distinct values of a column in order of appearance, and each row's index among them."""
    groups, order, sizes = grouped(pl.DataFrame([column]), column.name)
    number = np.empty(len(column), dtype=np.int64)
    number[order] = np.repeat(np.arange(len(sizes)), sizes)
    return groups[column.name], number
