"""The lines of one partition that are held to be joined, and what its checkpoint keeps of them."""

from __future__ import annotations

import numpy as np
import polars as pl

from daemon.core.multiline import Joined, Joiner, Joining
from daemon.core.positions import Positions, position_of
from daemon.core.stream.checkpoint import NONE
from daemon.core.stream.line_reader import LineReader, LineSource, Timed


class HeldLines:
    """Joins lines in reading order as `joining` says; without it, lines are as their source joins them."""

    def __init__(self, joining: Joining | None, source: LineSource, lines: LineReader, timed: Timed) -> None:
        self._source = source
        self._lines = lines
        self._timed = timed
        resume = lines.resume
        self._joiner = (
            None if joining is None else Joiner(joining, until=resume.next, resumed=resume.held, clock=resume.clock)
        )

    def __len__(self) -> int:
        """Return the number of lines that wait for more lines, for time to pass or for a flush."""
        return 0 if self._joiner is None else len(self._joiner.held)

    @property
    def clock(self) -> int | None:
        """The greatest record time so far, in microseconds, None where no lines are joined."""
        return None if self._joiner is None else self._joiner.clock

    def push(self, lines: pl.DataFrame) -> Joined:
        """Take in lines; return the events that they end."""
        if self._joiner is None:
            return self._source.joined(lines)
        with self._timed("join"):
            return self._joiner.push(lines)

    def flush(self) -> Joined | None:
        """Return the events that are held, None where no lines are joined."""
        return None if self._joiner is None else self._joiner.flush(position_of(self._lines.next))

    def unsettled(self) -> Positions:
        """Return the positions of held lines, sorted."""
        return NONE if self._joiner is None else self._joiner.held

    def to_join(self) -> Positions:
        """Return the unsettled positions that a checkpoint must name as held, those of a replay's lines ahead too."""
        pending = NONE if self._joiner is None else self._joiner.pending
        return np.union1d(pending, self._lines.held_ahead()) if self._lines.replaying else pending
