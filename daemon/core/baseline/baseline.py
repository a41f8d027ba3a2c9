"""What has been normal lately in one scope: patterns, each with its mass in the rolling window.

Every session adds one to the weight of its pattern, in the bucket of its event time and under its input partition. The
window is the last HELD buckets up to the scope's clock, and the clock is the latest bucket that at least STEADY
sessions reach: one absurd time stamp cannot expire a week. Mass is a sum over counters, so it does not depend on the
order in which sessions were judged, and replicas that have read the same counters agree.

A pattern labelled anomalous never counts. One labelled normal counts as at least the share `mass` of the window, so it
is as near as near can be for itself, and its relatives come near with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from daemon.core.baseline.line_table import Ids, LineTable
from daemon.core.baseline.simhash import WORDS, Sketch, sketch
from daemon.core.baseline.vector_index import VectorIndex
from daemon.core.types import TopicPartition, Vector

BUCKETS = 28
"""Buckets that the configured window is divided into."""
HELD = BUCKETS + 2
"""Buckets that count: what recurs once a window is still known when it comes, and when it is a bucket late."""
STEADY = 10
KEPT_AFTER_EVICTION = 0.95
TEACH = "teach"
"""Who labels what was taught: it says that these sessions are normal, and nothing of their relatives."""
CACHED_NEAR, OF_EACH = 2048, 128
"""Patterns whose nearest are remembered, and how many of each at most."""
REFRESH = 0.02
"""Boosts and common lines are recomputed when the window's mass has changed by this share."""

Lines = tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Weight:
    """Sessions of one pattern from one input partition: a count for each time bucket, and when first and last."""

    buckets: dict[int, int] = field(default_factory=dict)
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class Label:
    """What a person said of a pattern; `at` and `renewed` are times."""

    verdict: str
    at: int
    by: str = ""
    note: str = ""
    renewed: int = 0


@dataclass(slots=True)
class Entry:
    """All that is known of one pattern; `slot` is -1 until its lines and its vector are known."""

    weights: dict[TopicPartition, Weight] = field(default_factory=dict)
    label: Label | None = None
    lines: Lines = ()
    numbers: Ids = field(default_factory=lambda: np.zeros(0, np.int64))
    slot: int = -1
    renewed: int = 0

    @property
    def first(self) -> int:
        """The time of its first session."""
        return min((weight.first for weight in self.weights.values()), default=0)

    @property
    def last(self) -> int:
        """The time of its latest session."""
        return max((weight.last for weight in self.weights.values()), default=0)


