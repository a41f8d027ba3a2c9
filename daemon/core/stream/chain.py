"""One partition's chain: records in, verdicts out. The daemon and the backtest both drive this, so they agree.

Three rules make it exact:

* Sessions are judged in the order they close, whatever order their embeddings arrive in.
* Everything read is in one of four places: an open session, the queue, a verdict already handed out, a reject already
  handed out. `checkpoint` covers the first two; whoever took the last two settles them with it, in one transaction.
* Reading again after a crash goes through `Replay`: below the checkpoint's `next` only what was unsettled counts.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.detection import Detector
from daemon.core.formats import FormatSettings, make_format
from daemon.core.masking import Masker
from daemon.core.positions import Positions, position_of
from daemon.core.sessions import Patterns, Sessionizer, SessionLimits
from daemon.core.stream.checkpoint import Checkpoint, Replay
from daemon.core.types import (
    Batch,
    ClosedBy,
    Parsed,
    Pattern,
    Reject,
    Session,
    TopicPartition,
    Vector,
    Verdict,
    session_id,
)


@dataclass(frozen=True, slots=True)
class Tools:
    """What every stream of a process shares; built once from the configuration."""

    format: FormatSettings
    masker: Masker
    limits: SessionLimits
    count_tokens: Callable[[Sequence[str]], NDArray[np.int32]]
    detector: Detector


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one batch: lines taken in, records that could not be read, lines with an absurd time.

    `replayed` lines and records were met again after a restart, and left out because they were settled before it.
    """

    lines: int
    rejects: Sequence[Reject]
    clamped: int
    replayed: int = 0


