"""Which lines go on with the line before them: patterns, and what must come before.

A rule is tested on a line's text alone; the rules that a line matches are a set of bits. Whether the line goes on then
depends on the bits of the line before it, and on those of its *anchor*: the last line before it in its source that is
not indented, which the last line of a traceback needs. So a whole batch is decided with a few array operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Bits = NDArray[np.int64]
Marks = NDArray[np.bool_]

INDENTED = "indented"
"""The kind of indented lines."""
CALM = "calm"
"""The kind of lines whose level says that nothing is wrong."""
BLANK = "blank"
"""The kind of lines that hold nothing. They go on, and the next line is compared with the line before them."""

_INDENT = r"^(?:[ \t]+|#011)\S"  # `#011` is the tab as rsyslog writes it
_LEVEL = (
    r"(?i)(?:^|[^\w.-])(trace|debug|info|information|notice|fine|finer|finest|inf|dbg|vrb|verbose"
    r"|warn|warning|wrn|err|eror|error|severe|fatal|ftl|crit|critical|alert|emerg|panic|fail|failed|failure)"
    r"(?:[^\w=.-]|$)"
)
_CALM_LEVELS = "trace debug info information notice fine finer finest inf dbg vrb verbose".split()  # noqa: SIM905
_HEAD = 200
"""Characters of a line in which a level may stand."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of line.

    A line that matches `pattern`, and not `but`, goes on with the one before it if that one, or its anchor, is of a
    kind in `after` (None: any kind) and neither is of one in `unless`. With `goes_on` False it is only named, so
    that other rules can refer to it.
    """

    name: str
    pattern: str
    after: tuple[str, ...] | None = None
    unless: tuple[str, ...] = ()
    goes_on: bool = True
    but: str | None = None


class Rules:
    """Rules in any order, and patterns of lines that always begin an event."""

    def __init__(self, rules: Sequence[Rule], starts: Sequence[str] = (), *, others_go_on: bool = False) -> None:
        """With `others_go_on`, every line that matches none of `starts` goes on."""
        self._rules = tuple(rules)
        self._bit = {INDENTED: 0, CALM: 1, BLANK: 2}
        for rule in rules:
            self._bit.setdefault(rule.name, len(self._bit))
        self._starts = tuple(starts)
        self._others_go_on = others_go_on

    def bits(self, lines: pl.Series, leveled: pl.Series) -> tuple[Bits, Marks]:
        """Return the kinds of lines as bits, and which lines always begin an event; one element a line.

        `leveled` are the lines with their level in front.
        """
        line = pl.col("line")
        level = pl.col("leveled").str.head(_HEAD).str.extract(_LEVEL).str.to_lowercase()
        blank = ~line.str.contains(r"\S")
        tests = [line.str.contains(_INDENT), level.is_in(_CALM_LEVELS).fill_null(value=False), blank]
        places = [self._bit[INDENTED], self._bit[CALM], self._bit[BLANK]]
        for rule in self._rules:
            matches = line.str.contains(rule.pattern)
            tests.append(matches if rule.but is None else matches & ~line.str.contains(rule.but))
            places.append(self._bit[rule.name])
        kinds = pl.DataFrame([lines.alias("line"), leveled.alias("leveled")]).select(
            *(test.alias(str(at)) for at, test in enumerate(tests)),
            starts=pl.any_horizontal(pl.lit(value=False), *(line.str.contains(start) for start in self._starts)),
        )
        bits = np.zeros(len(lines), np.int64)
        for at, place in enumerate(places):
            bits |= kinds[str(at)].to_numpy().astype(np.int64) << place
        return bits, kinds["starts"].to_numpy()

    def indented(self, bits: Bits) -> Marks:
        """Return which lines are indented."""
        return (bits & 1).astype(np.bool_)

    def blank(self, bits: Bits) -> Marks:
        """Return which lines hold nothing."""
        return (bits >> self._bit[BLANK] & 1).astype(np.bool_)

    def go_on(self, bits: Bits, starts: Marks, before: Bits) -> Marks:
        """Return which lines go on with the one before; `before` has its bits and those of its anchor."""
        result = self.blank(bits) | self._others_go_on
        for rule in self._rules:
            if not rule.goes_on:
                continue
            matches = (bits >> self._bit[rule.name] & 1).astype(np.bool_)
            if rule.after is not None:
                matches &= (before & self._mask(rule.after)) != 0
            result |= matches & ((before & self._mask(rule.unless)) == 0)
        return result & ~starts

    def _mask(self, names: Sequence[str]) -> int:
        return sum(1 << self._bit[name] for name in set(names))
