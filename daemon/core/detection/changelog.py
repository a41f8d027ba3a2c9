"""Every scope's state as keyed values, with the difference between the state and what the baseline's topic holds.

State is a set of keyed values (`changelog_codec`), each changed through one input partition at a time. While a
partition is processed, its values are ahead of the topic. For each key that is, `_ahead` keeps the value that the topic
is known to hold: reading records back updates that value, and `restore` returns to it. A key that is not ahead follows
the topic.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product

import zstandard

from daemon.core.baseline import ABSENT, KEEP, Definition, Label, Weight
from daemon.core.detection import changelog_codec
from daemon.core.detection.changelog_codec import UNREADABLE, Parts
from daemon.core.detection.saved_scope import SavedScope, ahead_of, fill_scope, save_scope
from daemon.core.detection.scope import Scope
from daemon.core.detection.scopes import Scopes
from daemon.core.types import TopicPartition, Update
from daemon.errors import DataError

AT_ONCE = 256
"""Patterns that are decoded and defined together: enough for array operations, few enough to bound memory."""


class Changelog:
    """The state of `scopes`, which are empty. Vectors are of `model` and have `dimensions`."""

    def __init__(self, model: str, dimensions: int, window_us: int, scopes: Scopes) -> None:
        self._model, self._dimensions = model, dimensions
        self._window_us = window_us
        self._decompressor = zstandard.ZstdDecompressor()
        self.scopes = scopes
        self._ahead: dict[bytes, tuple[TopicPartition, bytes | None]] = {}
        self._pending: dict[TopicPartition, dict[bytes, None]] = {}
        self._renewed: dict[TopicPartition, dict[bytes, int]] = {}

    def scope(self, name: str) -> Scope:
        """Return the scope called `name`, a new one when there is none; others may be let go for it."""
        new = name not in self.scopes
        scope = self.scopes.get_or_make(name)
        if new:
            self.scopes.bound(lambda: {name, *self._unsettled()})
        return scope

    def _unsettled(self) -> set[str]:
        """Return the scopes with changes that the topic is not known to hold."""
        changed = set(self._ahead).union(*self._pending.values(), *self._renewed.values())
        return {changelog_codec.parse_key(key)[1] for key in changed}

    def change(self, key: bytes, source: TopicPartition) -> None:
        """Note that the value of `key` is about to change on behalf of `source`. Call before the change."""
        if key not in self._ahead:
            self._ahead[key] = (source, self._read(key))
        pending = self._pending.get(source)
        if pending is None:
            pending = self._pending[source] = {}
        pending[key] = None

    def renew(self, scope: str, pattern: str, source: TopicPartition, now: int) -> None:
        """Publish the pattern's lines and vector through `source` when the topic may soon drop them."""
        key = changelog_codec.vector_key(scope, pattern)
        renewed = self._renewed.setdefault(source, {})
        last = renewed.get(key, self._renewed_at(scope, pattern))
        if last == 0 or now - last > self._window_us // 2:
            renewed[key] = max(now, 1)
            self._pending.setdefault(source, {})[key] = None

    def renew_labels(self, scope: str, source: TopicPartition, now: int) -> None:
        """Publish the scope's labels again, and the patterns they are on, when the topic may soon drop them."""
        baseline = self.scope(scope).baseline
        for row in list(baseline.labels.patterns()):
            label, pattern = baseline.labels.get(row), baseline.patterns.name.item(row)
            if label is None or now - label.renewed <= self._window_us // 2:
                continue
            self.change(changelog_codec.label_key(scope, pattern), source)
            baseline.set_label(pattern, Label(label.verdict, label.at, label.by, label.note, now))
            if baseline.defined(pattern) != ABSENT:
                self.renew(scope, pattern, source, now)

    def updates(self, source: TopicPartition) -> list[Update]:
        """Return the values changed through `source` since the last call."""
        changed = [Update(key, self._read(key, source)) for key in self._pending.pop(source, {})]
        # A vector is shared: other processes may still use a pattern that this one has dropped.
        return [
            update
            for update in changed
            if update.value is not None or changelog_codec.parse_key(update.key)[0] != "vector"
        ]

    def apply(self, updates: Sequence[Update], keep: float = KEEP) -> None:
        """Apply records of the topic, in its order. Raises ModelMismatchError, or DataError for an unreadable record.

        Scopes do not depend on each other, so records are applied by scope: each is unpacked once for all its records.
        For `keep` see `Baseline.at_once`.
        """
        by_scope: dict[str, list[tuple[Update, Parts]]] = {}
        for update in updates:
            parts = changelog_codec.parse_key(update.key)
            by_scope.setdefault(parts[1], []).append((update, parts))
        for name, some in by_scope.items():
            if all(update.value is None for update, _ in some) and name not in self.scopes:
                continue
            scope = self.scope(name)
            _note_homes(scope, some)
            baseline = scope.baseline
            vectors, weights = list[tuple[Update, Parts]](), list[tuple[str, TopicPartition, Weight | None]]()
            with baseline.at_once(keep):
                for update, parts in some:
                    if update.key in self._ahead:
                        self._confirm(update)
                    elif parts[0] == "vector":
                        vectors.append((update, parts))
                    elif parts[0] == "weight":
                        weights.append(_weight(parts, update.value))
                    else:
                        self._write(parts, update.value)
                baseline.set_weights(weights)
                for begin in range(0, len(vectors), AT_ONCE):
                    together = vectors[begin : begin + AT_ONCE]
                    baseline.define(self._definitions(together))
            self._forget_renewals(update.key for update, _ in vectors)

    def _confirm(self, update: Update) -> None:
        """Note what the topic holds of a key that is ahead of it."""
        if self._read(update.key) == update.value:
            del self._ahead[update.key]
        else:
            self._ahead[update.key] = (self._ahead[update.key][0], update.value)

    def _forget_renewals(self, keys: Iterable[bytes]) -> None:
        """Forget renewals that were read back: the rows of their patterns have their times."""
        under_way = [renewed for renewed in self._renewed.values() if renewed]
        for key, renewed in product(keys, under_way) if under_way else ():
            if key in renewed:
                _, name, pattern = changelog_codec.parse_key(key)
                scope = self.scopes.get(name)
                if scope is None or pattern not in scope.baseline or self._renewed_at(name, pattern) >= renewed[key]:
                    del renewed[key]

    def _renewed_at(self, scope: str, pattern: str) -> int:
        """Return when the topic got the lines and the vector of a known pattern, 0 when it never did."""
        table = self.scope(scope).baseline
        return table.patterns.renewed.item(table.row(pattern))

    def restore(self, source: TopicPartition) -> None:
        """Put back everything changed through `source` to what the topic is known to hold."""
        for key in [key for key, (owner, _) in self._ahead.items() if owner == source]:
            self._write(changelog_codec.parse_key(key), self._ahead.pop(key)[1])
        self._pending.pop(source, None)
        self._renewed.pop(source, None)
        self.scopes.forget_verdicts(source)

    def scopes_in(self, places: Collection[int]) -> list[str]:
        """Return the scopes with records in these partitions of the topic, and those with records in none."""
        return [name for name, homes in self.scopes.homes() if not homes or homes & frozenset(places)]

    def forget(self, names: Collection[str], places: Collection[int]) -> None:
        """Forget those of the scopes that have no records outside these partitions of the topic; labels stay.

        One with changes that the topic is not known to hold stays too, until this is called again.
        """
        unsettled = self._unsettled()
        for name in names:
            if name not in unsettled and self.scopes.drop_packed(name, places):
                continue
            scope = self.scopes.get(name)
            if scope is None:
                continue
            left = scope.homes.difference(places)
            scope.homes = left
            if left or name in unsettled:
                continue
            known, names_of = scope.baseline.labels, scope.baseline.patterns.name
            labels = [(names_of.item(row), known.get(row)) for row in known.patterns()]
            self.scopes.drop(name)
            for pattern, label in labels:
                self.scope(name).baseline.set_label(pattern, label)

    def save(self, names: Collection[str]) -> list[SavedScope]:
        """Return copies of the scopes called `names`, as far as they exist, with what the topic is known to hold."""
        ahead: dict[str, list[tuple[bytes, bytes | None]]] = {}
        for key, (_, value) in self._ahead.items():
            ahead.setdefault(changelog_codec.parse_key(key)[1], []).append((key, value))
        return [save_scope(name, self.scopes.look(name), ahead.get(name, ())) for name in names if name in self.scopes]

    def load(self, saved: SavedScope) -> None:
        """Take in a scope that is not there, as the topic held it when it was saved. Raises DataError."""
        baseline = (scope := self.scope(saved.name)).baseline
        try:
            fill_scope(scope, saved.arrays)
            with baseline.at_once(keep=1.0):
                for key, value in ahead_of(saved.arrays):
                    self._write(changelog_codec.parse_key(key), value)
        except UNREADABLE as error:
            raise DataError(f"the snapshot of scope {saved.name} cannot be read: {error!r}") from error
        baseline.drop_unwritten()
        if not baseline.count_anew():
            raise DataError(f"the snapshot of scope {saved.name} has forgotten more than the topic says")

    def dump(self) -> Iterator[Update]:
        """Yield all state as records: applied to an empty changelog they give this one."""
        for name in sorted(self.scopes):
            scope = self.scopes.look(name)
            for pattern, row in sorted(scope.baseline.rows()):
                keys = [changelog_codec.vector_key(name, pattern), changelog_codec.label_key(name, pattern)]
                keys += [
                    changelog_codec.weight_key(name, pattern, source) for source in scope.baseline.window.sources(row)
                ]
                for key in keys:
                    value = self._value(scope, key, None)
                    if value is not None:
                        yield Update(key, value)
            for source, ring in sorted(scope.rings.items()):
                for chunk in ring.chunks():
                    value = ring.dump(chunk)
                    if value is not None:
                        yield Update(changelog_codec.ring_key(name, source, chunk), value)

    def _read(self, key: bytes, source: TopicPartition | None = None) -> bytes | None:
        scope = self.scopes.get(changelog_codec.parse_key(key)[1])
        return self._value(scope, key, source) if scope is not None else None

    def _value(self, scope: Scope, key: bytes, source: TopicPartition | None) -> bytes | None:
        kind, _, *rest = changelog_codec.parse_key(key)
        if kind == "ring":
            ring = scope.rings.get(TopicPartition(rest[0], rest[1]))
            return ring.dump(rest[2]) if ring is not None else None
        baseline, row = scope.baseline, scope.baseline.row(rest[0])
        if row == ABSENT:
            return None
        if kind == "label":
            label = baseline.labels.get(row)
            return changelog_codec.dump_label(label) if label is not None else None
        if kind == "weight":
            weight = baseline.window.weight(row, TopicPartition(rest[1], rest[2]))
            return changelog_codec.dump_weight(weight) if weight is not None else None
        if baseline.defined(rest[0]) == ABSENT:
            return None
        last = baseline.patterns.renewed.item(row)
        renewed = last if source is None else self._renewed.get(source, {}).get(key, last)
        return changelog_codec.dump_vector(self._model, renewed, baseline.lines_of(row), baseline.vector(row))

    def _write(self, parts: Parts, value: bytes | None) -> None:
        """Set the state of a key to `value`; a vector that is known stays."""
        kind, name, *rest = parts
        if value is None and name not in self.scopes:
            return
        scope = self.scope(name)
        try:
            if kind == "ring":
                scope.ring(TopicPartition(rest[0], rest[1])).load(rest[2], value)
            elif kind == "label":
                scope.baseline.set_label(rest[0], changelog_codec.load_label(value) if value is not None else None)
            elif kind == "weight":
                scope.baseline.set_weights([_weight(parts, value)])
            elif value is not None:
                scope.baseline.define(self._definitions([(Update(b"", value), parts)]))
        except UNREADABLE as error:
            raise _unreadable(parts, error) from error

    def _definitions(self, records: Sequence[tuple[Update, Parts]]) -> list[Definition]:
        """Return what vector records of one scope define. Raises DataError when one of them cannot be read."""
        patterns = [parts[2] for update, parts in records if update.value is not None]
        values = (update.value for update, _ in records if update.value is not None)
        try:
            read, vectors = changelog_codec.load_vectors(values, self._model, self._dimensions, self._decompressor)
        except UNREADABLE as error:
            raise _unreadable(records[0][1], error) from error
        return [
            Definition(pattern, lines, vector, renewed)
            for pattern, (renewed, lines), vector in zip(patterns, read, vectors, strict=True)
        ]


def _note_homes(scope: Scope, records: Sequence[tuple[Update, Parts]]) -> None:
    """Note in which partitions of the topic these records of a scope were read."""
    homes = {update.place[0] for update, parts in records if update.place is not None and parts[0] != "label"}
    if not homes <= scope.homes:
        scope.homes |= homes


def _weight(parts: Parts, value: bytes | None) -> tuple[str, TopicPartition, Weight | None]:
    """Return what a weight record says: pattern, input partition and weight. Raises DataError."""
    try:
        weight = changelog_codec.load_weight(value) if value is not None else None
    except UNREADABLE as error:
        raise _unreadable(parts, error) from error
    return parts[2], TopicPartition(parts[3], parts[4]), weight


def _unreadable(parts: Parts, error: Exception) -> DataError:
    return DataError(f"the baseline topic's {parts[0]} record of scope {parts[1]} cannot be read: {error}")
