"""Which lines to process again when a partition is read again from its checkpoint's `low`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.core.positions import INDEX_BITS, Positions
from daemon.core.stream.checkpoint import Checkpoint

Mask = NDArray[np.bool_]


class Replay:
    """Selects, while a partition is read again, the lines that its checkpoint left unsettled.

    A record below `until` (the checkpoint's `next`) whose unsettled lines do not return under the same positions,
    because another format splits it differently, is taken whole: its lines are judged as the new format reads them, and
    none is dropped.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.until = checkpoint.next
        self._unsettled = checkpoint.unsettled
        self._offsets = np.unique(checkpoint.unsettled >> INDEX_BITS)
        self._returned = 0

    def wants(self, offset: int) -> bool:
        """Whether the record at `offset` has lines that are not settled."""
        if offset >= self.until:
            return True
        place = int(np.searchsorted(self._offsets, offset))
        return place < self._offsets.size and int(self._offsets[place]) == offset

    def keep(self, positions: Positions) -> Mask:
        """Return a mask over the sorted `positions` of lines just read: True for those still to be judged."""
        offsets = positions >> INDEX_BITS
        unsettled = np.isin(positions, self._unsettled, assume_unique=True)
        known = np.unique(offsets[unsettled])
        reread = np.isin(offsets, self._offsets) & ~np.isin(offsets, known)
        self._returned += int(np.unique(offsets[(unsettled | reread) & (offsets < self.until)]).size)
        return (offsets >= self.until) | unsettled | reread

    def drop_below(self, offset: int) -> int:
        """Stop waiting for records before `offset`, which are deleted; return how many had unsettled lines."""
        kept = self._offsets >= offset
        self._offsets = self._offsets[kept]
        return int(kept.size - self._offsets.size)

    def rejected(self, offset: int) -> None:
        """Note that the record at `offset` returned, as a reject instead of lines."""
        self._returned += int(offset < self.until and self.wants(offset))

    def refused(self, first: int, last: int) -> bool:
        """Note that the records from `first` to `last` returned as a refusal; whether some of them are not settled."""
        within = int(np.count_nonzero((self._offsets >= first) & (self._offsets <= last)))
        self._returned += within
        return within > 0 or last >= self.until

    @property
    def missing(self) -> int:
        """How many records with unsettled lines have not returned so far; at the end: retention deleted them."""
        return int(self._offsets.size) - self._returned
