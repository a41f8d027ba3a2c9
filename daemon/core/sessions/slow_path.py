"""The lines of one key that cannot join their session as a whole, given to sessions run by run and line by line.

What `sessions` does with arrays for most keys of a batch is done here with numbers for the few in which a session may
end: several runs of one key, or a limit within reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from daemon.core.positions import INDEX_BITS
from daemon.core.sessions.batch import Rows, Runs
from daemon.core.sessions.closed_sessions import Closing
from daemon.core.sessions.limits import SessionLimits, first_closing
from daemon.core.sessions.open_sessions import DISTINCT_LINE_TOKENS, Held, Slots
from daemon.core.types import ClosedBy


@dataclass(slots=True)
class Cut:
    """What became of a batch: pieces (slot, begin, end in grouped order), closed sessions, exact counts of lines."""

    slots: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    closed: list[Closing] = field(default_factory=list)
    distinct: dict[int, int] = field(default_factory=dict)


class Walker:
    """Walks over the runs of single keys of one batch; holds the columns of the session it is at as plain numbers."""

    def __init__(self, limits: SessionLimits, slots: Slots, held: Held, rows: Rows, runs: Runs) -> None:
        self._limits, self._slots, self._held = limits, slots, held
        self._rows, self._runs = rows, runs
        self.cut = Cut()
        self._slot = -1
        self._at = dict.fromkeys(Slots.COLUMNS, 0)
        self._known: set[int] | None = None
        self._mine: list[tuple[int, int]] = []

    def walk(self, number: int) -> None:
        """Give the lines of key `number` to its session, or to new ones where it must close."""
        slot = self._slot = self._slots.by_key.get(self._rows.keys[number], -1)
        if slot >= 0:
            self._at = {name: int(getattr(self._slots, name)[slot]) for name in Slots.COLUMNS}
        self._known, self._mine = None, []
        for run in range(int(self._runs.of_key[number]), int(self._runs.of_key[number + 1])):
            self._take(number, run)
        self._leave()

    def _take(self, number: int, run: int) -> None:
        at, runs, rows = self._at, self._runs, self._rows
        begin, end = int(runs.begin[run]), int(runs.end[run])
        first, time = int(runs.first_row[run]), int(runs.first_time[run])
        if self._slot >= 0:
            closing = self._closing(int(rows.met[first]), int(rows.offset[first]))
            gap = self._limits.gap_us
            if closing is None and not at["start"] - gap <= time <= at["end"] + gap:
                closing = first, ClosedBy.GAP
            if closing is not None:
                self._close(closing)
        if self._slot < 0:
            at = self._open(number, begin)
        if not self._fits(run, end - begin):
            self._line_by_line(number, begin, end)
            return
        at["start"] = min(at["start"], int(runs.least[run]))
        at["end"] = max(at["end"], int(runs.greatest[run]))
        at["met_last"] = int(rows.met[runs.last_row[run]])
        at["size"] += end - begin
        at["cost"] += int(runs.cost[run])
        self._add(begin, end)
        if self._known is None:
            at["distinct"] += end - begin
        else:
            self._known.update(self._numbers(begin, end))
            at["distinct"] = len(self._known)

    def _fits(self, run: int, size: int) -> bool:
        """Whether no limit can be met inside a run."""
        at, runs, limits = self._at, self._runs, self._limits
        last = runs.last_row[run]
        tokens = at["cost"] + runs.cost[run] + DISTINCT_LINE_TOKENS * (at["distinct"] + size)
        return bool(
            max(at["end"], runs.greatest[run]) - min(at["start"], runs.least[run]) <= limits.max_age_us
            and self._rows.met[last] - at["met_first"] <= limits.max_age_us
            and self._rows.offset[last] - (at["first"] >> INDEX_BITS) <= limits.max_pinned
            and at["size"] + size <= limits.max_lines
            and tokens <= limits.max_tokens
        )

    def _line_by_line(self, number: int, begin: int, end: int) -> None:
        rows, at, known = self._rows, self._at, self._know()
        order = rows.row[begin:end]
        columns = (order, rows.met[order], rows.offset[order], rows.time[begin:end], rows.cost[begin:end])
        walked = zip(*(column.tolist() for column in columns), self._numbers(begin, end), strict=True)
        for place, (row, met, offset, time, cost, line) in enumerate(walked, begin):
            closing = self._closing(met, offset)
            if closing is None and at["size"]:
                closing = self._full(row, time, cost, len(known) + (line not in known))
            if closing is not None:
                self._add(begin, place)
                self._close(closing)
                at, known, begin = self._open(number, place), self._know(), place
            known.add(line)
            at["size"] += 1
            at["cost"] += cost
            at["met_last"] = met
            at["start"], at["end"] = min(at["start"], time), max(at["end"], time)
        at["distinct"] = len(known)
        self._add(begin, end)

    def _numbers(self, begin: int, end: int) -> list[int]:
        found: list[int] = self._rows.numbers[self._rows.line[begin:end]].tolist()
        return found

    def _know(self) -> set[int]:
        """Return the numbers of the lines that the session holds."""
        if self._known is None:
            self._known = set(np.unique(self._held.lines.of(self._slot, "line")).tolist())
            for begin, end in self._mine:
                self._known.update(self._numbers(begin, end))
        return self._known

    def _add(self, begin: int, end: int) -> None:
        if end > begin:
            self.cut.slots.append(self._slot)
            self.cut.begins.append(begin)
            self.cut.ends.append(end)
            self._mine.append((begin, end))

    def _open(self, number: int, place: int) -> dict[str, int]:
        rows = self._rows
        self._slot = int(self._slots.take([rows.keys[number]])[0])
        met, time = int(rows.met[rows.row[place]]), int(rows.time[place])
        first = int(rows.position[place])
        self._at = dict.fromkeys(Slots.COLUMNS, 0) | {
            "met_first": met,
            "met_last": met,
            "start": time,
            "end": time,
            "first": first,
        }
        self._known, self._mine = set(), []
        return self._at

    def _close(self, closing: tuple[int, ClosedBy]) -> None:
        self._leave()
        self.cut.closed.append((closing[0], self._slot, closing[1]))
        self._slots.close(self._slot)
        self._slot = -1

    def _leave(self) -> None:
        for name, value in self._at.items():
            getattr(self._slots, name)[self._slot] = value
        self.cut.distinct[self._slot] = self._at["distinct"]

    def _closing(self, met: int, offset: int) -> tuple[int, ClosedBy] | None:
        """Return the line at which stream time or the pin closes the session, up to one met so, and which of them."""
        at, limits = self._at, self._limits
        if (
            met - at["met_last"] <= limits.gap_us
            and met - at["met_first"] <= limits.max_age_us
            and offset - (at["first"] >> INDEX_BITS) <= limits.max_pinned
        ):
            return None
        self._leave()
        return first_closing(self._slots, np.array([self._slot]), self._rows.met, self._rows.offset, limits)[0]

    def _full(self, row: int, time: int, cost: int, distinct: int) -> tuple[int, ClosedBy] | None:
        """Say why a line that no gap parts from its session does not fit into it."""
        at, limits = self._at, self._limits
        if max(at["end"], time) - min(at["start"], time) > limits.max_age_us:
            return row, ClosedBy.AGE
        if at["size"] >= limits.max_lines:
            return row, ClosedBy.LINES
        tokens = at["cost"] + cost + DISTINCT_LINE_TOKENS * distinct
        return (row, ClosedBy.TOKENS) if tokens > limits.max_tokens else None
