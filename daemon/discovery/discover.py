"""From a sample of lines to the choices, their reasons, and the next best ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.formats import without_colours
from daemon.core.masking import Masker
from daemon.core.positions import INDEX_BITS
from daemon.discovery.keys import OWN_KEY, WINDOW, Candidate, candidates
from daemon.discovery.levels import find_level
from daemon.discovery.reading import Reading, parse, read_text
from daemon.discovery.sessions import Sample, SessionMeasure, measure
from daemon.discovery.structured import LOOKED_AT, read_envelope, read_headers, read_json, read_logfmt

MOST_LINES = 10_000
"""The most lines of a sample."""
BETTER = 1.15
"""A key must be this many times better than windows of time."""
LATER = 0.01
"""The share of records of many lines whose key may stand in a later line, where lines are joined all the same."""
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
    together: bool = False
    """Its sessions span services, which are then one scope."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """How lines are read and cut into sessions. `together`: all services are judged as one scope.

    `starts` is the pattern of lines that begin an event, where the daemon is to join the lines that go on with it.
    """

    reading: Reading
    choice: Choice
    runner_up: Choice | None
    lines: int
    together: bool
    starts: str | None = None
    start: int | None = None
    """The earliest time in the sample, None without times."""
    end: int | None = None


class NothingToReadError(ValueError):
    """The sample holds no line."""


def discover(texts: Sequence[str], wishes: Wishes | None = None, written: int | None = None) -> Discovery:
    """Return how a sample of lines, of the time before `written` (microseconds), is read and cut.

    Raises NothingToReadError when all of them are blank.
    """
    wishes = wishes or Wishes()
    lines = pl.Series("line", [line.rstrip("\r") for text in texts for line in text.split("\n")], dtype=pl.String)
    lines = without_colours(lines.filter(lines.str.contains(r"\S")).head(MOST_LINES))
    if lines.is_empty():
        raise NothingToReadError("there is no line to read")
    reading = replace(_reading(lines, wishes), written=written)
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
        wishes.scope is None and (chosen.together or _together(chosen.measure)),
        _starts(records, reading, chosen.candidate),
        int(times.min()) if len(times) and reading.time else None,
        int(times.max()) if len(times) and reading.time else None,
    )


def _reading(lines: pl.Series, wishes: Wishes) -> Reading:
    reading = (
        _leveled(lines, read_envelope(lines) or read_json(lines) or read_headers(lines))
        or read_logfmt(lines)
        or read_text(lines)
    )
    if wishes.format not in {None, reading.format}:
        assert wishes.format is not None
        reading = Reading(wishes.format, wishes.format, time="as the format has it")
    if wishes.time_format is not None:
        reading = replace(reading, time=wishes.time_format, time_format=wishes.time_format)
    if wishes.scope is not None:
        reading = replace(reading, fields={**reading.fields, "scope": wishes.scope})
    return reading


def _leveled(lines: pl.Series, found: Reading | None) -> Reading | None:
    """Return the reading of a format that states no level itself, with the level that messages state."""
    if found is None or found.level:
        return found
    level = find_level(_messages(lines.head(LOOKED_AT).to_list(), found))
    return found if level is None else replace(found, extract=(*found.extract, level.pattern), level=True)


def _records(lines: pl.Series, reading: Reading) -> list[str]:
    """Return the records that can be read, each with the lines that continue it."""
    if not reading.begins:
        records = lines.to_list()
    else:
        begun = lines.str.contains(reading.begins).cast(pl.Int64).cum_sum()
        begun_lines = pl.DataFrame({"line": lines, "record": begun}).filter(pl.col("record") > 0)
        whole = begun_lines.group_by("record", maintain_order=True)
        records = whole.agg(pl.col("line").str.join("\n"))["line"].to_list()
    rows = parse(reading, [record.encode() for record in records]).lines["position"] // (1 << INDEX_BITS)
    return [records[row] for row in rows.unique(maintain_order=True)]


def _starts(records: Sequence[str], reading: Reading, key: Candidate) -> str | None:
    """Return what begins an event; None where nothing is joined, or a key stands in later lines of its record.

    A joined line has the key of its first line.
    """
    if reading.format != "raw" or reading.begins is None:
        return None
    if key.pattern:
        several = pl.Series("record", [record for record in records if "\n" in record], dtype=pl.String)
        first = several.str.extract(r"^([^\n]*)").str.contains(key.pattern)
        later = ~first & several.str.replace(r"^[^\n]*\n", "").str.contains(f"(?m){key.pattern}")
        if later.sum() > LATER * max(1, len(several)):
            return None
    return reading.begins


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
        offered = sorted([*candidates(lines, reading), WINDOW], key=lambda candidate: -candidate.trust)
    choices = []
    seen: set[bytes] = set()
    for candidate in offered:
        if candidate is WINDOW:
            names = pl.repeat(None, len(sample.times), dtype=pl.String, eager=True)
        else:
            names = _keys(records, lines, reading, candidate)
        if wishes.key is None and candidate is not WINDOW and names.drop_nulls().n_unique() < 2:
            continue
        keys = names.rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
        if len(keys) != len(sample.times) or (fingerprint := keys.tobytes()) in seen:
            continue
        seen.add(fingerprint)
        apart, together = _measures(sample, keys, candidate)
        over = together.score > BETTER * apart.score
        example = str(names.drop_nulls().first() or "")
        choices.append(Choice(candidate, together if over else apart, example, over))
    return sorted(choices, key=lambda choice: -choice.measure.score)


def _measures(sample: Sample, keys: NDArray[np.int64], candidate: Candidate) -> tuple[SessionMeasure, SessionMeasure]:
    """Return the measure with a scope for each service, and with one for all, which a key across services needs."""
    apart = measure(sample, keys, candidate.trust)
    if candidate is WINDOW or candidate.path == OWN_KEY or not sample.scopes.any():
        return apart, apart
    return apart, measure(replace(sample, scopes=np.zeros_like(sample.scopes)), keys, candidate.trust)


def _chosen(choices: Sequence[Choice]) -> Choice:
    """Return the best key, or windows of time where no key is clearly better."""
    window = next((choice for choice in choices if choice.candidate is WINDOW), None)
    if window is None or choices[0].measure.score > BETTER * window.measure.score:
        return choices[0]
    return window


def _messages(records: Sequence[str], reading: Reading) -> pl.Series:
    """Return what patterns are matched against: lines of text as they are, otherwise the format's message."""
    if reading.format == "raw":
        return pl.Series("line", [line for record in records for line in record.split("\n")], dtype=pl.String)
    return parse(reading, [record.encode() for record in records]).lines["text"].alias("line")


