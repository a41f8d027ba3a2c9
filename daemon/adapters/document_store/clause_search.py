"""A search of one base: its segments, and the loose clauses one by one."""

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.document_store.loose_clauses import KEPT, LooseClauses
from daemon.adapters.document_store.segment_files import Keys, SegmentFiles, best
from daemon.adapters.document_store.segments import numbers_in, segments_of


class ClauseSearch:
    """Searches the store of a connection; `KEPT` times `most_loose` numbers of vectors stay in memory."""

    def __init__(self, connection: sqlite3.Connection, files: SegmentFiles, most_loose: int) -> None:
        self._connection = connection
        self._files = files
        self._loose = LooseClauses(KEPT * most_loose)

    def keys(self, base: str, model: str, vector: NDArray[np.float32], count: int) -> tuple[Keys, int, list[int]]:
        """Return the keys of `count` near clauses, how many clauses are loose, and the segments without their files."""
        numbers = numbers_in(self._connection, base, model, None)
        keys, cosines = self._loose.nearest(self._connection, (base, model), numbers, vector, count)
        listed, lost = segments_of(self._connection, base, model), []
        self._files.keep(segment for segment, _ in listed)
        for segment, size in listed:
            try:
                more, their = self._files.nearest(segment, size, vector, count)
            except LookupError:
                lost.append(segment)
            else:
                keys, cosines = best([keys, more], [cosines, their], count)
        return keys, sum(size for _, size in numbers), lost
