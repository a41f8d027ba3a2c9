"""A scope that nobody uses: pickled and compressed, in memory or on the disk.

What is unpacked is the scope that was packed, to the bit, with what is only cached of it. The first scope that is
packed gives the dictionary by which the others are compressed. Every content has a checksum, so what a disk returns
damaged is not unpacked.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import zstandard

from daemon.core.detection.scope import Scope, ScopeFacts
from daemon.errors import ColdScopeError

_LEVEL = 1
_WORDS = 1 << 16


class Extent(NamedTuple):
    """Where a content lies in its storage, and its length, in bytes."""

    begin: int
    length: int


class ColdStorage(Protocol):
    """Where cold scopes are kept as long as the process runs: blocking calls.

    Nobody but the process may change what is in it, since it is unpickled.
    """

    @property
    def used(self) -> int:
        """The bytes that are in it."""
        ...

    def put(self, content: bytes) -> Extent:
        """Keep `content`. Raises OSError when there is no room; nothing is kept then."""
        ...

    def read(self, place: Extent) -> bytes:
        """Return what was put at `place`. Raises OSError."""
        ...

    def free(self, place: Extent) -> None:
        """Forget what is at `place`."""
        ...


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed scope: its content, its facts, its patterns' names end to end, and how often work had been undone.

    `homes` are those of the scope, and `used` is the turn in which it was last asked for.
    """

    content: bytes | Extent
    facts: ScopeFacts
    names: bytes
    undone: int
    homes: frozenset[int]
    used: int

    @property
    def is_cold(self) -> bool:
        """Whether its content is on the disk."""
        return isinstance(self.content, Extent)


class Packer:
    """Packs scopes, and unpacks what it has packed itself; `storage` has what is on the disk."""

    def __init__(self, storage: ColdStorage | None) -> None:
        self._storage = storage
        self._compressor: zstandard.ZstdCompressor | None = None
        self._decompressor = zstandard.ZstdDecompressor()

    def pack(self, scope: Scope, undone: int) -> Packed:
        """Return the scope packed, in memory."""
        names = "\n".join(["", *(pattern for pattern, _ in scope.baseline.rows()), ""])
        packed, content = names.encode("utf-8", "surrogatepass"), self._compress(scope)
        facts = replace(scope.facts(), memory_bytes=len(content) + len(packed))
        return Packed(content, facts, packed, undone, scope.homes, scope.used)

    def _compress(self, scope: Scope) -> bytes:
        content = pickle.dumps(scope, pickle.HIGHEST_PROTOCOL)
        if self._compressor is None:
            words = zstandard.ZstdCompressionDict(content[:_WORDS], dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            words.precompute_compress(level=_LEVEL)
            self._compressor = zstandard.ZstdCompressor(dict_data=words, write_checksum=True)
            self._decompressor = zstandard.ZstdDecompressor(dict_data=words)
        # A copy of its own size: the compressor's buffer is as large as the content, and what is cut off of it is lost.
        return memoryview(self._compressor.compress(content)).tobytes()

    def unpack(self, packed: Packed) -> Scope:
        """Return the scope. Raises ColdScopeError where the disk does not return what was written."""
        content = packed.content
        try:
            if isinstance(content, Extent):
                assert self._storage is not None
                content = self._storage.read(content)
            scope = pickle.loads(self._decompressor.decompress(content))  # noqa: S301 - `pack` of this process made it
        except (OSError, zstandard.ZstdError) as error:
            raise ColdScopeError(f"a scope cannot be read back from the disk: {error}") from error
        assert isinstance(scope, Scope)
        return scope

    def move(self, packed: Packed) -> Packed:
        """Return the packed scope with its content on the disk. Raises OSError where that has no room."""
        if isinstance(packed.content, Extent) or self._storage is None:
            return packed
        place = self._storage.put(packed.content)
        return replace(packed, content=place, facts=replace(packed.facts, memory_bytes=len(packed.names)))

    def free(self, packed: Packed) -> None:
        """Free the disk of a packed scope that is not needed any more."""
        if isinstance(packed.content, Extent) and self._storage is not None:
            self._storage.free(packed.content)