class Baseline:
    """The weighted patterns of one scope."""

    def __init__(self, dimensions: int, window_us: int, mass: float, max_patterns: int) -> None:
        self.share = mass
        self.bucket_us = max(1, window_us // BUCKETS)
        self.entries: dict[str, Entry] = {}
        self.lines = LineTable()
        self.vectors = VectorIndex(dimensions)
        self.clock: int | None = None
        self.total = 0.0
        """Sessions in the window."""
        self.counted = 0.0
        """Mass that counts: the window's, less what is labelled anomalous, plus what labels of normal add."""
        self.changes = 0
        """Counts what makes earlier findings void at once: labels, other common lines, patterns that are gone."""
        self._max = max_patterns
        self._buckets: dict[int, int] = {}
        self._members: dict[int, set[str]] = {}
        self._labelled: set[str] = set()
        self._said: dict[str, Counter[int]] = {"normal": Counter(), "anomalous": Counter()}
        self._raw = np.zeros(16)
        self.mass = np.zeros(16)
        """Mass that counts, by slot."""
        self.backbones = np.zeros(16, np.uint64)
        self._alike: dict[int, float] = {}
        self._sketches = np.zeros((16, WORDS), np.uint64)
        self.names: list[str] = []
        self._free: list[int] = []
        self._near: dict[str, tuple[int, int, np.ndarray, np.ndarray]] = {}
        self._defined = 0
        self._refreshed = 0.0

    # -- reading ---------------------------------------------------------------------------------------------------

    def mass_of(self, pattern: str) -> float:
        """Return the mass of `pattern` that counts."""
        entry = self.entries.get(pattern)
        return float(self.mass[entry.slot]) if entry is not None and entry.slot >= 0 else 0.0

    def sketch(self, pattern: str) -> Sketch | None:
        """Return the sketch of the vector of `pattern`, None when it has none."""
        entry = self.entries.get(pattern)
        return self._sketches[entry.slot] if entry is not None and entry.slot >= 0 else None

    def alike(self, backbone: np.uint64) -> float:
        """Return the mass that counts of the patterns that have this backbone."""
        return max(self._alike.get(int(backbone), 0.0), 0.0)

    def in_window(self, pattern: str) -> int:
        """Return the number of sessions of `pattern` in the window, whatever its label."""
        entry = self.entries.get(pattern)
        if entry is None:
            return 0
        start = self._start()
        return sum(n for weight in entry.weights.values() for bucket, n in weight.buckets.items() if bucket >= start)

    def near(self, vector: Vector, count: int, pattern: str = "") -> tuple[np.ndarray, np.ndarray]:
        """Return up to `count` of the nearest slots, less those that do not count, and their distances, ascending.

        What was found for a known `pattern` serves again until slots were freed or the patterns grew by a hundredth;
        only the masses are always new.
        """
        if not len(self.vectors):
            return np.zeros(0, np.int64), np.zeros(0)
        found = self._near.get(pattern)
        if found is None or found[0] < count or self._defined - found[1] > 0.01 * len(self.vectors):
            found = (count, self._defined, *self._search(vector, count, pattern))
            if len(found[2]) <= OF_EACH and self.mass_of(pattern) > 0:
                if len(self._near) >= CACHED_NEAR:
                    self._near.pop(next(iter(self._near)))
                self._near[pattern] = found
        slots, distances = found[2], found[3].astype(np.float64)
        counting = self.mass[slots] > 0
        return (slots, distances) if counting.all() else (slots[counting], distances[counting])

    def _search(self, vector: Vector, count: int, pattern: str) -> tuple[np.ndarray, np.ndarray]:
        slots, distances = self.vectors.nearest(vector, count)
        entry = self.entries.get(pattern)
        if entry is not None:  # half floats put a pattern a little off itself
            distances[slots == entry.slot] = 0.0
        order = np.argsort(distances, kind="stable")[:count]
        return slots[order], distances[order].astype(np.float32)

    def recent_rate(self) -> float:
        """Return sessions a day over the latest four buckets of the window that have passed or begun."""
        if not self._buckets:
            return 0.0
        latest = max(self._buckets) if self.clock is None else self.clock
        first = max(self._start(), min((b for b in self._buckets if b >= self._start()), default=latest), latest - 3)
        count = sum(n for bucket, n in self._buckets.items() if first <= bucket <= latest)
        return count * 86_400e6 / ((latest - first + 1) * self.bucket_us)

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        arrays = self.mass.nbytes + self._raw.nbytes + self.backbones.nbytes
        entries = sum(700 + 8 * len(entry.lines) for entry in self.entries.values())
        return arrays + entries + self.lines.memory() + self.vectors.memory()

    # -- writing ---------------------------------------------------------------------------------------------------

    def define(self, pattern: str, lines: Lines, vector: Vector, renewed: int, mark: Sketch | None = None) -> None:
        """Give `pattern` its lines and vector; what is known of it begins to count. `mark`: its sketch, where known."""
        entry = self.entries.get(pattern)
        if entry is None:
            entry = self.entries[pattern] = Entry()
        entry.renewed = max(entry.renewed, renewed)
        if entry.slot >= 0:
            return
        slot = self._free.pop() if self._free else len(self.names)
        if slot == len(self.names):
            self.names.append(pattern)
        self.names[slot] = pattern
        if slot >= len(self.mass):
            self.mass = np.concatenate([self.mass, np.zeros_like(self.mass)])
            self._raw = np.concatenate([self._raw, np.zeros_like(self._raw)])
            self.backbones = np.concatenate([self.backbones, np.zeros_like(self.backbones)])
            self._sketches = np.concatenate([self._sketches, np.zeros_like(self._sketches)])
        entry.slot, entry.lines = slot, lines
        entry.numbers = self.lines.intern(lines, slot)
        if entry.label is not None:  # it came before the pattern it is about, and begins to count now
            self.changes += 1
            self._heed(entry, 1)
        self.backbones[slot] = self.lines.backbone(entry.numbers)
        self.vectors.add(slot, vector)
        self._sketches[slot] = sketch(vector) if mark is None else mark
        self._defined += 1
        self._raw[slot] = self.mass[slot] = 0.0
        self._recount(pattern, entry)

    def add(self, pattern: str, source: TopicPartition, end: int) -> None:
        """Count one session of a defined `pattern` that ended at `end`."""
        entry = self.entries[pattern]
        weight = entry.weights.get(source)
        if weight is None:
            weight = entry.weights[source] = Weight(first=end, last=end)
        bucket = end // self.bucket_us
        weight.buckets[bucket] = weight.buckets.get(bucket, 0) + 1
        if end < weight.first:
            weight.first = end
        elif end > weight.last:
            weight.last = end
        members = self._members.get(bucket)
        if members is None:
            members = self._members[bucket] = set()
        members.add(pattern)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        if self._tick(bucket):
            self._recount(pattern, entry)
        elif bucket >= self._start():
            self.total += 1.0
            self._recount(pattern, entry, added=1.0)
        self._settle()

    def set_weight(self, pattern: str, source: TopicPartition, weight: Weight | None) -> None:
        """Replace the weight of (pattern, source), or remove it."""
        entry = self.entries.setdefault(pattern, Entry())
        old = entry.weights.pop(source, None)
        if old is not None:
            self._uncount(old)
        if weight is not None:
            start = self._start()
            weight.buckets = {bucket: n for bucket, n in weight.buckets.items() if bucket >= start}
        if weight is not None and weight.buckets:
            entry.weights[source] = weight
            for bucket, n in weight.buckets.items():
                self._buckets[bucket] = self._buckets.get(bucket, 0) + n
                self._members.setdefault(bucket, set()).add(pattern)
        if self._buckets:
            self._tick(max(self._buckets))
        self._retotal()
        self._recount(pattern, entry)
        self._settle()

    def set_label(self, pattern: str, label: Label | None) -> None:
        """Set or remove what a person said of `pattern`."""
        entry = self.entries.setdefault(pattern, Entry())
        self.changes += 1
        self._heed(entry, -1)
        entry.label = label
        self._heed(entry, 1)
        if label is None:
            self._labelled.discard(pattern)
        else:
            self._labelled.add(pattern)
        self._recount(pattern, entry, added=0.0)
        self._settle()

    def silenced(self, numbers: Ids) -> bool:
        """Return whether a person confirmed a pattern of exactly these lines as normal, whatever their counts.

        Where another of their patterns was called anomalous, its counts matter, and none speaks for the others.
        """
        if not self._said["normal"] or not (numbers >= 0).all():
            return False
        lines = self.lines.together(numbers)
        return lines in self._said["normal"] and lines not in self._said["anomalous"]

    def _heed(self, entry: Entry, change: int) -> None:
        """Note that one labelled pattern more, or fewer, holds the entry's lines."""
        if entry.slot < 0 or entry.label is None:
            return
        verdict = entry.label.verdict
        if verdict == "normal":
            self.lines.confirmed[entry.numbers] += change
        if entry.label.by != TEACH:
            said, lines = self._said[verdict], self.lines.together(entry.numbers)
            said[lines] += change
            if not said[lines]:
                del said[lines]

    def labelled(self) -> Iterable[str]:
        """Return the patterns that carry a label."""
        return self._labelled

    # -- the window ------------------------------------------------------------------------------------------------

    def _start(self) -> int:
        return -(1 << 62) if self.clock is None else self.clock - HELD + 1

    def _retotal(self) -> None:
        start = self._start()
        self.total = float(sum(n for bucket, n in self._buckets.items() if bucket >= start))

    def _tick(self, bucket: int) -> bool:
        """Move the clock after sessions were counted in `bucket`; return whether it moved, and all was recounted."""
        if self.clock is not None and bucket <= self.clock:
            return False
        reached, clock = 0, self.clock
        for candidate in sorted(self._buckets, reverse=True):
            reached += self._buckets[candidate]
            if reached >= STEADY:
                clock = candidate if clock is None else max(candidate, clock)
                break
        if clock == self.clock:
            return False
        self.clock = clock
        self._expire()
        return True

    def _expire(self) -> None:
        start = self._start()
        touched: set[str] = set()
        for bucket in [bucket for bucket in self._members if bucket < start]:
            touched |= self._members.pop(bucket)
            self._buckets.pop(bucket, None)
        for pattern in touched:
            entry = self.entries.get(pattern)
            if entry is None:
                continue
            for source, weight in list(entry.weights.items()):
                weight.buckets = {bucket: n for bucket, n in weight.buckets.items() if bucket >= start}
                if not weight.buckets:
                    del entry.weights[source]
            self._recount(pattern, entry)
        self._retotal()
        # A vector is renewed while its pattern is in use, so one that is not counted yet may still get its weights.
        unused = (start - BUCKETS // 2) * self.bucket_us
        self._drop([name for name, e in self.entries.items() if not e.weights and not e.label and e.renewed < unused])
        self._settle(force=True)

    def _uncount(self, weight: Weight) -> None:
        for bucket, n in weight.buckets.items():
            left = self._buckets.get(bucket, 0) - n
            if left > 0:
                self._buckets[bucket] = left
            else:
                self._buckets.pop(bucket, None)

    # -- mass ------------------------------------------------------------------------------------------------------

    def _recount(self, pattern: str, entry: Entry, added: float | None = None) -> None:
        """Bring the mass of `pattern` up to date; `added` is the change of its sessions in the window, where known."""
        slot = entry.slot
        if slot < 0:
            return
        mass = float(self.in_window(pattern)) if added is None else self._raw.item(slot) + added
        self._raw[slot] = mass
        if entry.label is not None:
            mass = 0.0 if entry.label.verdict == "anomalous" else max(mass, self.share * self.total, 1.0)
        change = mass - self.mass.item(slot)
        if change:
            self.mass[slot] = mass
            self.lines.weigh(slot, entry.numbers, change)
            self.counted += change
            backbone = self.backbones.item(slot)
            self._alike[backbone] = self._alike.get(backbone, 0.0) + change

    def _realike(self) -> None:
        """Add up the mass of each backbone anew."""
        held = np.flatnonzero(self.mass)
        backbones, places = np.unique(self.backbones[held], return_inverse=True)
        sums = np.bincount(places, self.mass[held], len(backbones))
        self._alike = dict(zip(backbones.tolist(), sums.tolist(), strict=True))

    def _settle(self, force: bool = False) -> None:
        """Refresh what depends on the whole window's mass, when that has changed enough; keep within `max_patterns`."""
        if len(self.names) - len(self._free) > self._max:
            self._evict()
        if not force and abs(self.total - self._refreshed) <= REFRESH * self._refreshed:
            return
        self._refreshed = self.total
        for pattern in self._labelled:
            self._recount(pattern, self.entries[pattern], added=0.0)
        common = self.lines.common_ids
        self.lines.renew_common(self.share * self.counted, self.backbones)
        if not np.array_equal(common, self.lines.common_ids):
            self.changes += 1
            self._realike()

    def _evict(self) -> None:
        """Drop the patterns that matter least: unlabelled, least mass first, of equal mass the longest unseen."""
        held = [
            (self._raw[e.slot], e.last, name) for name, e in self.entries.items() if e.slot >= 0 and e.label is None
        ]
        surplus = len(self.names) - len(self._free) - int(KEPT_AFTER_EVICTION * self._max)
        names = [name for _, _, name in sorted(held)[: max(surplus, 0)]]
        for name in names:
            for weight in self.entries[name].weights.values():
                self._uncount(weight)
        self._drop(names)
        self._retotal()

    def _drop(self, names: list[str]) -> None:
        gone = np.zeros(len(self.mass), bool)
        held: list[Ids] = []
        slots: list[int] = []
        for name in names:
            entry = self.entries.pop(name)
            if entry.slot < 0:
                continue
            self.lines.weigh(entry.slot, entry.numbers, -self.mass.item(entry.slot))
            self.counted -= self.mass[entry.slot]
            self._raw[entry.slot] = self.mass[entry.slot] = 0.0
            gone[entry.slot] = True
            held.append(entry.numbers)
            slots.append(entry.slot)
        if slots:
            self.changes += 1
            self._near.clear()
            self.lines.drop(held, gone)
            self.vectors.remove(np.array(slots, np.int64))
            self._free.extend(slots)
            self._realike()
