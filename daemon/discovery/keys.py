"""Candidates for a session's key: everything in a line that looks like an identifier.

A candidate is a pattern with the named group `key`, or a path of a structured line. `trust` is how likely such a key
marks a session, before anything is measured. First is an identifier that programs make for one piece of work, then a
process, a connection, a thread, and last a word of the header, which may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import polars as pl

from daemon.discovery.reading import Reading
from daemon.discovery.shares import share_of
from daemon.discovery.structured import ENVELOPES

ENOUGH = 0.15
"""The least share of lines that must have a key."""
MOST_NAMES = 15
HEADER_WORDS = 9
LOOKED_AT = 3_000
FEWEST = 5
"""The least number of different keys."""
EVERYWHERE = 0.9
"""The largest share of lines that one key may have."""
SAME = 0.05
WORDS = 0.45
"""The most trust in words without a digit: a class or a program does much work under one name."""
_DATE = r"^\d{4}[./-]\d\d[./-]\d\d|^\d\d:\d\d"
_UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}"
_WORK = re.compile(r"(?i)req|trace|sess|correl|conn|transaction|task|job|order|attempt|span|call|msg.?id|blk|uuid|guid")
_THREAD = re.compile(r"(?i)thread|thr|tid|worker")
_PLACE = re.compile(r"(?i)host|node|pod|container|user|client|ip$|addr")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may be a session's key: a pattern on the line or, with `path`, a field."""

    name: str
    pattern: str = ""
    path: str = ""
    trust: float = 0.7
    placed: bool = False
    """Known by its place in the line alone. Without digits it is a class or a program, of which there are few."""


OWN_KEY = "key"
"""The path of the key that a format finds itself."""
WINDOW = Candidate("windows of time", trust=0.35)
"""No key at all: what a service writes within some time."""


def candidates(lines: pl.Series, reading: Reading) -> Iterator[Candidate]:
    """Yield candidates. A line's time and level are not part of any."""
    sample = lines.head(LOOKED_AT)
    if reading.format == "syslog":
        yield Candidate("the host's process", path=OWN_KEY, trust=0.95)
    elif reading.format in ENVELOPES:
        yield Candidate("what the format calls the key", path=OWN_KEY, trust=0.95)
    for key in reading.keys:
        name = key if reading.format != "raw" else re.sub(r"^\(\?:\^\|\\s\)|=.*$|\[(.)\]", r"\1", key)
        trust = _trust(name, 0.7)
        yield Candidate(name, path=key, trust=trust) if reading.format != "raw" else Candidate(name, key, trust=trust)
    if reading.kind != "logfmt":
        header = _header(sample, reading)
        texts = chain(_typed(), _named(_bare(sample, header)))
        offered = texts if reading.keys else chain(texts, _placed(), _delimited())
        yield from filter(None, (_fit(sample, header, candidate) for candidate in offered))


def _header(lines: pl.Series, reading: Reading) -> list[pl.Series]:
    """Return the time and the level of lines, a column each."""
    parts = ((pattern, part) for pattern in reading.extract for part in ("time", "level"))
    return [
        lines.str.extract_groups(pattern).struct.field(part) for pattern, part in parts if f"(?P<{part}>" in pattern
    ]


def _bare(lines: pl.Series, header: list[pl.Series]) -> pl.Series:
    """Return lines without the parts of the header."""
    bare = lines.to_list()
    for column in header:
        bare = [line.replace(part, " ", 1) if part else line for line, part in zip(bare, column, strict=True)]
    return pl.Series("line", bare)


def _fit(lines: pl.Series, header: list[pl.Series], candidate: Candidate) -> Candidate | None:
    """Return the candidate with its trust; None when it is rare, constant, a date, or part of the header."""
    keys = lines.str.extract(candidate.pattern)
    present = keys.drop_nulls()
    if len(present) < ENOUGH * len(lines) or present.n_unique() < FEWEST:
        return None
    if present.value_counts(sort=True, name="n")["n"][0] > EVERYWHERE * len(present):
        return None
    if any(_overlap(keys, part) > SAME for part in header) or share_of(present, _DATE) > SAME:
        return None
    if share_of(present, r"\d") >= 0.5:
        return candidate
    return None if candidate.placed else replace(candidate, trust=min(candidate.trust, WORDS))


