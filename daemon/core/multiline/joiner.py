"""Joins the lines of one partition that belong together, a batch at a time, with arrays.

The lines of a batch follow those that are held from before. Both are grouped by source, each source's lines in reading
order: a line goes on with the one before it, or begins an event. The decision on a held line is final and is kept with
the line. Events are handed on in the order of the lines that ended them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.multiline.bounds import Bounds, Decisions
from daemon.core.multiline.rules import Bits, Marks, Rules
from daemon.core.positions import INDEX_BITS, Positions, position_of
from daemon.core.types import LINES_SCHEMA

Ints = NDArray[np.int64]

MAX_APART = 100_000
"""Offsets after which an event ends if its source wrote nothing: so held lines are bounded, whatever clocks show."""
NONE: Positions = np.empty(0, dtype=np.int64)

_FLAGS = {"decided": False, "goes_on": False, "glued": False, "kept": True}
"""The decisions on a line (see `Decisions`), and their values before they are made."""
_KINDS = ("context", "anchor")
"""Also stored: the kinds of the whole line that it is part of, and those of its anchor."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The events that ended: a table of `LINES_SCHEMA` and `read`, the position of the line that ended each.

    The event in row `rows[i]` also holds the line at `positions[i]`. `cuts` counts the events that a bound ended.
    """

    events: pl.DataFrame
    rows: Ints = field(default_factory=lambda: NONE)
    positions: Positions = field(default_factory=lambda: NONE)
    cuts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Joining:
    """Which lines are joined, and how many at most. Without `rules`, only the parts of a line are."""

    rules: Rules | None = None
    bounds: Bounds = field(default_factory=Bounds)


class Joiner:
    """Joins the lines of one partition. Not thread-safe; positions must come in ascending order.

    Where a partition is read again, `until` is the checkpoint's `next`, `resumed` the positions that were held when it
    was written, and `clock` this joiner's `clock` then.
    """

    def __init__(
        self,
        joining: Joining,
        *,
        until: int = 0,
        resumed: Positions = NONE,
        clock: int | None = None,
    ) -> None:
        self._rules, self._bounds = joining.rules, joining.bounds
        self._until, self._resumed = position_of(until), resumed
        self.clock = clock
        """The latest `arrival` so far, in microseconds; None before the first line."""
        self._lines: pl.DataFrame | None = None

    @property
    def held(self) -> Positions:
        """The positions of the lines that are held, sorted."""
        return NONE if self._lines is None else self._lines["position"].to_numpy()

    @property
    def pending(self) -> Positions:
        """Those of `held` that were never handed on, not even before a restart."""
        return self.held[~self._handed_on(self.held)]

    def push(self, lines: pl.DataFrame) -> Joined:
        """Take in lines in reading order, with the columns of `SOURCE_SCHEMA`; return the events that they end."""
        arrival = lines["arrival"].to_numpy()
        now = np.maximum.accumulate(arrival if self.clock is None else np.maximum(arrival, self.clock))
        self.clock = int(now[-1])
        if self._rules is None and self._lines is None and not lines["partial"].any():
            return Joined(lines.select(*LINES_SCHEMA, read="position"))
        bits, starts = np.zeros(len(lines), np.int64), np.zeros(len(lines), np.bool_)
        if self._rules is not None:
            bits, starts = self._rules.bits(lines["said"], lines["text"])
        arrays = {"now": now, "bits": bits, "starts": starts}
        lines = lines.with_columns(
            pl.col("said").str.len_bytes().cast(pl.Int64).alias("size"),
            *(pl.Series(name, values) for name, values in arrays.items()),
            *(pl.lit(value).alias(name) for name, value in _FLAGS.items()),
            *(pl.lit(0, dtype=pl.Int64).alias(name) for name in _KINDS),
        )
        return self._take(lines if self._lines is None else pl.concat([self._lines, lines]))

    def flush(self, read: int) -> Joined:
        """Return all events that are held; `read` is the position up to which lines were read."""
        if self._lines is None:
            return Joined(pl.DataFrame(schema={**LINES_SCHEMA, "read": pl.Int64()}))
        lines, self._lines = self._lines, None
        grouped = _Grouped(lines)
        begins = np.flatnonzero(~grouped.of("goes_on"))
        return self._joined(grouped, begins, np.arange(len(begins)), np.full(len(begins), read))

    def _take(self, lines: pl.DataFrame) -> Joined:
        grouped = _Grouped(lines)
        cuts = self._decide(grouped)
        begins = np.flatnonzero(~grouped.of("goes_on"))
        done = self._ends(grouped, begins)
        held = done == len(lines)
        of_event = np.repeat(held, np.diff(begins, append=len(lines)))
        rows = np.sort(grouped.order[of_event])
        self._lines = grouped.lines[rows] if len(rows) else None
        ended = np.flatnonzero(~held)
        ended = ended[np.lexsort((grouped.order[begins[ended]], done[ended]))]
        read = lines["position"].to_numpy()[done[ended]]
        return self._joined(grouped, begins, ended, read, cuts)

    def _decide(self, grouped: _Grouped) -> Counter[str]:
        """Store the decision on each line; return how many events were cut, by bound."""
        decided = grouped.of("decided")
        near = self._near(grouped)
        glued = np.where(decided, grouped.of("glued"), near & _before(grouped.of("partial")))
        goes_on, cuts = glued, Counter[str]()
        context = anchor = grouped.of("context")
        if self._rules is not None:
            part = glued | (near & self._rules.blank(grouped.of("bits")))
            context, anchor = _contexts(grouped, self._rules.indented(grouped.of("bits")), part, near)
            before = np.where(grouped.first, 0, _before(context | anchor))
            wanted = self._rules.go_on(grouped.of("bits"), grouped.of("starts"), before) & ~decided
            cuts["time"] += int((wanted & ~near).sum())
            goes_on = np.where(decided, grouped.of("goes_on"), glued | (wanted & near))
        size = grouped.of("size")
        decisions = Decisions(decided, goes_on.copy(), glued.copy(), grouped.of("kept").copy(), size)
        cuts += decisions.cut(self._bounds)
        grouped.note(
            decided=np.ones_like(decided),
            goes_on=decisions.goes_on,
            glued=decisions.glued,
            kept=decisions.kept,
            context=context,
            anchor=anchor,
        )
        return cuts

    def _near(self, grouped: _Grouped) -> Marks:
        """Return which lines follow the one before them in their source soon enough to go on with it."""
        offset, position = grouped.of("position") >> INDEX_BITS, grouped.of("position")
        near = ~grouped.first & (offset <= _before(offset) + MAX_APART)
        for clock in ("now", "arrival"):
            near &= grouped.of(clock) <= _before(grouped.of(clock)) + self._bounds.wait
        if (position < self._until).any():
            handed_on = self._handed_on(position)
            near &= handed_on == _before(handed_on)
        return near

    def _handed_on(self, positions: Positions) -> Marks:
        """Return which lines were handed on before the partition was read again."""
        return (positions < self._until) & ~np.isin(positions, self._resumed)

    def _ends(self, grouped: _Grouped, begins: Ints) -> Ints:
        """Return, for each event, the row of the line that ended it; the number of rows where none did."""
        count = len(grouped.order)
        last = np.append(begins[1:], count) - 1
        following = np.minimum(last + 1, count - 1)
        another = (last + 1 < count) & ~grouped.first[following]
        now, offset = grouped.lines["now"].to_numpy(), grouped.lines["position"].to_numpy() >> INDEX_BITS
        rows = grouped.order[last]
        done = np.minimum(
            np.searchsorted(now, now[rows] + self._bounds.wait, side="right"),
            np.searchsorted(offset, offset[rows] + MAX_APART, side="right"),
        )
        done = np.minimum(done, np.where(another, grouped.order[following], count))
        if self._rules is None:
            done = np.where(grouped.of("partial")[last], done, rows)
        ends: Ints = done.astype(np.int64)
        return ends

    def _joined(
        self, grouped: _Grouped, begins: Ints, chosen: Ints, read: Positions, cuts: Mapping[str, int] | None = None
    ) -> Joined:
        """Return the chosen events, in that order."""
        heads = grouped.order[begins[chosen]]
        events = grouped.lines[heads].select(list(LINES_SCHEMA))
        first = events["position"].to_numpy()
        read = np.where(self._handed_on(first), first, read)
        events = events.with_columns(pl.Series("read", read, dtype=pl.Int64))
        more = np.append(begins[1:], len(grouped.order))[chosen] - begins[chosen] - 1
        if not more.any():
            return Joined(events, cuts=cuts or {})
        rows = np.repeat(np.arange(len(chosen)), more)
        step = np.arange(len(rows)) - np.repeat(np.cumsum(more) - more, more)
        rest = grouped.order[begins[chosen][rows] + 1 + step]
        said = pl.when(pl.col("kept") & pl.col("said").str.contains(r"\S")).then(
            pl.when("glued").then(pl.lit("")).otherwise(pl.lit("\n")) + pl.col("said")
        )
        pieces = grouped.lines[rest].select(pl.Series("row", rows), "position", said=said.otherwise(pl.lit("")))
        whole = pieces.group_by("row", maintain_order=True).agg(pl.col("said").str.join(""))
        text = events["text"].gather(whole["row"]) + whole["said"]
        events = events.with_columns(events["text"].clone().scatter(whole["row"], text))
        return Joined(events, rows, pieces["position"].to_numpy(), cuts or {})


class _Grouped:
    """Lines grouped by source, each source's lines in reading order; columns are arrays in that order."""

    def __init__(self, lines: pl.DataFrame) -> None:
        rows = pl.int_range(len(lines), dtype=pl.Int64).alias("row")
        groups = lines.select("source", rows).group_by("source", maintain_order=True).agg("row")
        self.order: Ints = groups["row"].explode().to_numpy()
        self.first: Marks = np.zeros(len(lines), np.bool_)
        """The first line of each source."""
        self.first[np.cumsum(groups["row"].list.len().to_numpy().astype(np.int64))[:-1]] = True
        self.first[0] = True
        self.lines = lines
        """The lines in reading order."""

    def of(self, column: str) -> NDArray[Any]:
        """Return a column, of integers or booleans, in grouped order."""
        values: NDArray[Any] = self.lines[column].to_numpy()[self.order]
        return values

    def note(self, **columns: NDArray[np.int64] | Marks) -> None:
        """Store arrays, given in grouped order, as columns of the lines."""
        back = np.empty_like(self.order)
        back[self.order] = np.arange(len(self.order))
        self.lines = self.lines.with_columns(pl.Series(name, values[back]) for name, values in columns.items())


def _contexts(grouped: _Grouped, indented: Marks, part: Marks, near: Marks) -> tuple[Bits, Bits]:
    """Return, for each line, the kinds of the whole line that it is part of, and those of its anchor."""
    decided, place = grouped.of("decided"), np.arange(len(part))
    own = np.where(decided, grouped.of("context"), grouped.of("bits"))
    context = own[np.maximum.accumulate(np.where(decided | ~part, place, 0))]
    anchors = decided | ~near | ~(part | indented)
    at = np.maximum.accumulate(np.where(anchors, place, 0))
    return context, np.where(decided, grouped.of("anchor"), context)[at]


def _before(values: NDArray[Any]) -> NDArray[Any]:
    """Return each line's predecessor's value; the first has its own."""
    before: NDArray[Any] = values[np.maximum(np.arange(len(values)) - 1, 0)]
    return before