def _wished(key: str, reading: Reading) -> Candidate:
    if "(?P<key>" in key:
        return Candidate("your pattern", key, trust=1.0)
    return (
        Candidate(key, path=key, trust=1.0) if reading.format != "raw" else Candidate(key, f"(?P<key>{key})", trust=1.0)
    )


def _keys(records: Sequence[str], lines: pl.Series, reading: Reading, candidate: Candidate) -> pl.Series:
    """Return each record's key, null where it has none."""
    if candidate.path:
        fields = reading.fields if candidate.path == OWN_KEY else {**reading.fields, "key": candidate.path}
        parsed = parse(replace(reading, fields=fields), [record.encode() for record in records]).lines
        return parsed["key"].set(parsed["key"] == parsed["scope"], None)
    keys = lines.str.extract(candidate.pattern)
    if reading.format != "raw" or len(lines) == len(records):
        return keys
    number = pl.Series(np.repeat(np.arange(len(records)), [record.count("\n") + 1 for record in records]))
    return pl.DataFrame({"key": keys, "record": number}).select(
        pl.col("key").forward_fill().backward_fill().over("record")
    )["key"]


def _together(found: SessionMeasure) -> bool:
    """Return whether most sessions belong to services that have too few to be judged alone."""
    if len(found.scopes) < 2:
        return False
    return sum(count for count in found.scopes if count >= OWN_SCOPE) < sum(found.scopes) / 2
