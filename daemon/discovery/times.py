"""Where lines carry their time, and in which format.

A dialect is a regular expression that Rust and Python read alike, and its strptime format, or None where the daemon
reads such times without one. Full dates come before dates without a year, and those before times of day: a line may
hold several, and the most complete one at the same place in every line is the line's time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from daemon.core.formats import times_of

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write times. `rank` is 0 with a full date, 1 without the year, 2 without a date."""

    name: str
    pattern: str
    format: str | None
    rank: int = 0
    before: str = ""
    """What stands right before the time and belongs to another part, as glog's letter."""


_ORDERED = [("%y/%m/%d", "y/m/d"), ("%m/%d/%y", "m/d/y"), ("%d/%m/%y", "d/m/y")]
_ORDERED_4 = [("%m/%d/%Y", "m/d/Y"), ("%d/%m/%Y", "d/m/Y")]
DIALECTS: tuple[Dialect, ...] = (
    Dialect("ISO 8601", rf"\d{{4}}-\d\d-\d\d[T ]{_CLOCK}(?:Z| ?[+-]\d\d:?\d\d| UTC| GMT)?", None),
    Dialect("date, tab, time", rf"\d{{4}}-\d\d-\d\d\t{_CLOCK}", "%Y-%m-%d\t%H:%M:%S%.f"),
    Dialect("date and time", rf"\d{{4}}-\d\d-\d\d time={_CLOCK}", "%Y-%m-%d time=%H:%M:%S%.f"),
    Dialect("access log", rf"\d\d/{_MONTH}/\d{{4}}:\d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{{4}})?", None),
    Dialect("day/month/year", rf"\d\d/{_MONTH}/\d{{4}} {_CLOCK}(?: [+-]\d{{4}})?", None),
    Dialect("year.month.day", rf"\d{{4}}\.\d\d\.\d\d {_CLOCK}", "%Y.%m.%d %H:%M:%S%.f"),
    Dialect("year/month/day", rf"\d{{4}}/\d\d/\d\d {_CLOCK}", "%Y/%m/%d %H:%M:%S%.f"),
    Dialect("ctime", rf"{_WEEKDAY} {_MONTH} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d+)? \d{{4}}", "%a %b %e %H:%M:%S%.f %Y"),
    Dialect("RFC 2822", rf"{_WEEKDAY}, \d\d? {_MONTH} \d{{4}} \d\d:\d\d:\d\d", "%a, %d %b %Y %H:%M:%S"),
    Dialect("day month year", rf"\d\d? {_MONTH} \d{{4}} {_CLOCK}", "%d %b %Y %H:%M:%S%.f"),
    Dialect("day-month-year", rf"\d\d-{_MONTH}-\d{{4}} {_CLOCK}", "%d-%b-%Y %H:%M:%S%.f"),
    Dialect("month day, year", rf"{_MONTH} \d\d?, \d{{4}} \d\d?:\d\d:\d\d [AP]M", "%b %d, %Y %I:%M:%S %p"),
    *(Dialect(name, rf"\d\d/\d\d/\d\d {_CLOCK}", f"{day} %H:%M:%S%.f") for day, name in _ORDERED),
    *(
        Dialect(f"{name} am/pm", r"\d\d?/\d\d?/\d{4} \d\d?:\d\d:\d\d [AP]M", f"{day} %I:%M:%S %p")
        for day, name in _ORDERED_4
    ),
    *(Dialect(name, rf"\d\d/\d\d/\d{{4}} {_CLOCK}", f"{day} %H:%M:%S%.f") for day, name in _ORDERED_4),
    Dialect("day.month.year", rf"\d\d\.\d\d\.\d{{4}} {_CLOCK}", "%d.%m.%Y %H:%M:%S%.f"),
    Dialect("BlueGene", r"\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+", "%Y-%m-%d-%H.%M.%S%.f"),
    Dialect("yymmdd hhmmss", r"\d{6} \d{6}", "%y%m%d %H%M%S"),
    Dialect("yyyymmdd-h:m:s", r"\d{8}-\d\d?:\d\d?:\d\d?", "%Y%m%d-%H:%M:%S"),
    Dialect("yyyymmddThhmmss", r"\d{8}T\d{6}", "%Y%m%dT%H%M%S"),
    Dialect("epoch", r"(?:9\d{8}|1\d{9})(?:\.\d{1,9}|\d{3}|\d{6}|\d{9})?", None),
    Dialect("syslog", rf"{_MONTH} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d+)?", "%b %e %H:%M:%S%.f", 1),
    Dialect("glog", r"\d{4} \d\d:\d\d:\d\d\.\d+", "%m%d %H:%M:%S%.f", 1, "[IWEFD]"),
    Dialect("month-day", rf"\d\d-\d\d {_CLOCK}", "%m-%d %H:%M:%S%.f", 1),
    Dialect("month.day", rf"\d\d\.\d\d {_CLOCK}", "%m.%d %H:%M:%S%.f", 1),
    Dialect("day.month", rf"\d\d\.\d\d {_CLOCK}", "%d.%m %H:%M:%S%.f", 1),
    Dialect("time of day", _CLOCK, "%H:%M:%S%.f", 2),
)
ENOUGH = 0.3
"""The least share of lines with a time: the others may continue the line before."""
ENOUGH_AHEAD = 0.05
"""The least share where the time is among a line's first words: records may have many lines."""
AHEAD = 3
NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class TimePlace:
    """Where lines have their time: the dialect, the words before it, and the pattern that finds it."""

    dialect: Dialect
    words: int
    pattern: str
    """With the named group `time`."""
    share: float
    bare: bool = True
    """The time's word holds nothing else but brackets or quotes."""

    @property
    def first(self) -> bool:
        """Whether lines begin with it."""
        return self.words == 0 and self.bare


