"""Where the lines of a bench come from: generated traffic, or the records of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from daemon.errors import DataError, InputError

Record = tuple[int, bytes | None, bytes]
"""Timestamp in microseconds, key, value."""
SPACING_US = 1_000


class BenchSource(Protocol):
    """A stream of records; each call continues where the last one ended."""

    def lines(self, count: int) -> Iterator[Record]:
        """Yield the next `count` records."""
        ...


class FileSource:
    """The lines of a file, each the value of a record without a key, in the configured format.

    The last `measured` lines are those that are measured; `warm` is the number of the lines before them. Timestamps
    begin at `start_us`, so that no retention deletes them; what counts is the time that a line states.
    """

    def __init__(self, path: Path, measured: int, start_us: int) -> None:
        try:
            self._values = path.read_bytes().splitlines()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        if len(self._values) < measured:
            raise DataError(f"{path} has {len(self._values):,} lines; the rounds measure {measured:,}")
        self.warm = len(self._values) - measured
        self._start_us, self._next = start_us, 0

    def lines(self, count: int) -> Iterator[Record]:
        """See BenchSource."""
        begin, self._next = self._next, self._next + count
        for number in range(begin, begin + count):
            yield self._start_us + number * SPACING_US, None, self._values[number]
