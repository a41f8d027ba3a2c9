"""From batches of one partition to its lines, each exactly once, also when the partition is read again.

A `LineSource` knows what a batch is made of: records of the input (`InputLines`), or blocks of lines that input
partitions have written (`daemon.core.repartition`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import polars as pl

from daemon.core.formats import FormatSettings, make_format
from daemon.core.masking import Masker
from daemon.core.multiline import Joined
from daemon.core.positions import Positions, place, position_of
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.replay import Replay
from daemon.core.types import NO_TIME_COUNTS, Batch, Parsed, Reject, TimeCounts

Timed = Callable[[str], AbstractContextManager[None]]
"""Returns a context that measures a stage: ``format``, ``join``, ``mask``, ``sessionize``, ``observe``, ..."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The result of one batch: lines taken in, records that could not be parsed, lines with an impossible time.

    `replayed` counts lines and records that were read again after a restart and skipped, because they are settled;
    `cuts` counts joined lines that a bound ended, by bound. The last `unread` records of the batch were not read,
    because those before them are enough at once; they must be pushed again.
    """

    lines: int
    rejects: Sequence[Reject]
    times: TimeCounts = NO_TIME_COUNTS
    replayed: int = 0
    cuts: Mapping[str, int] = field(default_factory=dict)
    unread: int = 0

    def __add__(self, other: Pushed) -> Pushed:
        return Pushed(
            self.lines + other.lines,
            [*self.rejects, *other.rejects],
            self.times + other.times,
            self.replayed + other.replayed,
            Counter(self.cuts) + Counter(other.cuts),
            other.unread,
        )


class LineSource(Protocol):
    """Turns the records of a partition into lines."""

    @property
    def time(self) -> int | None:
        """Stream time in microseconds where records give it without lines; None where only lines do."""
        ...

    def look(self, batch: Batch, *, pressed: bool) -> None:
        """Look at a batch before it is parsed. `pressed`: too many lines wait for their sessions to close."""
        ...

    def parse(self, batch: Batch) -> Parsed:
        """Return the lines of a batch, or of its first records; see `Parsed.unread`."""
        ...

    def joined(self, lines: pl.DataFrame) -> Joined:
        """Return lines as events; those that belong together arrive joined, or are never joined."""
        ...

    def mask(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return lines without secrets, with `masked`."""
        ...

    def place(self, position: int) -> str:
        """Return where a line lies in the input, as text."""
        ...

    def pieces(self, low: int) -> Mapping[bytes, bytes | None]:
        """Return what a checkpoint that reads again from `low` must keep beside the positions, where it changed."""
        ...


