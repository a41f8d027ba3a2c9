"""Every scope's state as keyed values, with the difference between what is so and what the baseline's topic holds.

State is a set of keyed values (`changelog_codec`), each changed through one input partition at a time. While a
partition is worked on, its values run ahead of the topic. For each key that does, `_ahead` holds the value that the
topic is known to hold: reading records back moves that value, and `restore` returns to it. A key that is not ahead
follows the topic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daemon.core.baseline import Baseline, Entry, Label
from daemon.core.calibration import CHUNK, RING, Ring
from daemon.core.detection import changelog_codec
from daemon.core.detection.verdict_cache import Habits
from daemon.core.types import TopicPartition, Update
from daemon.errors import DataError


class Scope:
    """One scope's baseline, and by input partition its calibration and its habits, which are no state."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline = baseline
        self.rings: dict[TopicPartition, Ring] = {}
        self.habits: dict[TopicPartition, Habits] = {}

    def has_seen(self, count: float) -> bool:
        """Return whether at least `count` sessions were ever learned, as far as the rings tell."""
        seen = 0
        for ring in self.rings.values():
            seen += ring.count
            if seen >= count:
                return True
        return seen >= count


class Store:
    """The scopes of a process. Vectors are of `model` and have `dimensions`."""

    def __init__(self, model: str, dimensions: int, window_us: int, mass: float, max_patterns: int) -> None:
        self._model, self._dimensions = model, dimensions
        self._window_us, self._mass, self._max_patterns = window_us, mass, max_patterns
        self.scopes: dict[str, Scope] = {}
        self._ahead: dict[bytes, tuple[TopicPartition, bytes | None]] = {}
        self._pending: dict[TopicPartition, dict[bytes, None]] = {}
        self._renewed: dict[TopicPartition, dict[bytes, int]] = {}

    def scope(self, name: str) -> Scope:
        """Return the scope called `name`, a new one when there is none."""
        scope = self.scopes.get(name)
        if scope is None:
            baseline = Baseline(self._dimensions, self._window_us, self._mass, self._max_patterns)
            scope = self.scopes[name] = Scope(baseline)
        return scope

    def change(self, key: bytes, source: TopicPartition) -> None:
        """Note that the value of `key` is about to change on behalf of `source`. Call before the change."""
        if key not in self._ahead:
            self._ahead[key] = (source, self._read(key))
        pending = self._pending.get(source)
        if pending is None:
            pending = self._pending[source] = {}
        pending[key] = None

    def renew(self, scope: str, pattern: str, source: TopicPartition, now: int) -> None:
        """Publish the pattern's lines and vector through `source` when the topic may not hold them much longer."""
        entry = self.scope(scope).baseline.entries[pattern]
        key = changelog_codec.vector_key(scope, pattern)
        renewed = self._renewed.setdefault(source, {})
        last = renewed.get(key, entry.renewed)
        if last == 0 or now - last > self._window_us // 2:
            renewed[key] = max(now, 1)
            self._pending.setdefault(source, {})[key] = None

    def renew_labels(self, scope: str, source: TopicPartition, now: int) -> None:
        """Publish the scope's labels again, and what they are about, when the topic may not hold them much longer."""
        baseline = self.scope(scope).baseline
        for pattern in list(baseline.labelled()):
            entry = baseline.entries[pattern]
            label = entry.label
            if label is None or now - label.renewed <= self._window_us // 2:
                continue
            self.change(changelog_codec.label_key(scope, pattern), source)
            baseline.set_label(pattern, Label(label.verdict, label.at, label.by, label.note, now))
            if entry.slot >= 0:
                self.renew(scope, pattern, source, now)

    def updates(self, source: TopicPartition) -> list[Update]:
        """Return the values changed through `source` since the last call."""
        changed = [Update(key, self._read(key, source)) for key in self._pending.pop(source, {})]
        # A vector is shared: that this process has dropped its pattern says nothing of the others.
        return [
            update
            for update in changed
            if update.value is not None or changelog_codec.parse_key(update.key)[0] != "vector"
        ]

    def apply(self, updates: Sequence[Update]) -> None:
        """Take in records of the topic, in its order. Raises ModelMismatchError, or DataError for what is not ours."""
        for update in updates:
            ahead = self._ahead.get(update.key)
            if ahead is None:
                self._write(update.key, update.value)
                self._forget_renewal(update.key)
            elif self._read(update.key) == update.value:
                del self._ahead[update.key]
            else:
                self._ahead[update.key] = (ahead[0], update.value)

    def _forget_renewal(self, key: bytes) -> None:
        """Drop what was remembered of a renewal that has come back: the entry knows it now."""
        for renewed in self._renewed.values():
            if key in renewed:
                _, name, pattern = changelog_codec.parse_key(key)
                entry = self.scope(name).baseline.entries.get(pattern)
                if entry is None or entry.renewed >= renewed[key]:
                    del renewed[key]

    def restore(self, source: TopicPartition) -> None:
        """Put back everything changed through `source` to what the topic is known to hold."""
        for key in [key for key, (owner, _) in self._ahead.items() if owner == source]:
            self._write(key, self._ahead.pop(key)[1])
        self._pending.pop(source, None)
        self._renewed.pop(source, None)
        for scope in self.scopes.values():
            scope.habits.pop(source, None)

    def dump(self) -> Iterator[Update]:
        """Yield all state as records: applied to an empty store they give this one."""
        for name, scope in sorted(self.scopes.items()):
            for pattern, entry in sorted(scope.baseline.entries.items()):
                found = [changelog_codec.vector_key(name, pattern), changelog_codec.label_key(name, pattern)]
                found += [changelog_codec.weight_key(name, pattern, source) for source in sorted(entry.weights)]
                for key in found:
                    value = self._read(key)
                    if value is not None:
                        yield Update(key, value)
            for source, ring in sorted(scope.rings.items()):
                for chunk in range(RING // CHUNK):
                    value = ring.dump(chunk)
                    if value is not None:
                        yield Update(changelog_codec.ring_key(name, source, chunk), value)

    def _read(self, key: bytes, source: TopicPartition | None = None) -> bytes | None:
        kind, name, *rest = changelog_codec.parse_key(key)
        scope = self.scope(name)
        if kind == "ring":
            ring = scope.rings.get(TopicPartition(rest[0], rest[1]))
            return ring.dump(rest[2]) if ring is not None else None
        entry = scope.baseline.entries.get(rest[0]) or Entry()
        if kind == "label":
            return changelog_codec.dump_label(entry.label) if entry.label is not None else None
        if kind == "weight":
            weight = entry.weights.get(TopicPartition(rest[1], rest[2]))
            return changelog_codec.dump_weight(weight) if weight is not None else None
        if entry.slot < 0:
            return None
        renewed = entry.renewed if source is None else self._renewed.get(source, {}).get(key, entry.renewed)
        return changelog_codec.dump_vector(self._model, renewed, entry.lines, scope.baseline.vectors.get(entry.slot))

    def _write(self, key: bytes, value: bytes | None) -> None:
        kind, name, *rest = changelog_codec.parse_key(key)
        scope = self.scope(name)
        try:
            if kind == "ring":
                scope.rings.setdefault(TopicPartition(rest[0], rest[1]), Ring()).load(rest[2], value)
            elif kind == "label":
                scope.baseline.set_label(rest[0], changelog_codec.load_label(value) if value is not None else None)
            elif kind == "weight":
                weight = changelog_codec.load_weight(value) if value is not None else None
                scope.baseline.set_weight(rest[0], TopicPartition(rest[1], rest[2]), weight)
            elif value is not None:
                renewed, lines, vector = changelog_codec.load_vector(value, self._model, self._dimensions)
                scope.baseline.define(rest[0], lines, vector, renewed)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"the baseline topic's {kind} record of scope {name} cannot be read: {error}") from error