def find_time(lines: pl.Series) -> TimePlace | None:
    """Return where most lines carry their time, None where they have none."""
    places = list(_places(lines))
    if not places:
        return None
    most = max(place.share for place in places)
    places = [place for place in places if place.share >= NEARLY_ALL * most]
    return min(places, key=lambda place: (place.dialect.rank, not place.bare, place.words, -len(place.dialect.pattern)))


def _places(lines: pl.Series) -> Iterator[TimePlace]:
    for dialect in DIALECTS:
        edge = dialect.before or r"\b"
        head = lines.str.extract(rf"^(.*?){edge}{dialect.pattern}\b")
        timed = head.is_not_null()
        share = int(timed.sum()) / len(lines)
        if share < ENOUGH_AHEAD:
            continue
        words = head.filter(timed).str.count_matches(r"\S+\s")
        at, count = words.value_counts(sort=True, name="n").row(0)
        steady = count / max(1, len(words))
        if share < ENOUGH and (at >= AHEAD or steady < NEARLY_ALL):
            continue
        joined = head.filter(timed).str.extract(r"(\S*)$")
        word, times = joined.value_counts(sort=True, name="n").row(0)
        place = _place(dialect, int(at), steady, share, word if times >= NEARLY_ALL * len(joined) else "")
        if place is not None and _readable(lines, place):
            yield place


def _place(dialect: Dialect, words: int, steady: float, share: float, joined: str) -> TimePlace | None:
    """Return the place, None for a time of day that is not a line's first word; `joined` joins it in its word."""
    if dialect.rank == 2 and (words > 0 or steady < NEARLY_ALL):
        return None
    if steady < NEARLY_ALL:
        return TimePlace(dialect, 99, rf"\b(?P<time>{dialect.pattern})\b", share)
    skip = rf"(?:\S+\s+){{{words}}}" if words else ""
    bare = not joined or re.fullmatch(r"[^\w\s]{0,2}" + dialect.before, joined) is not None
    lead = r"[^\w\s]{0,2}" + dialect.before if bare else re.escape(joined)
    return TimePlace(dialect, words, rf"^{skip}{lead}(?P<time>{dialect.pattern})", share * steady, bare)


def _readable(lines: pl.Series, place: TimePlace) -> bool:
    """Return whether nearly all matches are times in the dialect: 17/06/09 is not m/d/y."""
    texts = lines.str.extract(place.pattern).drop_nulls()
    if texts.is_empty():
        return False
    return times_of(texts, place.dialect.format).null_count() <= 0.01 * len(texts)