class Stream:
    """The chain of one partition. Synchronous; the thread that owns the detector calls it.

    `lost` counts records that held unsettled lines and are gone, `known` closed sessions that needed no embedding.
    """

    def __init__(
        self,
        source: TopicPartition,
        tools: Tools,
        resume: Checkpoint | None = None,
        *,
        teach: bool = False,
        learn: bool = True,
    ) -> None:
        self.source = source
        self.lost = 0
        self.known = 0
        self._tools = tools
        self._format = make_format(tools.format)
        self._teach, self._learn = teach, learn
        self._sessionizer = Sessionizer(tools.limits, tools.count_tokens)
        self._patterns = Patterns()
        self._queued_lines = 0
        self._queue: deque[tuple[Session, Pattern]] = deque()
        self._queued: Counter[str] = Counter()
        self._vectors: dict[str, Vector] = {}
        self._wanted: list[Pattern] = []
        self._resume = resume or Checkpoint(0)
        self._replay = Replay(self._resume) if self._resume.unsettled.size else None
        self._next = self._resume.next
        self._read_to = 0
        if self._replay is None and self._resume.watermark is not None:
            self._sessionizer.advance(self._resume.watermark)

    @property
    def next(self) -> int:
        """The offset after the last record taken in; never below the checkpoint's."""
        return self._next

    @property
    def watermark(self) -> int | None:
        """The greatest event time seen, in microseconds."""
        return self._sessionizer.watermark

    @property
    def waiting(self) -> int:
        """Sessions that are closed and not yet judged."""
        return len(self._queue)

    @property
    def open_sessions(self) -> int:
        """Sessions that may still grow."""
        return self._sessionizer.open_sessions

    @property
    def unsettled(self) -> int:
        """Lines held by open and by unjudged sessions."""
        return self._sessionizer.open_lines + self._queued_lines

    def push(self, batch: Batch) -> Pushed:
        """Read a batch; sessions it closes join the queue. Offsets must not go back."""
        if not len(batch):
            return Pushed(0, (), 0)
        if self._replay is None:
            return self._read(batch)
        split = int(np.searchsorted(np.asarray(batch.offsets), self._replay.until))
        again = [row for row in range(split) if self._replay.wants(batch.offsets[row])]
        old = self._read(batch.rows(again), again)
        replayed = old.replayed + split - len(again)
        if batch.offsets[-1] + 1 < self._replay.until:
            return replace(old, replayed=replayed)
        self._end_replay()
        rows = range(split, len(batch))
        new = self._read(batch.rows(rows), rows)
        return Pushed(old.lines + new.lines, [*old.rejects, *new.rejects], old.clamped + new.clamped, replayed)

    def flush(self, closed_by: ClosedBy) -> None:
        """Close every open session: the stream ended, or nothing has come for a while."""
        if self._replay is not None:
            self._end_replay()
        self._enqueue(self._sessionizer.flush(closed_by))

    def skip(self, offset: int) -> None:
        """Go on at `offset`: what lies before it can never be read again (retention deleted it)."""
        self._next = max(self._next, offset)
        if self._replay is not None:
            self.lost += self._replay.drop_below(offset)
            self._read_to = max(self._read_to, offset)
            if offset >= self._replay.until:
                self._end_replay()

    def missing(self, limit: int | None = None) -> list[Pattern]:
        """Return patterns that await a vector, each once; the caller owes a `supply` for every one of them."""
        taken = self._wanted[:limit]
        del self._wanted[: len(taken)]
        return taken

    def supply(self, vectors: Mapping[str, Vector]) -> None:
        """Hand in vectors by pattern id; those nobody waits for are dropped."""
        self._vectors.update((id_, vector) for id_, vector in vectors.items() if self._queued[id_])

    def judge(self, limit: int = 1 << 30) -> Iterator[Verdict]:
        """Judge and learn closed sessions in order, up to `limit`, or to the first that awaits its vector.

        Each is judged when it is asked for, so what is done about one verdict may bear on the next.
        """
        while self._queue and limit > 0:
            session, pattern = self._queue[0]
            vector = self._vectors.get(pattern.id)
            if vector is None:
                return
            judgement = self._tools.detector.judge(
                pattern, vector, end=session.end, source=self.source, teach=self._teach, learn=self._learn
            )
            id_ = session_id(pattern.id, self.source, int(session.positions[0]))
            self._queue.popleft()
            self._queued_lines -= session.size
            self._queued[pattern.id] -= 1
            if not self._queued[pattern.id]:
                del self._queued[pattern.id], self._vectors[pattern.id]
            limit -= 1
            yield Verdict(id_, self.source, session, pattern, judgement)

    def checkpoint(self, state: bytes = b"", config: str = "") -> Checkpoint:
        """Return the checkpoint of this moment: true once all verdicts and rejects handed out so far are published."""
        held: list[Positions] = [self._sessionizer.open_positions()]
        held += [session.positions for session, _ in self._queue]
        watermark = self.watermark
        if self._replay is not None:
            # Interrupted while reading again: what has not come back yet stays unsettled, below the same `next`.
            ahead = self._resume.unsettled
            held.append(ahead[ahead >= position_of(self._read_to)])
            watermark = self._resume.watermark
        return Checkpoint(self._next, watermark, np.sort(np.concatenate(held)), state, config)

    def _read(self, batch: Batch, rows: Sequence[int] | None = None) -> Pushed:
        if not len(batch):
            return Pushed(0, (), 0)
        parsed = self._format.parse(batch)
        rejects = parsed.rejects
        if rows is not None:
            rejects = [Reject(rows[r.row], r.offset, r.reason, r.detail) for r in rejects]
        if self._replay is not None:
            for reject in rejects:
                self._replay.met(reject.offset)
        lines = self._kept(parsed)
        self._next = max(self._next, batch.offsets[-1] + 1)
        self._read_to = batch.offsets[-1] + 1
        if lines.height:
            self._enqueue(self._sessionizer.push(self._tools.masker.apply(lines)))
        return Pushed(lines.height, rejects, parsed.clamped, parsed.lines.height - lines.height)

    def _kept(self, parsed: Parsed) -> pl.DataFrame:
        if self._replay is None or parsed.lines.is_empty():
            return parsed.lines
        return parsed.lines.filter(pl.Series(self._replay.keep(parsed.lines["position"].to_numpy())))

    def _end_replay(self) -> None:
        assert self._replay is not None
        # Stream time is left where the lines read again brought it: the sessions they form were open at the
        # checkpoint's, and close at the next line as they would have.
        self.lost += self._replay.missing
        self._replay = None

    def _enqueue(self, sessions: Sequence[Session]) -> None:
        for session in sessions:
            pattern = self._patterns.of(session)
            self._queued_lines += session.size
            if self._queued[pattern.id]:
                self.known += 1
            elif (vector := self._tools.detector.vector(pattern)) is not None:
                self._vectors[pattern.id] = vector
                self.known += 1
            else:
                self._wanted.append(pattern)
            self._queued[pattern.id] += 1
            self._queue.append((session, pattern))
