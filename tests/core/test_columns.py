"""Growable columns against a naive table: a dictionary of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.columns import ROWS, Column, Columns


class Table(Columns):
    mass = Column(np.float64)
    family = Column(np.int64, fill=-1)
    parts = Column(np.float32, (3, ROWS))
    vectors = Column(np.float16, (ROWS, "dimensions"))
    text = Column(np.object_)


def write(table: Table, row: int, value: int) -> None:
    table.mass[row] = table.family[row] = value
    table.parts[:, row], table.vectors[row] = value, value
    table.text[row] = str(value)


def content(table: Table, row: int) -> tuple[Any, ...]:
    one = (table.mass.item(row), table.family.item(row), table.text.item(row))
    return (*one, table.parts[:, row].tolist(), table.vectors[row].tolist())


EMPTY = (0.0, -1, None, [0.0] * 3, [0.0] * 2)


def full(value: int) -> tuple[Any, ...]:
    return (float(value), value, str(value), [float(value)] * 3, [float(value)] * 2)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.just(1)),
        st.tuples(st.sampled_from(["take_many", "push", "free", "free_many", "keep", "reserve"]), st.integers(0, 9)),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 4))
def test_rows_keep_what_was_written_until_they_are_freed(steps: list[tuple[str, int]], room: int) -> None:
    """Taken rows hold what was written, free ones the fill values, through any sequence of operations."""
    table, naive, written = Table(room, dimensions=2), dict[int, int](), 1
    for step, number in steps:
        new: list[int] = []
        held = sorted(naive)
        if step == "take":
            new = [table.take()]
        elif step in ("take_many", "push"):
            new = getattr(table, step)(number).tolist()
        elif step == "free" and held:
            table.free(held[number % len(held)])
            del naive[held[number % len(held)]]
        elif step == "free_many":
            table.free_many(held[:number])
            naive = {row: value for row, value in naive.items() if row not in held[:number]}
        elif step == "keep":
            kept = held[::-1][:number]
            table.keep(np.array(kept, np.int64))
            naive = {place: naive[row] for place, row in enumerate(kept)}
        elif step == "reserve":
            table.reserve(number)
        assert len(set(new)) == len(new)
        assert not naive.keys() & set(new)
        for row in new:
            assert content(table, row) == EMPTY
            write(table, row, written)
            naive[row] = written
            written += 1
    assert table.used == len(naive)
    assert table.taken().tolist() == sorted(naive)
    for row in range(len(table)):
        assert content(table, row) == (full(naive[row]) if row in naive else EMPTY)


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 9))
def test_many_rows_are_taken_as_one_after_the_other(freed: list[int], count: int) -> None:
    """Taking many rows gives the rows that as many single calls give."""
    one, many = Table(dimensions=1), Table(dimensions=1)
    for table in (one, many):
        table.push(6)
        table.free_many(dict.fromkeys(freed))
    assert many.take_many(count).tolist() == [one.take() for _ in range(count)]


def test_a_freed_row_is_given_again_before_the_table_grows() -> None:
    """Taking and giving back one row again and again needs the room of one."""
    table = Table(1, dimensions=1)
    for _ in range(100):
        table.free(table.take())
    assert len(table) == 1


def test_room_grows_with_the_rows() -> None:
    """Arrays move a number of times that is logarithmic in the rows, and a long one is at most a quarter too long."""
    table = Table(1, dimensions=1)
    arrays = set()
    for _ in range(1000):
        table.take()
        arrays.add(len(table.mass))
    assert [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 320, 400, 500, 625, 781, 976, 1220] == sorted(arrays)


def test_tables_share_nothing() -> None:
    """Two tables of one class have arrays of their own."""
    one, other = Table(dimensions=1), Table(dimensions=1)
    one.mass[one.take()] = 1.0
    assert other.mass[other.take()] == 0.0


def test_a_subclass_has_the_columns_of_its_base() -> None:
    """Columns are inherited, and the class itself holds no array."""

    class More(Table):
        extra = Column(np.int8, fill=3)

    assert More(dimensions=1).extra[0] == 3
    assert len(More(dimensions=1).mass) == len(More(dimensions=1).extra)
    with pytest.raises(AttributeError):
        _ = More.extra


def test_bytes_count_every_column() -> None:
    """The bytes are those of all arrays, room included."""
    assert Table(10, dimensions=8).nbytes == 10 * (8 + 8 + 3 * 4 + 8 * 2 + 8)
