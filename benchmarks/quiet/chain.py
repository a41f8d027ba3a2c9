"""The parts of the daemon that the lines of a partition go through, up to what is observed of them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.formats import FieldPaths, FormatSettings, make_format
from daemon.core.masked_lines import MaskedLines
from daemon.core.masking import Masker
from daemon.core.observations import Case, Observations, Observer, cause_of
from daemon.core.sessions import Patterns, Sessionizer, SessionLimits
from daemon.core.types import Batch, ClosedBy, Session, TopicPartition

SOURCE = TopicPartition("quiet", 0)
LIMITS = SessionLimits(30_000_000, 300_000_000, 10_000, 32_000, 1_000_000)


class Chain:
    """The parts of one partition. Records are held and observed together, or read and observed step by step."""

    def __init__(self, source: TopicPartition) -> None:
        self._source = source
        self._reader, self._masker = make_format(FormatSettings(fields=FieldPaths(version="version"))), Masker()
        self._held: list[bytes] = []
        self._offset = 0
        self.observing = Observing(source)

    def hold(self, value: bytes) -> None:
        """Keep a record for the next `observed`."""
        self._held.append(value)

    def observed(self, now: float) -> Observations:
        """Read the records kept; return what is observed up to `now`, seconds since the epoch."""
        values, self._held = self._held, []
        if values:
            self.observing.push(self.read(values))
        return self.observing.take(now)

    def read(self, values: Sequence[bytes]) -> pl.DataFrame:
        """Return the masked lines of the next records; the versions that they state are observed."""
        count = len(values)
        offsets = range(self._offset, self._offset + count)
        batch = Batch(self._source, offsets, [-1] * count, [None] * count, values)
        self._offset += count
        parsed = self._reader.parse(batch)
        if parsed.versions is not None:
            self.observing.versions(parsed.versions)
        return self._masker.apply(parsed.lines.with_columns(read="position"))

    def fork(self) -> Chain:
        """Return a chain that goes on by itself from the same state."""
        other = Chain(self._source)
        other._offset, other.observing = self._offset, deepcopy(self.observing)
        return other

    def end(self) -> None:
        """Close what is open."""
        self.observing.end()


class Observing:
    """Sessions and observations of masked lines. A deep copy goes on by itself from the same state."""

    def __init__(self, source: TopicPartition) -> None:
        self._sessionizer = Sessionizer(LIMITS, _tokens)
        self._observer = Observer(source)
        self._patterns = Patterns()

    def push(self, lines: pl.DataFrame) -> list[Session]:
        """Take in masked lines; return the sessions that they close."""
        grouped = MaskedLines.of(lines)
        closed = self._sessionizer.push(grouped)
        self._observer.lines(grouped)
        self._observer.sessions(grouped, self._sessionizer.begun)
        return self._closed(closed)

    def versions(self, stated: pl.DataFrame) -> None:
        """Take in the versions of services that lines state."""
        self._observer.versions.see(stated)

    def take(self, now: float) -> Observations:
        """Return what was observed since the last call, up to `now`, seconds since the epoch."""
        return self._observer.take(round(now * 1e6))

    def end(self) -> list[Session]:
        """Close what is open, and return it."""
        return self._closed(self._sessionizer.flush(ClosedBy.FLUSH))

    def _closed(self, closed: list[Session]) -> list[Session]:
        for session in closed:
            self._observer.whole.close([(session, self._patterns.of(session))])
            causes = [cause_of(line.masked) for line in session.lines]
            bad = [cause.id for cause in causes if cause.score > 0]
            if bad:
                self._observer.case(Case(session.key, session.scope, session.end, bad, {}))
        return closed


def _tokens(lines: Sequence[str]) -> NDArray[np.int32]:
    return np.array([len(line) // 4 + 1 for line in lines], np.int32)
