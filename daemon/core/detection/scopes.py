"""The scopes of a process: those used lately as objects, idle ones packed, and not more than are allowed.

A scope as objects costs some ten thousand bytes before it has learned anything: a header for each of its columns. So
only the AWAKE scopes used last are objects; a small one that has been idle for longer is pickled and compressed, and
unpacked when it is asked for. Nothing is lost by it, so no verdict depends on it. The first scope that is packed is the
dictionary by which the others are compressed. A scope whose vectors are in an index stays as it is: its patterns cost
more than its headers.

At most `most` scopes are kept, since whoever writes log lines chooses their names. Where there are more, some are let
go, down to KEPT of the limit: those with the fewest sessions in their window first, of equals the one whose latest
session is the oldest. A scope with a labelled pattern stays, and so does one with changes that the baseline's topic
does not hold yet. So a flood of made-up names of a few sessions each removes itself, not the services that have a
history. What a scope had learned is not deleted from the topic; its records end with the topic's retention.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import zstandard

from daemon.core.detection.scope import Scope, ScopeFacts
from daemon.core.types import TopicPartition

AWAKE = 256
KEPT = 0.95
GROWN = 1.01
"""Where too few may be let go, the next try is when the number of scopes has grown by this factor."""
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class _Packed:
    """A packed scope: its content, its facts, its patterns' names end to end, and how often work had been undone.

    `homes` are those of the scope.
    """

    content: bytes
    facts: ScopeFacts
    names: bytes
    undone: int
    homes: frozenset[int]


class _Packer:
    """Pickles and compresses; what it unpacks it has packed itself."""

    def __init__(self) -> None:
        self._compressor: zstandard.ZstdCompressor | None = None
        self._decompressor = zstandard.ZstdDecompressor()

    def pack(self, scope: Scope) -> bytes:
        content = pickle.dumps(scope, pickle.HIGHEST_PROTOCOL)
        if self._compressor is None:
            words = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            words.precompute_compress(level=_LEVEL)
            self._compressor = zstandard.ZstdCompressor(dict_data=words)
            self._decompressor = zstandard.ZstdDecompressor(dict_data=words)
        # A copy of its own size: the compressor's buffer is as large as the content, and what is cut off of it is lost.
        return memoryview(self._compressor.compress(content)).tobytes()

    def unpack(self, content: bytes) -> Scope:
        scope = pickle.loads(self._decompressor.decompress(content))  # noqa: S301 - `pack` of this process made it
        assert isinstance(scope, Scope)
        return scope


class Scopes:
    """Scopes by name; `make` makes a new one, and `most` is how many are kept."""

    def __init__(self, make: Callable[[], Scope], most: int) -> None:
        self.let_go = 0
        """How many scopes were ever let go."""
        self._make = make
        self._most = self._looked_at = most
        self._awake: dict[str, Scope] = {}
        """In the order of their last use."""
        self._large: dict[str, Scope] = {}
        self._packed: dict[str, _Packed] = {}
        self._packer = _Packer()
        self._undone: list[TopicPartition] = []

    def __len__(self) -> int:
        return len(self._awake) + len(self._large) + len(self._packed)

    def __contains__(self, name: str) -> bool:
        return name in self._awake or name in self._large or name in self._packed

    def __iter__(self) -> Iterator[str]:
        yield from (*self._awake, *self._large, *self._packed)

    def get(self, name: str) -> Scope | None:
        """Return the scope called `name`, None when there is none. Use it before the next one is asked for."""
        scope = self._large.get(name)
        if scope is not None:
            return scope
        scope = self._awake.pop(name, None)
        if scope is None:
            packed = self._packed.pop(name, None)
            if packed is None:
                return None
            scope = self._unpack(packed)
        self._awake[name] = scope
        if len(self._awake) > AWAKE:
            self._put_to_sleep(next(iter(self._awake)))
        return scope

    def get_or_make(self, name: str) -> Scope:
        """Return the scope called `name`, a new one when there is none."""
        scope = self.get(name)
        if scope is None:
            scope = self._awake[name] = self._make()
            if len(self._awake) > AWAKE:
                self._put_to_sleep(next(iter(self._awake)))
        return scope

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
        for scopes in (self._awake, self._large, self._packed):
            scopes.pop(name, None)

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

    def _put_to_sleep(self, name: str) -> None:
        scope = self._awake.pop(name)
        if not scope.baseline.neighbours.vectors.exact:
            self._large[name] = scope
            return
        names = "\n".join(["", *(pattern for pattern, _ in scope.baseline.rows()), ""])
        packed, content = names.encode("utf-8", "surrogatepass"), self._packer.pack(scope)
        facts = replace(scope.facts(), memory_bytes=len(content) + len(packed))
        self._packed[name] = _Packed(content, facts, packed, len(self._undone), scope.homes)

    def _unpack(self, packed: _Packed) -> Scope:
        scope = self._packer.unpack(packed.content)
        for source in set(self._undone[packed.undone :]):
            scope.forget_verdicts(source)
        return scope
