"""The clauses that no segment has: compared one by one, their vectors in memory up to a bound."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.document_store.segment_files import INDEX_BITS, Keys, best, keys_of

MOST_NUMBERS = 1 << 22
"""Numbers of loose vectors (16 MiB) from which on a base gets segments."""
BEHIND = 8
"""So many times as many make whoever adds wait for a segment."""
KEPT = 12
"""So many times as many stay in memory: about a whole segment, whose clauses are loose once one of them is removed."""
Number = tuple[int, int]
"""A row of vectors, and how many clauses it has."""


class LooseClauses:
    """The loose clauses of the base that was searched last. `most` bounds the numbers in memory."""

    def __init__(self, most: int = KEPT * MOST_NUMBERS) -> None:
        self._most = most
        self._of: tuple[str, str] = ("", "")
        self._keys: Keys = np.empty(0, np.int64)
        self._rows: NDArray[np.float32] = np.empty((0, 0), np.float32)
        """Has room for more rows than there are keys."""
        self._have: frozenset[int] = frozenset()

    def nearest(
        self,
        connection: sqlite3.Connection,
        of: tuple[str, str],
        numbers: Sequence[Number],
        vector: NDArray[np.float32],
        count: int,
    ) -> tuple[Keys, NDArray[np.float32]]:
        """Return the `count` nearest keys of these rows, exactly, and their cosines; `of` is base and model.

        What does not fit into memory is read from the store, in pieces.
        """
        room = self._most // len(vector)
        kept, others = _fitting(numbers, room)
        self._take(connection, of, kept, len(vector))
        result = best([self._keys], [self._rows[: len(self._keys)] @ vector], count)
        while others:
            some, others = _fitting(others, room)
            keys, rows = read_clauses(connection, some or [others.pop(0)], len(vector))
            result = best([result[0], keys], [result[1], rows @ vector], count)
        return result

    def _take(self, connection: sqlite3.Connection, of: tuple[str, str], numbers: Sequence[Number], size: int) -> None:
        """Have exactly the clauses of these rows in memory; read those that are new."""
        wanted = frozenset(number for number, _ in numbers)
        if of != self._of:
            self._of, self._have = of, frozenset()
            self._keys, self._rows = np.empty(0, np.int64), np.empty((0, size), np.float32)
        if wanted == self._have:
            return
        if not wanted >= self._have:
            stay = np.isin(self._keys >> INDEX_BITS, np.fromiter(wanted, np.int64, len(wanted)))
            self._rows, self._keys = self._rows[: len(self._keys)][stay], self._keys[stay]
        new = [(number, clauses) for number, clauses in numbers if number not in self._have]
        keys, rows = read_clauses(connection, new, size)
        begin, end = len(self._keys), len(self._keys) + len(keys)
        if end > len(self._rows):
            room = np.empty((end + len(keys), size), np.float32)  # pages that nobody writes to take no memory
            room[:begin] = self._rows[:begin]
            self._rows = room
        self._rows[begin:end] = rows
        self._keys, self._have = np.concatenate([self._keys, keys]), wanted


def read_clauses(
    connection: sqlite3.Connection, numbers: Sequence[Number], size: int
) -> tuple[Keys, NDArray[np.float32]]:
    """Return keys and vectors, shape (n, size), of all clauses of some rows."""
    keys: list[Keys] = [np.empty(0, np.int64)]
    rows: list[NDArray[np.float32]] = [np.empty((0, size), np.float32)]
    for number, _ in numbers:
        vectors = read_vectors(connection, number, size)
        keys.append(keys_of(number, len(vectors)))
        rows.append(vectors)
    return np.concatenate(keys), np.concatenate(rows)


def read_vectors(connection: sqlite3.Connection, number: int, size: int) -> NDArray[np.float32]:
    """Return the vectors of the clauses of one row, shape (n, size). Raises LookupError for a row that is gone."""
    row = connection.execute("SELECT clauses FROM vectors WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise LookupError(f"no vectors have the number {number}")
    return np.frombuffer(row[0], dtype=np.float32).reshape(-1, size)


def _fitting(numbers: Sequence[Number], room: int) -> tuple[list[Number], list[Number]]:
    """Return the first rows whose clauses are at most `room` together, and the others."""
    total = 0
    for place, (_, clauses) in enumerate(numbers):
        total += clauses
        if total > room:
            return list(numbers[:place]), list(numbers[place:])
    return list(numbers), []
