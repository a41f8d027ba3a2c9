"""What has been normal lately in one scope: patterns, each with its mass in the rolling window.

A pattern is a row of a table; its lines, sessions, label and vector are kept by that row number in their own modules.
A row is taken for the first record that is read of its pattern: sessions, a label, or lines and vector, in any order.
The pattern is *defined* once its lines and its vector are known, and counts from then on.

*Mass* is the number of a pattern's sessions in the window, corrected by labels: one labelled anomalous never counts,
and one labelled normal counts as at least the share `mass` of the window. So its own distance is 0, and patterns near
it become less strange with it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from daemon.core.baseline.backbone_masses import BackboneMasses
from daemon.core.baseline.forgetting import least, unused, unwritten
from daemon.core.baseline.labels import Label, Labels
from daemon.core.baseline.line_lists import LineLists
from daemon.core.baseline.line_table import KEEP, Ids, LineTable
from daemon.core.baseline.neighbours import Neighbours
from daemon.core.baseline.pattern_table import ABSENT, Definition, Lines, PatternTable
from daemon.core.baseline.simhash import Sketch, sketch
from daemon.core.baseline.weight_rows import FEW, Sessions, Weight
from daemon.core.baseline.window import BUCKETS, Window
from daemon.core.types import LabelVerdict, TopicPartition, Vector

KEPT_AFTER_EVICTION = 0.95
REFRESH = 0.02
"""The mass of labelled patterns and the common lines are recomputed when the total has changed by this share."""


def more_until(now: float, then: float, share: float) -> int:
    """Return by how much `now` can grow until it differs from `then` by more than `share` of that: whole numbers."""
    return math.floor(share * then) - int(now - then)


class Baseline:
    """The weighted patterns of one scope, for vectors of `dimensions` and a window of `window_us` microseconds.

    `mass` is a share of the window's sessions; at most `max_patterns` are kept.
    """

    def __init__(self, dimensions: int, window_us: int, mass: float, max_patterns: int) -> None:
        self.share = mass
        self.patterns = PatternTable()
        self.window = Window(max(1, window_us // BUCKETS))
        self.lines = LineTable()
        self.labels = Labels(self.lines)
        self.neighbours = Neighbours(dimensions)
        self.counted = 0.0
        """The sum of all masses."""
        self.changes = 0
        """Counts what invalidates earlier assessments at once: labels, other common lines, dropped patterns."""
        self.contents = LineLists()
        """The lines of each pattern."""
        self._max = max_patterns
        self._similar = BackboneMasses()
        self._refreshed = 0.0
        self._postponed: set[int] | None = None
        """Rows whose mass is counted at the end of `at_once`; None outside it."""

    # -- reading ---------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.neighbours)

    def __contains__(self, pattern: str) -> bool:
        return pattern in self.patterns

    def row(self, pattern: str) -> int:
        """Return the row of `pattern`, ABSENT when nothing is known of it."""
        return self.patterns.find(pattern)

    def defined(self, pattern: str) -> int:
        """Return the row of `pattern`, ABSENT when its lines and its vector are not known."""
        row = self.patterns.find(pattern)
        return row if row != ABSENT and self.patterns.defined.item(row) else ABSENT

    def rows(self) -> Iterable[tuple[str, int]]:
        """Return all patterns of which anything is known, with their rows."""
        return self.patterns.names()

    def numbers(self, row: int) -> Ids:
        """Return the numbers of a defined pattern's lines in the line table."""
        return self.contents.lines(row)

    def lines_of(self, row: int) -> Lines:
        """Return a pattern's lines, none where it is not defined."""
        if not self.patterns.defined.item(row):
            return ()
        texts = self.lines.text[self.contents.lines(row)].tolist()
        return tuple(zip(texts, self.contents.counts(row).tolist(), strict=True))

    def vector(self, row: int) -> Vector:
        """Return a defined pattern's vector."""
        return self.neighbours.vectors.get(row)

    def mass_of(self, pattern: str) -> float:
        """Return the mass of `pattern`."""
        return self.mass_at(self.patterns.find(pattern))

    def mass_at(self, row: int) -> float:
        """Return the mass of the pattern in `row`, 0 for ABSENT."""
        return self.patterns.mass.item(row) if row != ABSENT else 0.0

    def similar(self, backbone: np.uint64) -> float:
        """Return the mass of the patterns that have this backbone."""
        return self._similar.of(backbone)

    def sketch(self, row: int) -> Sketch:
        """Return the sketch of a defined pattern's vector."""
        table = self.patterns
        if not table.sketched.item(row):
            table.sketch[row], table.sketched[row] = sketch(self.vector(row)), True
        return np.asarray(table.sketch[row])

    def near(self, vector: Vector, count: int, row: int = ABSENT) -> tuple[Ids, NDArray[np.float64]]:
        """Return up to `count` of the nearest rows that count, and their cosine distances, ascending.

        `row` is the pattern whose vector this is, where it is defined.
        """
        return self.neighbours.near(vector, count, self.patterns.mass, row)

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        tables = self.patterns.nbytes + self.window.nbytes + self.contents.nbytes
        return tables + self._similar.memory() + self.lines.memory() + self.neighbours.memory()

    # -- writing ---------------------------------------------------------------------------------------------------

    def define(self, definitions: Iterable[Definition]) -> None:
        """Set the lines and vectors of patterns, which count from then on."""
        table, new = self.patterns, self.patterns.renew(definitions)
        if not new:
            return
        rows = np.fromiter(new, np.int64, len(new))
        self._put_lines(rows, [one.lines for one in new.values()])
        table.defined[rows] = True
        for row, one in new.items():
            if one.sketch is not None:
                table.sketch[row], table.sketched[row] = one.sketch, True
            if self.labels.get(row) is not None:  # it was read before its pattern
                self.changes += 1
                self.labels.heed(row, self.numbers(row), 1)
        self.neighbours.add(rows, np.concatenate([one.vector for one in new.values()]).reshape(len(rows), -1))
        for row in new:
            self._recount(row)

    def _put_lines(self, rows: Ids, contents: list[Lines]) -> None:
        """Store the lines of the patterns `rows`, which have none yet, and their backbones."""
        sizes = np.fromiter(map(len, contents), np.int64, len(rows))
        owners = np.repeat(np.arange(len(rows)), sizes)
        numbers = self.lines.intern([line for lines in contents for line, _ in lines], rows[owners])
        counts = np.array([count for lines in contents for _, count in lines], np.int64)
        self.contents.put(rows, sizes, numbers, counts, self.lines.families_of(numbers, owners))
        self.patterns.backbone[rows] = self.lines.backbones(numbers, owners, len(rows))

    def add(self, pattern: str, source: TopicPartition, end: int) -> None:
        """Count one session of a defined `pattern` that ended at `end`."""
        row, window = self.patterns.row(pattern), self.window
        bucket = window.add(row, source, end)
        if window.tick(bucket):
            self._expire()
            if pattern in self.patterns:
                self._recount(row)
        elif bucket >= window.start:
            window.total += 1.0
            self._recount(row, added=1.0)
        self._settle()

    def add_known(self, sessions: Collection[Sessions], source: TopicPartition) -> None:
        """Do what `add` does for each of the sessions, of a different defined pattern each element.

        There is no label, they are in buckets of the window, and the baseline `is_settled` with them.
        """
        for of_one in sessions:
            self.window.add_many(of_one, source)
        rows = np.array([of_one.pattern for of_one in sessions], np.int64)
        change = np.array([of_one.count for of_one in sessions], np.float64)
        self.window.total += float(change.sum())
        self.patterns.sessions[rows] += change
        self._weigh_all(rows, change)

    def set_weight(self, pattern: str, source: TopicPartition, weight: Weight | None) -> None:
        """Replace the weight of (pattern, source), or remove it."""
        self.set_weights([(pattern, source, weight)])

    def set_weights(self, weights: Iterable[tuple[str, TopicPartition, Weight | None]]) -> None:
        """Do what `set_weight` does for each (pattern, source, weight), with masses counted once."""
        some = list(weights)
        rows = self.patterns.rows_of([pattern for pattern, _, _ in some])
        self.window.replace_many([(row, source, weight) for row, (_, source, weight) in zip(rows, some, strict=True)])
        touched = set(rows)
        if self._postponed is None:
            self._recount_all(touched, None)
        else:
            self._postponed |= touched

    @contextmanager
    def at_once(self, keep: float = KEEP) -> Iterator[None]:
        """Count masses once, at the end, for all weights and definitions that are set within.

        A common line stays one down to the share `keep` of the bound, see `LineTable.renew_common`.
        """
        self._postponed = set()
        try:
            yield
        finally:
            rows, self._postponed = self._postponed, None
            if rows:
                self._recount_all(rows, keep)

    def _recount_all(self, rows: set[int], keep: float | None) -> None:
        """Bring the masses of `rows`, and all that depends on them, up to date."""
        if self.window.tick():
            self._expire()
        self.window.count_total()
        if len(self.labels) or len(rows) < FEW:
            for row in sorted(rows):  # those that have just expired are not defined any more
                self._recount(row)
        else:
            self._recount_unlabelled(np.array(sorted(rows), np.int64))
        self._settle(keep)

    def _recount_unlabelled(self, rows: Ids) -> None:
        """Do what `_recount` does for each of different `rows`, none of which has a label."""
        table = self.patterns
        rows = rows[table.defined[rows]]
        mass = self.window.sessions_of(rows).astype(np.float64)
        change = mass - table.mass[rows]
        table.sessions[rows] = mass
        rows, change = rows[change != 0], change[change != 0]
        if len(rows):
            self._weigh_all(rows, change)

    def _weigh_all(self, rows: Ids, change: NDArray[np.float64]) -> None:
        """Add `change` to the masses of different `rows`."""
        table = self.patterns
        table.mass[rows] += change
        owners, numbers, families = self.contents.cells_of(rows)
        self.lines.weigh_each(numbers, families, change[owners])
        self.counted += float(change.sum())
        for backbone, more in zip(table.backbone[rows].tolist(), change.tolist(), strict=True):
            self._similar.add(backbone, more)

    def count_anew(self) -> bool:
        """Compute all that follows from lines, sessions and labels; return whether no session of the window lacks."""
        table, size, whole = self.patterns, len(self.patterns), self.window.set_clock()
        self.window.count_total()
        table.sessions[:size] = np.where(table.defined[:size], self.window.all_sessions(size), 0)
        table.mass[:size] = table.sessions[:size]
        self.lines.count_anew(*self.contents.cells(), table.mass)
        self.counted = float(table.mass.sum())
        self._similar.recount(table.backbone, table.mass)
        self._settle(keep=1.0)
        return whole

    def set_label(self, pattern: str, label: Label | None) -> None:
        """Set or remove the label of `pattern`."""
        row = self.patterns.row_of(pattern)
        self.changes += 1
        numbers = self.numbers(row) if self.patterns.defined.item(row) else None
        if numbers is not None:
            self.labels.heed(row, numbers, -1)
        self.labels.put(row, label)
        if numbers is not None:
            self.labels.heed(row, numbers, 1)
        self._recount(row, added=0.0)
        self._settle()

    # -- mass ------------------------------------------------------------------------------------------------------

    def _recount(self, row: int, added: float | None = None) -> None:
        """Bring the mass of a row up to date; `added` is the change of its sessions in the window, where known."""
        table = self.patterns
        if not table.defined.item(row):
            return
        if self._postponed is not None:
            self._postponed.add(row)
            return
        mass = float(self.window.sessions(row)) if added is None else table.sessions.item(row) + added
        table.sessions[row] = mass
        label = self.labels.get(row)
        if label is not None:
            anomalous = label.verdict is LabelVerdict.ANOMALOUS
            mass = 0.0 if anomalous else max(mass, self.share * self.window.total, 1.0)
        change = mass - table.mass.item(row)
        if change:
            table.mass[row] = mass
            self._weigh(row, change)
            self._similar.add(table.backbone.item(row), change)

    def _weigh(self, row: int, change: float) -> None:
        self.lines.weigh(self.contents.lines(row), self.contents.families(row), change)
        self.counted += change

    def is_settled(self, total: float) -> bool:
        """Return whether nothing is refreshed when the window has `total` sessions."""
        return abs(total - self._refreshed) <= REFRESH * self._refreshed

    def settled_for(self) -> int:
        """Return by how many sessions the window can grow before something is refreshed, where it `is_settled` now."""
        return more_until(self.window.total, self._refreshed, REFRESH)

    def _settle(self, keep: float | None = None) -> None:
        """Refresh what depends on the whole window's mass, when that has changed enough; keep within `max_patterns`.

        With `keep`, refresh it in any case; see `at_once`.
        """
        if self._postponed is not None:
            return
        if len(self) > self._max:
            self._evict()
        total = self.window.total
        if keep is None and self.is_settled(total):
            return
        self._refreshed = total
        for row in self.labels.patterns():
            self._recount(row, added=0.0)
        common = self.lines.common_ids
        self.lines.renew_common(self.share * self.counted, self.patterns.backbone, KEEP if keep is None else keep)
        if not np.array_equal(common, self.lines.common_ids):
            self.changes += 1
            self._similar.recount(self.patterns.backbone, self.patterns.mass)

    # -- forgetting ------------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        """Forget what lies before the window, after its clock has moved."""
        window, table = self.window, self.patterns
        for row in window.expire():
            self._recount(row)
        window.count_total()
        self._drop(unused(table, window, self.labels))
        self._settle(KEEP)

    def _evict(self) -> None:
        """Drop the least patterns until KEPT_AFTER_EVICTION of the limit are left."""
        surplus = max(len(self) - int(KEPT_AFTER_EVICTION * self._max), 0)
        rows = least(self.patterns, self.window, self.labels, surplus)
        for row in rows:
            self.window.remove(row)
        self._drop(rows)
        self.window.count_total()

    def drop_unwritten(self) -> None:
        """Forget what was learned of patterns that the baseline's topic never got."""
        self._drop(unwritten(self.patterns, self.window, self.labels))

    def _drop(self, rows: list[int]) -> None:
        """Forget the patterns of different `rows`, which have no sessions and no label."""
        if not rows:
            return
        table = self.patterns
        gone = np.zeros(len(table), bool)
        gone[rows] = True
        defined = np.array([row for row in rows if table.defined.item(row)], np.int64)
        if len(defined):
            for row in defined.tolist():
                self._weigh(row, -table.mass.item(row))
            self.changes += 1
            self.lines.drop(np.unique(np.concatenate([self.numbers(row) for row in defined.tolist()])), gone)
            self.contents.drop(defined)
            self.neighbours.remove(defined)
        table.forget(rows)
        if len(defined):
            self._similar.recount(self.patterns.backbone, self.patterns.mass)
