"""The files of an index of clauses: usearch's HNSW with signed bytes, written once, and mapped into memory to search.

A key is the number of a document's vectors and the clause's index in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index

from daemon.core.arrays import in_bytes

INDEX_BITS = 24
"""Bits of a key for the clause's index: more than a file may have characters."""
BUILDING = "building.usearch"
_EXPANSION_ADD, _EXPANSION_SEARCH = 64, 128

Keys = NDArray[np.int64]


def keys_of(number: int, size: int) -> Keys:
    """Return the keys of `size` clauses."""
    return (number << INDEX_BITS) + np.arange(size, dtype=np.int64)


def parts_of(key: int) -> tuple[int, int]:
    """Return number and clause index of a key."""
    return key >> INDEX_BITS, key & ((1 << INDEX_BITS) - 1)


class SegmentFiles:
    """The segments of one store's folder. Those that were searched last stay mapped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mapped: dict[int, Index] = {}

    def path(self, segment: int) -> Path:
        """Return where a segment's file is."""
        return self._folder / f"{segment}.usearch"

    def nearest(
        self, segment: int, size: int, vector: NDArray[np.float32], count: int
    ) -> tuple[Keys, NDArray[np.float32]]:
        """Return up to `count` keys near a unit vector, and their cosines, which are off by some thousandths.

        Raises LookupError where the file is gone or has not `size` bytes.
        """
        index = self._mapped.get(segment)
        if index is None:
            index = self._mapped[segment] = self._open(segment, size, len(vector), mapped=True)
        matches = index.search(in_bytes(vector), count, threads=1)
        return matches.keys.astype(np.int64), 1.0 - np.asarray(matches.distances, np.float32)

    def keep(self, segments: Iterable[int]) -> None:
        """Let go of all other mapped files."""
        for gone in self._mapped.keys() - set(segments):
            del self._mapped[gone]

    def delete_except(self, segments: Iterable[int]) -> None:
        """Delete all other files, unfinished ones too."""
        names = {self.path(segment).name for segment in segments}
        for path in self._folder.glob("*.usearch"):
            if path.name not in names:
                path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Delete the file that was written last."""
        (self._folder / BUILDING).unlink(missing_ok=True)

    def finish(self, segment: int) -> None:
        """Give the file that was written last the name of a segment. Raises FileNotFoundError when it is gone."""
        (self._folder / BUILDING).rename(self.path(segment))

    def write(self, parts: Iterable[tuple[int, NDArray[np.float32]]], index: Index) -> int:
        """Add numbers with their clauses' vectors, shape (n, dimensions), to an index; write it; return its bytes."""
        for number, vectors in parts:
            index.add(keys_of(number, len(vectors)).astype(np.uint64), in_bytes(vectors), threads=1)
        path = self._folder / BUILDING
        self._folder.mkdir(exist_ok=True)
        index.save(str(path))
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return path.stat().st_size

    def loaded(self, segment: int, size: int, dimensions: int) -> Index:
        """Return a copy of a segment in memory. Raises LookupError where the file is gone or has not `size` bytes."""
        return self._open(segment, size, dimensions, mapped=False)

    def _open(self, segment: int, size: int, dimensions: int, *, mapped: bool) -> Index:
        path = self.path(segment)
        try:
            if path.stat().st_size != size:
                raise LookupError(f"{path}: is cut off")
        except FileNotFoundError:
            raise LookupError(f"{path}: is gone") from None
        index = empty(dimensions)
        try:
            (index.view if mapped else index.load)(str(path))
        except RuntimeError as error:  # usearch's for every file that it cannot use; one may go at any time
            raise LookupError(f"{path}: {error}") from None
        return index


def empty(dimensions: int) -> Index:
    """Return an index without vectors."""
    return Index(
        ndim=dimensions,
        metric="cos",
        dtype="i8",
        connectivity=16,
        expansion_add=_EXPANSION_ADD,
        expansion_search=_EXPANSION_SEARCH,
    )


def best(keys: Sequence[Keys], cosines: Sequence[NDArray[np.float32]], count: int) -> tuple[Keys, NDArray[np.float32]]:
    """Return the `count` keys of the highest cosines, the highest first, and among equals the lowest key first."""
    all_keys, all_cosines = np.concatenate(keys), np.concatenate(cosines)
    if len(all_cosines) > count:
        least = np.partition(all_cosines, -count)[-count]
        near = all_cosines >= least
        all_keys, all_cosines = all_keys[near], all_cosines[near]
    order = np.lexsort((all_keys, -all_cosines))[:count]
    return all_keys[order], all_cosines[order]
