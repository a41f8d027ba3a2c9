"""A scope that nobody uses: pickled and compressed, in memory or on the disk.

What is unpacked is the scope that was packed, to the bit, with what is only cached of it. The first scope that is
packed gives the dictionary by which the others are compressed. Every content has a checksum, so what a disk returns
damaged is not unpacked.

Pickling holds the interpreter's lock, and the event loop waits for it. So a pickle is written and read in pieces,
between which other threads may run; compressing gives the lock up by itself.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any, NamedTuple, Protocol

import zstandard

from daemon.core.detection.scope import Scope, ScopeFacts
from daemon.errors import ColdScopeError

_LEVEL = 1
_WORDS = 1 << 16
_AT_ONCE = 1 << 20
"""Bytes of a large array that are copied or compressed before another thread may run."""


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


class _Pieces:
    """Takes a pickle piece by piece. `write` is Python, so between two pieces another thread may run."""

    def __init__(self) -> None:
        self.pieces: list[memoryview] = []

    def write(self, piece: bytes | pickle.PickleBuffer) -> None:
        """Keep a piece, without a copy: some 64 KiB of small objects, or a large array in parts."""
        whole = piece.raw() if isinstance(piece, pickle.PickleBuffer) else memoryview(piece)
        self.pieces += [whole[at : at + _AT_ONCE] for at in range(0, len(whole), _AT_ONCE)]


class _Read(BytesIO):
    """Gives a pickle piece by piece, as `_Pieces` takes it."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes."""
        return super().read(size)

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer` with the next bytes."""
        whole = memoryview(buffer)
        return sum(super(_Read, self).readinto(whole[at : at + _AT_ONCE]) for at in range(0, len(whole), _AT_ONCE))


def _first(pieces: Iterable[memoryview], size: int) -> bytes:
    """Return the first `size` bytes of `pieces` joined, fewer when there are no more."""
    begin = BytesIO()
    for piece in pieces:
        if begin.tell() >= size:
            break
        begin.write(piece[:size])
    return begin.getvalue()[:size]


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
        pickle.dump(scope, written := _Pieces(), pickle.HIGHEST_PROTOCOL)
        pieces = written.pieces
        if self._compressor is None:
            words = zstandard.ZstdCompressionDict(_first(pieces, _WORDS), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            words.precompute_compress(level=_LEVEL)
            self._compressor = zstandard.ZstdCompressor(dict_data=words, write_checksum=True)
            self._decompressor = zstandard.ZstdDecompressor(dict_data=words)
        compressing = self._compressor.compressobj(size=sum(map(len, pieces)))
        content = BytesIO()
        for piece in pieces:
            content.write(compressing.compress(piece))
        content.write(compressing.flush())
        return content.getvalue()

    def unpack(self, packed: Packed) -> Scope:
        """Return the scope. Raises ColdScopeError where the disk does not return what was written."""
        content = packed.content
        try:
            if isinstance(content, Extent):
                assert self._storage is not None
                content = self._storage.read(content)
            whole = _Read(self._decompressor.decompress(content))
            scope = pickle.Unpickler(whole).load()  # noqa: S301 - `pack` of this process made it
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
