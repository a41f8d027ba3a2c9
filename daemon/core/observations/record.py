"""What one partition tells the incidents stage in a transaction: a record of the observations' topic.

Everything in it is a plain fact about lines and sessions; nothing in it is decided. All times are microseconds. The
plain facts of which there are most are named tuples: a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any, NamedTuple

import orjson
import zstandard

from daemon.core.zstd_frames import unpacked_frame
from daemon.errors import DataError

VERSION = 1
OBSERVATIONS_FILE = "observations.jsonl"
"""What a folder keeps observations in, one line each."""
MAX_RECORD_BYTES = 64 << 20
"""Most bytes of a record after decompression."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A cause was seen in a scope.

    `count` is how many sessions saw it in its time bin; a session counts once a bin. `line` (masked), `text`
    (redacted), `key` and `place` (position in the source) are of the first of them; they are empty for a harmless cause
    that the partition has described lately.
    """

    scope: str
    cause: str
    score: float
    time: int
    count: int
    line: str = ""
    text: str = ""
    key: str = ""
    place: str = ""


class Traffic(NamedTuple):
    """`sessions` of a scope began in the time bin that begins at `time`."""

    scope: str
    time: int
    sessions: int


class KeySeen(NamedTuple):
    """A session of a returning key began at `time`; no `key` says that the scope has too many of them to follow."""

    scope: str
    key: str
    time: int


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """A line at `time` stated this version of its scope."""

    scope: str
    version: str
    time: int


class LinesTogether(NamedTuple):
    """A whole session that lasted from `start` to `end`, without a warning or a failure, had these `causes`, sorted."""

    scope: str
    start: int
    end: int
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A complete closed session that carries a clue: the `causes` it may be about, and what an alert shows of it."""

    id: str
    scope: str
    end: int
    causes: Sequence[str]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A person's label of a pattern: `verdict` is normal, anomalous or forget. `causes` are those of its lines."""

    scope: str
    pattern: str
    verdict: str
    causes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MuteOrder:
    """A person's mute of a service, or of the `causes` of a pattern or cause `name` in it; `until` None ends it."""

    scope: str
    name: str
    until: int | None
    causes: Sequence[str] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Observations:
    """`source` names the partition (``topic/0``), `clock` is its stream time, None before its first line."""

    source: str
    clock: int | None = None
    traffic: Sequence[Traffic] = ()
    sightings: Sequence[Sighting] = ()
    cases: Sequence[Case] = ()
    said: Sequence[Said] = field(default=())
    mutes: Sequence[MuteOrder] = field(default=())
    keys: Sequence[KeySeen] = field(default=())
    together: Sequence[LinesTogether] = field(default=())
    versions: Sequence[VersionSeen] = field(default=())

    def __bool__(self) -> bool:
        lines = self.traffic or self.sightings or self.keys or self.versions
        return bool(lines or self.together or self.cases or self.said or self.mutes)


def observations_line(observations: Observations) -> bytes:
    """Return the observations as one line of JSON, without its newline."""
    document = {
        "version": VERSION,
        "source": observations.source,
        "clock": observations.clock,
        "traffic": [[t.scope, t.time, t.sessions] for t in observations.traffic],
        "sightings": [
            [s.scope, s.cause, s.score, s.time, s.count, s.line, s.text, s.key, s.place] for s in observations.sightings
        ],
        "keys": [[k.scope, k.key, k.time] for k in observations.keys],
        "together": [[t.scope, t.start, t.end, t.causes] for t in observations.together],
        "versions": [[v.scope, v.version, v.time] for v in observations.versions],
        "cases": [[c.id, c.scope, c.end, c.causes, c.document] for c in observations.cases],
        "said": [[s.scope, s.pattern, s.verdict, s.causes] for s in observations.said],
        "mutes": [[m.scope, m.name, m.until, m.causes, m.by] for m in observations.mutes],
    }
    return orjson.dumps(document)


def packed_observations(line: bytes) -> bytes:
    """Return the record's value of a line of JSON."""
    return zstandard.ZstdCompressor(level=3).compress(line)


def dump_observations(observations: Observations) -> bytes:
    """Return the record's value."""
    return packed_observations(observations_line(observations))


def load_observations(value: bytes | None) -> Observations:
    """Return what `dump_observations` was given. Raises DataError for what is not a record of this version."""
    if value is None:
        raise DataError("an observation has no value")
    try:
        document = orjson.loads(unpacked_frame(value, MAX_RECORD_BYTES))
        if document["version"] != VERSION:
            raise DataError(f"an observation has version {document['version']}, not {VERSION}")
        return Observations(
            source=document["source"],
            clock=document["clock"],
            traffic=list(starmap(Traffic, document["traffic"])),
            sightings=list(starmap(Sighting, document["sightings"])),
            keys=list(starmap(KeySeen, document.get("keys", ()))),  # older records have none
            together=_together(document.get("together", ())),  # older records have none
            versions=[VersionSeen(*row) for row in document.get("versions", ())],  # older records have none
            cases=[Case(*row) for row in document["cases"]],
            said=[Said(*row) for row in document["said"]],
            mutes=[MuteOrder(*row) for row in document.get("mutes", ())],  # older records have none
        )
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"an observation cannot be read: {error}") from error


def _together(rows: Sequence[tuple[str, int, int, Sequence[str]]]) -> list[LinesTogether]:
    return [LinesTogether(scope, start, end, tuple(causes)) for scope, start, end, causes in rows]