def _overlap(keys: pl.Series, part: pl.Series) -> float:
    """Return the share of lines whose key is in that part of the header, or holds it."""
    pairs = zip(keys, part, strict=True)
    return sum(bool(key and word) and (word in key or key in word) for key, word in pairs) / max(1, len(keys))


def _typed() -> Iterator[Candidate]:
    """Yield identifiers that are known by their form."""
    yield Candidate("a UUID", rf"\b(?P<key>{_UUID})\b", trust=1.0)
    yield Candidate("the audit event", r"\baudit\(\d+\.\d+:(?P<key>\d+)\)", trust=1.0)
    yield Candidate("the queue's identifier", r"^(?P<key>[0-9A-F]{8,15}|[0-9][0-9B-Zb-z]{10,15}): ", trust=1.0)
    yield Candidate("the collection", r"\bGC\((?P<key>\d+)\)", trust=0.9)
    yield Candidate("a hexadecimal identifier", r"\b(?P<key>[0-9a-f]{16,64})\b", trust=0.95)
    yield Candidate("the process", r"(?P<key>[\w./()@-]+\[\d+\])", trust=0.95)
    yield Candidate("the connection", rf"\b(?P<key>{_ADDRESS}:\d+)\b", trust=0.9)
    yield Candidate("the connection's number", r"#\d+: \*(?P<key>\d+) ", trust=0.95)
    yield Candidate("the address", rf"\b(?P<key>{_ADDRESS})\b", trust=0.8)
    yield Candidate("the first brackets", r"^[^\[]*\[(?P<key>[^\]]+)\]", trust=0.8)
    yield Candidate("the second brackets", r"^[^\[]*\[[^\]]*\][^\[]*\[(?P<key>[^\]]+)\]", trust=0.8)
    yield Candidate("the number in brackets", r"\[(?P<key>\d+)\]", trust=0.85)


def _named(lines: pl.Series) -> Iterator[Candidate]:
    """Yield numbers with a name before them: ``blk_-123``, ``req-38101a0b``, ``session=12``, ``TID 1155``."""
    for pattern, form, trust in (
        (rf"\b([A-Za-z]{{2,16}})[_-](?:{_UUID}|-?\d{{3,}})", rf"(?P<key>NAME[_-](?:{_UUID}|-?\d{{3,}}\w*))", 0.9),
        (r"\b([A-Za-z][\w.]{1,23})[=:#]\s?\"?[\w./-]*\d", r"NAME[=:#]\s?\"?(?P<key>[\w./:@-]*\d[\w./:@-]*)", 0.75),
        (r"\b([A-Za-z]{2,16}) #?\d{2,}\b", r"NAME #?(?P<key>\d{2,})\b", 0.75),
    ):
        names = lines.str.extract_all(pattern).explode().drop_nulls().str.extract(pattern)
        for name in names.value_counts(sort=True)[names.name].head(MOST_NAMES).to_list():
            yield Candidate(name, r"\b" + form.replace("NAME", re.escape(name)), trust=_trust(name, trust))


def _placed() -> Iterator[Candidate]:
    """Yield the words of the header, by their place."""
    for place in range(HEADER_WORDS):
        skip = rf"(?:\S+\s+){{{place}}}" if place else ""
        yield Candidate(f"word {place + 1}", rf"^{skip}[\[(]?(?P<key>[^\s\])(,]+)", trust=0.65, placed=True)


def _delimited() -> Iterator[Candidate]:
    """Yield the fields of lines with a separator, by their place."""
    for sign, name in (("|", "bars"), ("\t", "tabs"), (";", "semicolons")):
        for place in range(HEADER_WORDS):
            skip = f"(?:[^{sign}]*[{sign}]){{{place}}}"
            pattern = rf"^{skip}\s*(?P<key>[^{sign}]*?)\s*[{sign}]"
            yield Candidate(f"field {place + 1} between {name}", pattern, trust=0.65, placed=True)


def _trust(name: str, otherwise: float) -> float:
    for pattern, trust in ((_WORK, 1.0), (_THREAD, 0.8), (_PLACE, 0.7)):
        if pattern.search(name):
            return trust
    return otherwise
