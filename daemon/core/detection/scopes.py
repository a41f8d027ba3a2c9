"""The scopes of a process: those used lately as objects, idle ones packed, and not more than are allowed.

A scope as objects costs some ten thousand bytes before it has learned anything: a header for each of its columns. So
only the AWAKE scopes used last are objects; a small one that has been idle for longer is packed (`packed_scope`), and
unpacked when it is asked for. Nothing is lost by it, so no verdict depends on it. A scope of more than FEW patterns
stays as it is: its patterns cost more than its headers, and to pack and unpack it around a session takes longer than to
judge that.

Any scope that nobody has asked for in some turns may be *cold*: it is packed whatever its size, and what is larger than
SMALL goes to the disk. Who owns the scopes says when a turn is over, since the core knows no clock.

At most `most` scopes are kept, since whoever writes log lines chooses their names. Where there are more, some are let
go, down to KEPT of the limit: those with the fewest sessions in their window first, of equals the one whose latest
session is the oldest. A scope with a labelled pattern stays, and so does one with changes that the baseline's topic
does not hold yet. So a flood of made-up names of a few sessions each removes itself, not the services that have a
history. What a scope had learned is not deleted from the topic; its records end with the topic's retention.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from daemon.core.detection.packed_scope import ColdStorage, Packed, Packer
from daemon.core.detection.scope import Scope, ScopeFacts
from daemon.core.types import TopicPartition

AWAKE = 256
FEW = 100
KEPT = 0.95
GROWN = 1.01
"""Where too few may be let go, the next try is when the number of scopes has grown by this factor."""
SMALL = 8192
"""Bytes up to which a packed scope stays in memory: what is reported of it takes about as much."""


class Scopes:
    """Scopes by name; `make` makes a new one, and `most` is how many are kept. `storage` has cold ones."""

    def __init__(self, make: Callable[[], Scope], most: int, storage: ColdStorage | None = None) -> None:
        self.let_go = 0
        """How many scopes were ever let go."""
        self.woken = 0
        """How many scopes ever came back from the disk."""
        self.turn = 0
        """Counts the turns by which is told how long a scope has not been asked for."""
        self._make = make
        self._most = self._looked_at = most
        self._awake: dict[str, Scope] = {}
        """In the order of their last use."""
        self._large: dict[str, Scope] = {}
        self._packed: dict[str, Packed] = {}
        self._packer = Packer(storage)
        self._undone: list[TopicPartition] = []

    def __len__(self) -> int:
        return len(self._awake) + len(self._large) + len(self._packed)

    def __contains__(self, name: str) -> bool:
        return name in self._awake or name in self._large or name in self._packed

    def __iter__(self) -> Iterator[str]:
        yield from (*self._awake, *self._large, *self._packed)

    def get(self, name: str) -> Scope | None:
        """Return the scope called `name`, None when there is none. Use it before the next one is asked for.

        Raises ColdScopeError when it is on the disk and cannot be read.
        """
        scope = self._large.get(name)
        if scope is not None:
            scope.used = self.turn
            return scope
        scope = self._awake.pop(name, None)
        if scope is None:
            packed = self._packed.get(name)
            if packed is None:
                return None
            scope = self._unpack(packed)
            self.woken += packed.is_cold
            self._remove_packed(name)
        return self._keep_awake(name, scope)

    def get_or_make(self, name: str) -> Scope:
        """Return the scope called `name`, a new one when there is none."""
        scope = self.get(name)
        return scope if scope is not None else self._keep_awake(name, self._make())

    def look(self, name: str) -> Scope:
        """Return the scope called `name`, to be read only; looking at an idle one does not wake it."""
        packed = self._packed.get(name)
        return self._unpack(packed) if packed is not None else self._large.get(name) or self._awake[name]

    def facts(self) -> Iterator[tuple[str, ScopeFacts]]:
        """Yield the facts of every scope, by name, without waking any."""
        for name in sorted(self):
            packed = self._packed.get(name)
            yield name, packed.facts if packed is not None else self.look(name).facts()

    def homes(self) -> Iterator[tuple[str, frozenset[int]]]:
        """Yield the name and the homes of every scope, without waking any."""
        for kept in (self._awake, self._large, self._packed):
            yield from ((name, scope.homes) for name, scope in kept.items())

    def drop(self, name: str) -> None:
        """Remove the scope called `name`."""
        for scopes in (self._awake, self._large):
            scopes.pop(name, None)
        self._remove_packed(name)

    def drop_packed(self, name: str, homes: Collection[int]) -> bool:
        """Remove the scope called `name` if it is packed, without a label, and at home in `homes` alone.

        Return whether it was removed. It is not unpacked for that.
        """
        packed = self._packed.get(name)
        if packed is None or packed.facts.labels or not packed.homes.issubset(homes):
            return False
        self._remove_packed(name)
        return True

    def with_pattern(self, pattern: str) -> str | None:
        """Return the name of the scope that knows `pattern`, None when none does."""
        for scopes in (self._awake, self._large):
            for name, scope in scopes.items():
                if pattern in scope.baseline:
                    return name
        word = f"\n{pattern}\n".encode("utf-8", "surrogatepass")
        return next((name for name, packed in self._packed.items() if word in packed.names), None)

    def forget_verdicts(self, source: TopicPartition) -> None:
        """Drop the cached verdicts of `source` in all scopes."""
        for scopes in (self._awake, self._large):
            for scope in scopes.values():
                scope.forget_verdicts(source)
        self._undone.append(source)

    def bound(self, unsettled: Callable[[], Collection[str]]) -> None:
        """Let scopes go where there are too many, but none of the `unsettled`, which is called only then."""
        if len(self) <= self._looked_at:
            return
        kept = unsettled()
        surplus = len(self) - int(KEPT * self._most)
        for _, _, name in sorted(one for one in self._unlabelled() if one[2] not in kept)[:surplus]:
            self.drop(name)
            self.let_go += 1
        self._looked_at = max(self._most, int(GROWN * len(self)))

    def _unlabelled(self) -> Iterator[tuple[int, int, str]]:
        """Yield sessions in the window, time of the latest one and name of each scope that has no label."""
        for scopes in (self._awake, self._large):
            for name, scope in scopes.items():
                if not len(scope.baseline.labels):
                    yield int(scope.baseline.window.total), scope.baseline.window.latest(), name
        for name, packed in self._packed.items():
            if not packed.facts.labels:
                yield packed.facts.sessions, packed.facts.latest, name

    def unused(self, turns: int) -> list[str]:
        """Return the scopes in memory that were not asked for in the last `turns` turns, largest ones first."""
        before = self.turn - turns
        objects = [(name, scope) for kept in (self._large, self._awake) for name, scope in kept.items()]
        names = [name for name, scope in objects if scope.used <= before]
        return names + [name for name, packed in self._packed.items() if packed.used <= before and _is_large(packed)]

    def cool(self, name: str, turns: int) -> bool:
        """Pack a scope that was not asked for in the last `turns` turns, and move it to the disk if it is large.

        Return whether it has moved there. Raises OSError where the disk has no room: the scope stays as it was.
        """
        scope, packed = self._awake.get(name) or self._large.get(name), self._packed.get(name)
        last = scope.used if scope is not None else packed.used if packed is not None else self.turn
        if last > self.turn - turns:
            return False
        if packed is None:
            assert scope is not None
            packed = self._packer.pack(scope, len(self._undone))
        if _is_large(packed):
            packed = self._packer.move(packed)
        self._packed[name] = packed
        self._awake.pop(name, None)
        self._large.pop(name, None)
        return packed.is_cold

    @property
    def cold(self) -> int:
        """How many scopes are on the disk."""
        return sum(packed.is_cold for packed in self._packed.values())

    def _keep_awake(self, name: str, scope: Scope) -> Scope:
        """Return a scope that is used now, awake. Of too many, the one idle for longest goes to sleep."""
        scope.used = self.turn
        self._awake[name] = scope
        if len(self._awake) > AWAKE:
            self._put_to_sleep(next(iter(self._awake)))
        return scope

    def _put_to_sleep(self, name: str) -> None:
        scope = self._awake.pop(name)
        if len(scope.baseline) <= FEW:
            self._packed[name] = self._packer.pack(scope, len(self._undone))
        else:
            self._large[name] = scope

    def _unpack(self, packed: Packed) -> Scope:
        scope = self._packer.unpack(packed)
        for source in set(self._undone[packed.undone :]):
            scope.forget_verdicts(source)
        return scope

    def _remove_packed(self, name: str) -> None:
        packed = self._packed.pop(name, None)
        if packed is not None:
            self._packer.free(packed)


def _is_large(packed: Packed) -> bool:
    """Return whether a packed scope in memory is worth a place on the disk."""
    return isinstance(packed.content, bytes) and len(packed.content) > SMALL
