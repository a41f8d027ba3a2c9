"""How lines are read: the daemon's format, its fields or patterns, the time's format, and what begins a record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from daemon.core.formats import FieldPaths, FormatSettings, make_format
from daemon.core.types import Batch, Parsed, TopicPartition
from daemon.discovery.kinds import kind_of
from daemon.discovery.levels import LevelPlace, find_level
from daemon.discovery.shares import share_of
from daemon.discovery.times import NEARLY_ALL, TimePlace, find_time

SOURCE = TopicPartition("sample", 0)
_BETWEEN = r"[\])\s,|:-]*"
INDENTED = 0.1
"""The least share of lines that continue a record, and of those that begin one, where lines have no time."""
_HEADING = r"^[A-Za-z#\[(<]\S*"


@dataclass(frozen=True, slots=True)
class Reading:
    """How lines are read. `kind` names it for people, `fields` are the paths that differ from the format's own.

    `begins` is the pattern of a record's first line where records have several. `scope` is the path or group that names
    the service, if any; `keys` are paths that may hold a session key.
    """

    kind: str
    format: str
    fields: Mapping[str, str] = field(default_factory=dict)
    extract: Sequence[str] = ()
    time: str | None = None
    """How times are written, in words; None where lines have no time."""
    time_format: str | None = None
    level: bool = False
    begins: str | None = None
    keys: Sequence[str] = ()
    written: int | None = None
    """When the newest line was written at the latest, in microseconds, where that is known."""

    def settings(self, key: str | None = None) -> FormatSettings:
        """Return the core's settings; `key` is one more pattern to extract."""
        paths = FieldPaths(**{**dict(FieldPaths().items()), **self.fields})
        patterns = (*self.extract, key) if key else tuple(self.extract)
        return FormatSettings(self.format, paths, patterns, self.time_format, written=self.written)


def parse(reading: Reading, records: Sequence[bytes], key: str | None = None) -> Parsed:
    """Return the lines that the daemon's own format parses from records as files have them."""
    count = len(records)
    return make_format(reading.settings(key)).parse(Batch(SOURCE, range(count), [-1] * count, [None] * count, records))


def read_text(lines: pl.Series) -> Reading:
    """Return how lines of text are read whose only structure is a header."""
    place = find_time(lines)
    begins = _begins(lines, place)
    headed = lines.filter(lines.str.contains(begins)) if begins else lines
    level = find_level(headed)
    return Reading(
        kind=kind_of(headed, lines) or _kind(place, level),
        format="raw",
        extract=tuple(_patterns(headed, place, level)),
        time=place.dialect.name if place else None,
        time_format=place.dialect.format if place else None,
        level=level is not None,
        begins=begins,
    )


def _patterns(lines: pl.Series, place: TimePlace | None, level: LevelPlace | None) -> list[str]:
    """Return the patterns for time, level and message; the message begins after what comes first in the line."""
    whole: list[str] = []
    if place is not None and place.first:
        head = place.pattern + _BETWEEN
        joined = rf"{head}\[?(?P<level>{level.word})\b{_BETWEEN}(?P<message>.*)$" if level else ""
        if joined and share_of(lines, joined) >= NEARLY_ALL:
            return [joined]
        whole.append(head + "(?P<message>.*)$")
    elif place is not None:
        whole.append(place.pattern)
    if level is not None:
        whole.append(level.pattern)
    return whole


def _begins(lines: pl.Series, place: TimePlace | None) -> str | None:
    """Return the pattern of lines that begin a record, None where all do. Without a time, other lines are indented."""
    if place is None:
        indented = share_of(lines, r"^[ \t]")
        return r"^\S" if INDENTED <= indented <= 1 - INDENTED and share_of(lines, _HEADING) >= INDENTED else None
    if place.words == 99 or bool(lines.str.contains(place.pattern).all()):
        return None
    return re.sub(r"\(\?P<\w+>", "(?:", place.pattern)


def _kind(place: TimePlace | None, level: LevelPlace | None) -> str:
    """Return the name of lines that `kind_of` does not know."""
    if place is None:
        return "plain text"
    named = (
        ("glog", place.dialect.name == "glog"),
        ("Android's log", place.dialect.name == "month-day" and level is not None and level.words == 4),
        ("Go's log", place.dialect.name == "year/month/day" and place.first and level is None),
    )
    return next((name for name, fits in named if fits), "text with a header")
