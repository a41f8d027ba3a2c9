"""The rows that say which clauses are in which segment. Every function is a part of the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.adapters.document_store.loose_clauses import Number

LARGEST = 1 << 17
"""Clauses of a segment, at most, unless one document has more: a few large ones are searched faster than many."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of the index: its number, and its size in bytes."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What the next segment of a base is made of: loose rows, and the segment with its rows that they are added to."""

    loose: Sequence[Number]
    onto: Segment | None = None
    rows: Sequence[Number] = ()


def segments_of(connection: sqlite3.Connection, base: str, model: str) -> list[tuple[int, int]]:
    """Return number and bytes of each segment."""
    query = "SELECT number, bytes FROM segments WHERE base = ? AND model = ?"
    return connection.execute(query, (base, model)).fetchall()


def numbers_in(connection: sqlite3.Connection, base: str, model: str, segment: int | None) -> list[Number]:
    """Return the rows of a segment, or the loose ones."""
    query = "SELECT number, size FROM places WHERE base = ? AND model = ? AND segment IS ? ORDER BY number"
    return connection.execute(query, (base, model, segment)).fetchall()


def loose_clauses(connection: sqlite3.Connection, base: str, model: str) -> int:
    """Return how many clauses are loose."""
    query = "SELECT COALESCE(SUM(size), 0) FROM places WHERE base = ? AND model = ? AND segment IS NULL"
    (clauses,) = connection.execute(query, (base, model)).fetchone()
    return int(clauses)


def plan(connection: sqlite3.Connection, base: str, model: str, largest: int) -> Plan:
    """Return what the next segment is made of: as many loose rows as fit, and the smallest segment if it fits too."""
    numbers: list[Number] = []
    clauses = 0
    for number, size in numbers_in(connection, base, model, None):
        if numbers and clauses + size > largest:
            break
        numbers.append((number, size))
        clauses += size
    query = "SELECT size, number, bytes FROM segments WHERE base = ? AND model = ? ORDER BY size LIMIT 1"
    smallest = connection.execute(query, (base, model)).fetchone()
    if not numbers or smallest is None or clauses + smallest[0] > largest:
        return Plan(numbers)
    onto = Segment(*smallest[1:])
    return Plan(numbers, onto, numbers_in(connection, base, model, onto.number))


def enter(connection: sqlite3.Connection, base: str, model: str, planned: Plan, size: int) -> int:
    """Enter a segment of `size` bytes; return its number. Raises LookupError when its rows are no longer as planned."""
    query = "INSERT INTO segments (base, model, size, bytes) VALUES (?, ?, ?, ?)"
    rows = [*planned.rows, *planned.loose]
    segment = connection.execute(query, (base, model, sum(each for _, each in rows), size)).lastrowid
    old = None if planned.onto is None else planned.onto.number
    moved = connection.executemany(
        "UPDATE places SET segment = ? WHERE number = ? AND (segment IS NULL OR segment IS ?)",
        [(segment, number, old) for number, _ in rows],
    ).rowcount
    if segment is None or moved != len(rows):
        raise LookupError("a row of the segment is gone or in another one")
    connection.execute("DELETE FROM segments WHERE number = ?", (old,))
    return segment


def dissolve(connection: sqlite3.Connection, segment: int) -> None:
    """Make the clauses of a segment loose."""
    row = connection.execute("SELECT base, model FROM segments WHERE number = ?", (segment,)).fetchone()
    if row is not None:
        connection.execute(
            "UPDATE places SET segment = NULL WHERE base = ? AND model = ? AND segment = ?", (*row, segment)
        )
        connection.execute("DELETE FROM segments WHERE number = ?", (segment,))


def segments_with(connection: sqlite3.Connection, base: str, id_: str, model: str | None) -> list[int]:
    """Return the segments that have clauses of a document, of one model or of any."""
    query = """SELECT DISTINCT segment FROM vectors JOIN places USING (number)
               WHERE vectors.base = ? AND vectors.id = ? AND vectors.model = COALESCE(?, vectors.model)
               AND segment IS NOT NULL"""
    return [segment for (segment,) in connection.execute(query, (base, id_, model))]


def all_segments(connection: sqlite3.Connection) -> list[int]:
    """Return the numbers of all segments of the store."""
    return [segment for (segment,) in connection.execute("SELECT number FROM segments")]
