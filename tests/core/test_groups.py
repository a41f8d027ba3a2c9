"""Rows by equal values, against plain Python."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.groups import combined, grouped, numbered, stable_order


@given(st.lists(st.integers(0, 40)))
def test_equal_numbers_keep_their_order(values: list[int]) -> None:
    """Numbers are sorted, and equal ones stay as they come."""
    expected = sorted(range(len(values)), key=values.__getitem__)

    assert expected == stable_order(np.array(values, np.int64)).tolist()


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from((0, 1, 1 << 60)), st.integers(0, 1 << 62)), min_size=1))
def test_rows_have_one_number_where_all_columns_agree(rows: list[tuple[int, int, int]]) -> None:
    """Numbers are equal exactly where rows are, and are in the order of rows, however far apart values lie."""
    numbers = combined(*np.array(rows, np.int64).T).tolist()

    assert sorted(range(len(rows)), key=rows.__getitem__) == sorted(range(len(rows)), key=numbers.__getitem__)
    assert len(set(rows)) == len(set(numbers))


@given(st.lists(st.sampled_from("abcd"), min_size=1))
def test_groups_are_in_order_of_appearance(values: list[str]) -> None:
    """Each row is in the group of its value, and rows of a group are in order."""
    names, rows, sizes = grouped(pl.DataFrame({"key": values}), "key")
    distinct, number = numbered(pl.Series("key", values))

    assert list(dict.fromkeys(values)) == names["key"].to_list() == distinct.to_list()
    assert [values.count(name) for name in dict.fromkeys(values)] == sizes.tolist()
    assert sorted(range(len(values)), key=number.tolist().__getitem__) == rows.tolist()
    assert values == [distinct[place] for place in number.tolist()]