class InputLines:
    """Records of the input, read by its format. Implements `LineSource`."""

    time = None

    def __init__(self, settings: FormatSettings, masker: Masker) -> None:
        self._format = make_format(settings)
        self._masker = masker

    def look(self, batch: Batch, *, pressed: bool) -> None:
        """Do nothing: records of the input contain only lines."""

    def parse(self, batch: Batch) -> Parsed:
        """Return lines of a batch, by the format; what they state of versions is redacted."""
        parsed = self._format.parse(batch)
        if parsed.versions is None:
            return parsed
        return replace(parsed, versions=self._masker.names(parsed.versions, "scope", "version"))

    def joined(self, lines: pl.DataFrame) -> Joined:
        """Return every line as an event."""
        return Joined(lines.with_columns(read="position"))

    def mask(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return lines redacted and masked."""
        return self._masker.apply(lines)

    def place(self, position: int) -> str:
        """Return a position as text."""
        return place(position)

    def pieces(self, low: int) -> Mapping[bytes, bytes | None]:  # noqa: ARG002  # positions are enough
        """Keep nothing."""
        return {}


class LineReader:
    """Reads one partition from a checkpoint on; gives lines to `take`, which returns `Pushed.cuts`.

    `see` gets the versions that lines state, also of lines that are read again.

    `lost` counts records with unsettled lines that retention deleted, `next` is the offset after the last record taken
    in, never below the checkpoint's.
    """

    def __init__(
        self,
        origin: LineSource,
        resume: Checkpoint | None,
        take: Callable[[pl.DataFrame], Mapping[str, int]],
        see: Callable[[pl.DataFrame, int], None],
        timed: Timed,
    ) -> None:
        self.lost = 0
        self.resume = resume or Checkpoint(0)
        self.next = self.resume.next
        self._origin = origin
        self._take = take
        self._see = see
        self._timed = timed
        self._replay = Replay(self.resume) if self.resume.unsettled.size else None
        self._read_to = 0

    @property
    def replaying(self) -> bool:
        """Whether lines that the checkpoint left unsettled may still return."""
        return self._replay is not None

    def push(self, batch: Batch, *, pressed: bool = False) -> Pushed:
        """Read a batch, or its first records; see `Pushed.unread`. Offsets must increase from batch to batch."""
        if not len(batch):
            return Pushed(0, ())
        if batch.refusals:
            return self._push_around(batch, pressed=pressed)
        self._origin.look(batch, pressed=pressed)
        if self._replay is None:
            return self._read(batch)
        split = int(np.searchsorted(np.asarray(batch.offsets), self._replay.until))
        again = [row for row in range(split) if self._replay.wants(batch.offsets[row])]
        old = self._read(batch.rows(again), again)
        if old.unread:
            split = again[-old.unread]
            replayed = old.replayed + split - (len(again) - old.unread)
            return replace(old, replayed=replayed, unread=len(batch) - split)
        replayed = old.replayed + split - len(again)
        if batch.offsets[-1] + 1 < self._replay.until:
            return replace(old, replayed=replayed)
        self.end_replay()
        rows = range(split, len(batch))
        new = self._read(batch.rows(rows), rows)
        return replace(old + new, replayed=replayed)

    def skip(self, offset: int) -> None:
        """Continue at `offset`, because retention deleted what lies before it."""
        self.next = max(self.next, offset)
        if self._replay is not None:
            self.lost += self._replay.drop_below(offset)
            self._read_to = max(self._read_to, offset)
            if offset >= self._replay.until:
                self.end_replay()

    def end_replay(self) -> None:
        """Stop waiting for unsettled lines: all that still exist have returned."""
        # The watermark is what the replayed lines reached: their sessions were open at the checkpoint's watermark, and
        # close at the next line as they would have without the restart.
        if self._replay is not None:
            self.lost += self._replay.missing
            self._replay = None

    def ahead(self) -> Positions:
        """Return the unsettled positions that have not returned yet; they stay unsettled, below the same `next`."""
        if self._replay is None:
            return np.empty(0, np.int64)
        unsettled = self.resume.unsettled
        return unsettled[unsettled >= position_of(self._read_to)]

    def held_ahead(self) -> Positions:
        """Return those of the lines ahead that were held to be joined."""
        held = self.resume.held
        return held[held >= position_of(self._read_to)]

    def _push_around(self, batch: Batch, *, pressed: bool) -> Pushed:
        """Read a batch whose refusals become rejects; the offsets that they stand for are passed."""
        pushed, begin = Pushed(0, ()), 0
        for refusal, reject in zip(batch.refusals, batch.refused(), strict=True):
            pushed += self._push_some(batch, range(begin, reject.row), pressed=pressed)
            if pushed.unread:
                return replace(pushed, unread=pushed.unread + len(batch) - reject.row)
            wanted = self._replay is None or self._replay.refused(refusal.first, refusal.last)
            pushed += Pushed(0, [reject] if wanted else (), replayed=int(not wanted))
            end = refusal.last + 1
            self.next, self._read_to = max(self.next, end), max(self._read_to, end)
            if self._replay is not None and end >= self._replay.until:
                self.end_replay()
            begin = reject.row + 1
        return pushed + self._push_some(batch, range(begin, len(batch)), pressed=pressed)

    def _push_some(self, batch: Batch, rows: Sequence[int], *, pressed: bool) -> Pushed:
        pushed = self.push(batch.rows(rows), pressed=pressed)
        return replace(pushed, rejects=[replace(reject, row=rows[reject.row]) for reject in pushed.rejects])

    def _read(self, batch: Batch, rows: Sequence[int] | None = None) -> Pushed:
        """Read the first records of a batch, whose rows are `rows` of what was pushed."""
        if not len(batch):
            return Pushed(0, ())
        with self._timed("format"):
            parsed = self._origin.parse(batch)
        rejects = parsed.rejects
        if rows is not None:
            rejects = [Reject(rows[r.row], r.offset, r.reason, r.detail) for r in rejects]
        if self._replay is not None:
            for reject in rejects:
                self._replay.rejected(reject.offset)
        if parsed.versions is not None:
            self._see(parsed.versions, self.resume.next)
        lines = self._kept(parsed)
        self._read_to = batch.offsets[-1 - parsed.unread] + 1
        self.next = max(self.next, self._read_to)
        cuts = self._take(lines) if lines.height else {}
        replayed = parsed.lines.height - lines.height
        return Pushed(lines.height, rejects, parsed.times, replayed, cuts, parsed.unread)

    def _kept(self, parsed: Parsed) -> pl.DataFrame:
        if self._replay is None or parsed.lines.is_empty():
            return parsed.lines
        return parsed.lines.filter(pl.Series(self._replay.keep(parsed.lines["position"].to_numpy())))
