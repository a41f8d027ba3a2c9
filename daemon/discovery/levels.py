"""Where lines state their level.

A word is a level where it stands at the same place of nearly every line, or at least in capitals or brackets near the
beginning of nearly every line: a line that mentions an error states no level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from daemon.discovery.shares import share_of

WORDS = (
    "TRACE|TRC|DEBUG|DBG|VERBOSE|VRB|FINEST|FINER|FINE|CONFIG|INFORMATION|INFO|INF|NOTICE|NOTE|LOG|STATEMENT|DETAIL|HINT|"
    "CONTEXT|WARNING|WARN|WRN|ERROR|ERR|FAILURE|FTL|SEVERE|CRITICAL|CRIT|ALERT|EMERGENCY|EMERG|FATAL|PANIC"
)
LETTERS = "[VDIWEFTA]"
NEAR = 100
"""A level must begin within this many characters."""
FAR = 300
"""The same for a level between commas."""
ENOUGH = 0.85


@dataclass(frozen=True, slots=True)
class LevelPlace:
    """Where lines state their level: a pattern with the named group `level`, and the words before it or None."""

    pattern: str
    word: str
    """The level alone, without the place."""
    words: int | None
    share: float


def find_level(lines: pl.Series) -> LevelPlace | None:
    """Return where nearly all lines state a level, None where they do not."""
    return max(_places(lines), key=lambda place: (place.share >= 0.98, place.words is not None), default=None)


def _places(lines: pl.Series) -> Iterator[LevelPlace]:
    heads = lines.str.head(NEAR + 12)
    for word in (WORDS, f"(?i:{WORDS})"):
        yield from _steady(heads, word, r"(?:[^\w/.$=-]|$)")
    yield from _steady(heads, LETTERS, r"[\s/|]")
    for around in (
        rf"^(?P<level>{WORDS}):",
        r"^(?P<level>trce|dbug|info|warn|fail|crit): ",
        rf"^.{{0,{NEAR}}}?\s[\w-]+\.(?P<level>{WORDS}): ",
        rf"^.{{0,{NEAR}}}?[\s\[](?P<level>{WORDS})/\w[\w-]*\]",
        rf"^.{{0,{NEAR}}}?[\[(<|](?:\w+:)?(?P<level>(?i:{WORDS}))[\])>|]",
        rf"^.{{0,{NEAR}}}?(?:^|[\s\[(<|:=,-])(?P<level>{WORDS})(?:[\s\])>|:,]|$)",
        rf"^.{{0,{NEAR}}}?\b(?:level|lvl|severity)=\"?(?P<level>\w+)",
    ):
        share = share_of(heads, around)
        if share >= ENOUGH:
            yield LevelPlace(around, WORDS, None, share)
    between = rf"^.{{0,{FAR}}}?,(?P<level>{WORDS}),"
    if (share := share_of(lines, between)) >= ENOUGH:
        yield LevelPlace(between, WORDS, None, share)
    glog = r"^(?P<level>[DIWEF])\d{4} \d\d:\d\d:\d\d"
    if share_of(heads, glog) >= ENOUGH:
        yield LevelPlace(glog, "[DIWEF]", None, 1.0)


def _steady(heads: pl.Series, word: str, after: str) -> Iterator[LevelPlace]:
    """Yield the place where the same number of words comes before the first level of nearly every line."""
    before = heads.str.extract(rf"^(.*?\s)[^\w\s]{{0,2}}(?:{word}){after}")
    counts = before.drop_nulls().str.count_matches(r"\S+\s").value_counts(sort=True, name="n")
    if counts.is_empty():
        return
    words, count = counts.row(0)
    share = count / len(heads)
    if share < ENOUGH:
        return
    pattern = rf"^(?:\S+\s+){{{words}}}[^\w\s]{{0,2}}(?P<level>{word}){after}"
    if word == LETTERS and heads.str.extract(pattern).n_unique() < 3:
        return  # one letter in all lines is a name, not a level
    yield LevelPlace(pattern, word, int(words), share)
