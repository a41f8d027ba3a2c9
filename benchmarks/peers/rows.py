"""The lines that every contestant gets: made once, written to a file, read by each before its clock starts.

A line of the file is the event time in microseconds, the session's key and the record as Kafka would have it, between
tabs. Other people's programs get the key and the message: only ours pays for the JSON.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: event time in microseconds, the session's key, the message."""

    time: int
    key: str
    message: str


def write(path: Path, rows: Iterable[tuple[int, bytes, bytes]]) -> int:
    """Write (time, key, JSON) rows; return how many."""
    count = 0
    with path.open("wb") as file:
        for time, key, value in rows:
            file.write(b"%d\t%s\t%s\n" % (time, key, value))
            count += 1
    return count


def records(path: Path, first: int, count: int) -> list[tuple[int, bytes, bytes]]:
    """Return rows `first` to `first + count` as they were written."""
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number >= first + count:
                break
            if number >= first:
                time, key, value = line.rstrip(b"\n").split(b"\t", 2)
                rows.append((int(time), key, value))
    return rows


def messages(path: Path, first: int, count: int) -> list[Row]:
    """Return the same rows with their messages taken out of the JSON."""
    return [Row(time, key.decode(), json.loads(value)["message"]) for time, key, value in records(path, first, count)]


class Sessions(Generic[T]):
    """Cuts events into sessions by key and idle gap in event time: the least that a detector of sessions needs."""

    def __init__(self, gap_us: int) -> None:
        self._gap = gap_us
        self._open: OrderedDict[str, tuple[int, list[T]]] = OrderedDict()

    def push(self, time: int, key: str, event: T) -> Iterator[list[T]]:
        """Add an event; yield the sessions that have been idle for too long."""
        session = self._open.pop(key, None)
        events = session[1] if session else []
        events.append(event)
        self._open[key] = (time, events)
        while True:
            oldest = next(iter(self._open.values()))
            if time - oldest[0] < self._gap:
                return
            yield self._open.popitem(last=False)[1][1]
