"""From a sample of lines to the choices, their reasons, and the next best ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from daemon.core.masking import Masker
from daemon.core.positions import INDEX_BITS
from daemon.discovery.keys import OWN_KEY, WINDOW, Candidate, candidates
from daemon.discovery.levels import find_level
from daemon.discovery.reading import Reading, parse, read_text
from daemon.discovery.sessions import Sample, SessionMeasure, measure
from daemon.discovery.structured import LOOKED_AT, read_envelope, read_headers, read_json, read_logfmt

MOST_LINES = 10_000
"""Lines of a sample."""
BETTER = 1.15
"""So much better than windows of time a key must be."""
OWN_SCOPE = 100
"""Sessions that a service must have in the sample to be judged by itself."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user has chosen; None leaves the choice to what is found. `key` is a pattern, a path, or ``none``."""

    format: str | None = None
    key: str | None = None
    gap_us: int | None = None
    time_format: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A key, the measure of its sessions, and the key of one of them."""

    candidate: Candidate
    measure: SessionMeasure
    example: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """How lines are read and cut into sessions. `together`: all services are judged as one scope."""

    reading: Reading
    choice: Choice
    runner_up: Choice | None
    lines: int
    together: bool
    start: int | None = None
    """The earliest time in the sample, None without times."""
    end: int | None = None


class NothingToReadError(ValueError):
    """The sample holds no line."""


def discover(texts: Sequence[str], wishes: Wishes | None = None) -> Discovery:
    """Return what was found in a sample of lines. Raises NothingToReadError when all of them are blank."""
    wishes = wishes or Wishes()
    lines = pl.Series("line", [line.rstrip("\r") for text in texts for line in text.split("\n")], dtype=pl.String)
    lines = lines.filter(lines.str.contains(r"\S")).head(MOST_LINES)
    if lines.is_empty():
        raise NothingToReadError("there is no line to read")
    reading = _reading(lines, wishes)
    records = _records(lines, reading)
    if not records:
        raise NothingToReadError(f"no line can be read as {reading.format}")
    sample = _sample(records, reading)
    choices = _choices(records, reading, sample, wishes)
    chosen = _chosen(choices)
    if wishes.gap_us is not None:
        chosen = replace(chosen, measure=replace(chosen.measure, gap_us=wishes.gap_us))
    times = sample.times[sample.times > 0]
    return Discovery(
        reading,
        chosen,
        next((other for other in choices if other is not chosen), None),
        len(lines),
        wishes.scope is None and _together(chosen.measure),
        int(times.min()) if len(times) and reading.time else None,
        int(times.max()) if len(times) and reading.time else None,
    )


def _reading(lines: pl.Series, wishes: Wishes) -> Reading:
    found = (
        _leveled(lines, read_envelope(lines) or read_json(lines) or read_headers(lines))
        or read_logfmt(lines)
        or read_text(lines)
    )
    if wishes.format not in {None, found.format}:
        assert wishes.format is not None
        found = Reading(wishes.format, wishes.format, time="as the format has it")
    if wishes.time_format is not None:
        found = replace(found, time=wishes.time_format, time_format=wishes.time_format)
    if wishes.scope is not None:
        found = replace(found, fields={**found.fields, "scope": wishes.scope})
    return found


def _leveled(lines: pl.Series, found: Reading | None) -> Reading | None:
    """Return the reading of a format that states no level itself, with the level that messages state."""
    if found is None or found.level:
        return found
    level = find_level(_messages(lines.head(LOOKED_AT).to_list(), found))
    return found if level is None else replace(found, extract=(*found.extract, level.pattern), level=True)


def _records(lines: pl.Series, reading: Reading) -> list[str]:
    """Return lines that begin a record and can be read; what goes on with one has its key in any case."""
    begun = lines.filter(lines.str.contains(reading.begins)) if reading.begins else lines
    records = begun.to_list()
    rows = parse(reading, [record.encode() for record in records]).lines["position"] // (1 << INDEX_BITS)
    return [records[row] for row in rows.unique(maintain_order=True)]


def _sample(records: Sequence[str], reading: Reading) -> Sample:
    lines = Masker().apply(parse(reading, [record.encode() for record in records]).lines)
    events = lines["masked"].rank("dense").to_numpy().astype(np.int64)
    scopes = lines["scope"].rank("dense").to_numpy().astype(np.int64) - 1
    return Sample(lines["time"].to_numpy().astype(np.int64), events, scopes)


def _choices(records: Sequence[str], reading: Reading, sample: Sample, wishes: Wishes) -> list[Choice]:
    """Return the keys by their measure, the best first."""
    lines = _messages(records, reading)
    if wishes.key is not None:
        named = WINDOW if wishes.key == "none" else _wished(wishes.key, reading)
        offered = [named]
    else:
        offered = [*candidates(lines, reading), WINDOW]
    found = []
    seen: set[bytes] = set()
    for candidate in offered:
        names = _keys(records, lines, reading, candidate)
        if wishes.key is None and candidate is not WINDOW and names.drop_nulls().n_unique() < 2:
            continue
        keys = names.rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
        if len(keys) != len(sample.times) or (print_of := keys.tobytes()) in seen:
            continue
        seen.add(print_of)
        found.append(Choice(candidate, measure(sample, keys, candidate.trust), str(names.drop_nulls().first() or "")))
    return sorted(found, key=lambda choice: -choice.measure.score)


def _chosen(choices: Sequence[Choice]) -> Choice:
    """Return the best key, or windows of time where no key is clearly better."""
    window = next((choice for choice in choices if choice.candidate is WINDOW), None)
    if window is None or choices[0].measure.score > BETTER * window.measure.score:
        return choices[0]
    return window


def _messages(records: Sequence[str], reading: Reading) -> pl.Series:
    """Return what patterns are matched against: lines of text as they stand, else what the format calls the message."""
    if reading.format == "raw":
        return pl.Series("line", records)
    return parse(reading, [record.encode() for record in records]).lines["text"].alias("line")


def _wished(key: str, reading: Reading) -> Candidate:
    if "(?P<key>" in key:
        return Candidate("your pattern", key, trust=1.0)
    return (
        Candidate(key, path=key, trust=1.0) if reading.format != "raw" else Candidate(key, f"(?P<key>{key})", trust=1.0)
    )


def _keys(records: Sequence[str], lines: pl.Series, reading: Reading, candidate: Candidate) -> pl.Series:
    """Return each record's key, null where it has none."""
    if candidate is WINDOW:
        return pl.repeat(None, len(records), dtype=pl.String, eager=True)
    if candidate.path:
        fields = reading.fields if candidate.path == OWN_KEY else {**reading.fields, "key": candidate.path}
        parsed = parse(replace(reading, fields=fields), [record.encode() for record in records]).lines
        return parsed["key"].set(parsed["key"] == parsed["scope"], None)
    return lines.str.extract(candidate.pattern)


def _together(found: SessionMeasure) -> bool:
    """Whether most sessions belong to services that have too few to be judged alone."""
    if len(found.scopes) < 2:
        return False
    return sum(count for count in found.scopes if count >= OWN_SCOPE) < sum(found.scopes) / 2
