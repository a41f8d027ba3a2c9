"""The chain of one partition: records in, verdicts out. The daemon and the backtest both use it, so they agree.

Three rules make it exact:

* Sessions are judged in the order they close, whatever order their embeddings arrive in.
* Everything read is in one of five places: held to be joined, an open session, the queue, a verdict already handed out,
  a reject already handed out. `checkpoint` covers the first three; whoever took the last two settles them with it, in
  one transaction.
* Reading again after a crash goes through `LineReader`: below the checkpoint's `next` only unsettled lines count.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice, repeat

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.detection import Detector
from daemon.core.formats import FormatSettings
from daemon.core.masked_lines import MaskedLines
from daemon.core.masking import Masker
from daemon.core.multiline import Joined, Joining
from daemon.core.observations import Observer
from daemon.core.positions import Positions
from daemon.core.sessions import Patterns, Sessionizer, SessionLimits
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.held_lines import HeldLines
from daemon.core.stream.line_reader import InputLines, LineReader, LineSource, Pushed, Timed
from daemon.core.types import (
    Batch,
    ClosedBy,
    Judgement,
    Pattern,
    RefusedText,
    Session,
    TopicPartition,
    Vector,
    Verdict,
)


def untimed(stage: str) -> AbstractContextManager[None]:  # noqa: ARG001  # a clock would need it
    """Measure nothing."""
    return _UNTIMED


_UNTIMED = nullcontext()


@dataclass(frozen=True, slots=True)
class Tools:
    """What every stream of a process shares; built once from the configuration. `timed` only measures.

    With `joining`, lines that belong together are joined; `format` must then keep their sources.
    """

    format: FormatSettings
    masker: Masker
    limits: SessionLimits
    count_tokens: Callable[[Sequence[str]], NDArray[np.int32]]
    detector: Detector
    joining: Joining | None = None
    timed: Timed = untimed


class Stream:
    """The chain of one partition. Synchronous; the thread that owns the detector calls it.

    Without `incoming`, records come from the input. With `teach`, sessions count as confirmed normal; without `learn`,
    the baseline stays as it is. `known` counts closed sessions that needed no embedding. `refused` are the sessions
    that `judge` reached and that have no verdict, because the engine refuses their text. They leave the stream like
    verdicts, and whoever takes them settles them.
    """

    def __init__(
        self,
        source: TopicPartition,
        tools: Tools,
        resume: Checkpoint | None = None,
        *,
        incoming: LineSource | None = None,
        teach: bool = False,
        learn: bool = True,
    ) -> None:
        self.source = source
        self.known = 0
        self._tools = tools
        self._teach, self._learn = teach, learn
        self._sessionizer = Sessionizer(tools.limits, tools.count_tokens)
        self._patterns = Patterns()
        self._queued_lines = 0
        self._queue: deque[tuple[Session, Pattern]] = deque()
        self._queued: Counter[str] = Counter()
        self._vectors: dict[str, Vector | RefusedText] = {}
        self.refused: list[tuple[Session, Pattern, RefusedText]] = []
        self._wanted: list[Pattern] = []
        self._origin = incoming or InputLines(tools.format, tools.masker)
        self.observer = Observer(source, self._origin.place)
        self._lines = LineReader(self._origin, resume, self._take, self.observer.versions.see, tools.timed)
        self._held = HeldLines(tools.joining if incoming is None else None, self._origin, self._lines, tools.timed)
        if not self._lines.replaying and self._lines.resume.watermark is not None:
            self._sessionizer.advance(self._lines.resume.watermark)

    @property
    def next(self) -> int:
        """The offset after the last record taken in; never below the checkpoint's `next`."""
        return self._lines.next

    @property
    def lost(self) -> int:
        """How many records with unsettled lines retention deleted."""
        return self._lines.lost

    @property
    def replaying(self) -> bool:
        """Whether lines that the checkpoint left unsettled may still return."""
        return self._lines.replaying

    @property
    def watermark(self) -> int | None:
        """The greatest event time seen, in microseconds."""
        return self._sessionizer.watermark

    @property
    def waiting(self) -> int:
        """Number of sessions that are closed and not yet judged."""
        return len(self._queue)

    @property
    def open_sessions(self) -> int:
        """Number of sessions that may still grow."""
        return self._sessionizer.open_sessions

    @property
    def holds(self) -> bool:
        """Whether lines are held to be joined: they wait for more lines, for time to pass or for a flush."""
        return len(self._held) > 0

    @property
    def unsettled(self) -> int:
        """Number of lines that are held to be joined, in open and in unjudged sessions."""
        return len(self._held) + self._sessionizer.open_lines + self._queued_lines

    def push(self, batch: Batch) -> Pushed:
        """Read a batch, or its first records; the sessions that they close join the queue.

        The last `Pushed.unread` records must be pushed again. Offsets must increase from batch to batch.
        """
        pushed = self._lines.push(batch, pressed=self.unsettled > self._tools.limits.max_pinned)
        time, watermark = self._origin.time, self.watermark
        if time is not None and watermark is not None and time > watermark:
            self._enqueue(self._sessionizer.advance(time))
        self._enqueue(self._sessionizer.relieve())
        return pushed

    def flush(self, closed_by: ClosedBy) -> None:
        """Close every open session: the stream has ended, or has been idle."""
        self._lines.end_replay()
        if (joined := self._held.flush()) is not None:
            self._pass_on(joined)
        self._enqueue(self._sessionizer.flush(closed_by))

    def skip(self, offset: int) -> None:
        """Continue at `offset`, because retention deleted what lies before it."""
        self._lines.skip(offset)

    def missing(self, limit: int | None = None) -> list[Pattern]:
        """Return patterns that need a vector, each once, at most `limit`; the caller must `supply` all of them."""
        patterns = self._wanted[:limit]
        del self._wanted[: len(patterns)]
        return patterns

    def supply(self, vectors: Mapping[str, Vector | RefusedText]) -> None:
        """Take vectors, or refusals, by pattern id; those that no session waits for are dropped."""
        self._vectors.update((id_, vector) for id_, vector in vectors.items() if self._queued[id_])

    def judge(self, limit: int = 1 << 30) -> Iterator[Verdict]:
        """Judge and learn closed sessions in order: up to `limit`, or up to the first that waits for its vector."""
        while self._queue and limit > 0:
            verdicts = self._judge(limit)
            yield from verdicts
            limit -= len(verdicts)
            if not self._queue or limit <= 0:
                return
            session, pattern = self._queue[0]
            refusal = self._vectors.get(pattern.id)
            if not isinstance(refusal, RefusedText):
                return
            self.refused.append((session, pattern, refusal))
            self._leave(1)

    def _judge(self, limit: int) -> list[Verdict]:
        """Judge the first sessions of the queue, at most `limit`, up to one without a vector."""
        sessions = ((pattern, session.end) for session, pattern in islice(self._queue, limit))
        with self._tools.timed("judge"):
            if self._learn and not self._teach:
                judgements = self._tools.detector.judge_all(sessions, self._vectors, self.source)
            else:
                judgements = list(self._judge_singly(sessions))
        return self._judged(judgements) if judgements else []

    def _judge_singly(self, sessions: Iterable[tuple[Pattern, int]]) -> Iterator[Judgement]:
        for pattern, end in sessions:
            vector = self._vectors.get(pattern.id)
            if vector is None or isinstance(vector, RefusedText):
                return
            yield self._tools.detector.judge(
                pattern, vector, end=end, source=self.source, teach=self._teach, learn=self._learn
            )

    def _judged(self, judgements: Sequence[Judgement]) -> list[Verdict]:
        """Take as many sessions off the queue and return their verdicts."""
        taken = self._leave(len(judgements))
        self.observer.whole.close(taken)
        return list(map(Verdict, repeat(self.source), *zip(*taken, strict=True), judgements))

    def _leave(self, count: int) -> list[tuple[Session, Pattern]]:
        """Take the first sessions off the queue; they have verdicts, or are refused."""
        taken = [self._queue.popleft() for _ in range(count)]
        self._queued_lines -= sum([len(session.positions) for session, _ in taken])
        for id_, sessions in Counter([pattern.id for _, pattern in taken]).items():
            self._queued[id_] -= sessions
            if not self._queued[id_]:
                del self._queued[id_], self._vectors[id_]
        return taken

    def checkpoint(self, config: str = "") -> Checkpoint:
        """Return the current checkpoint: valid once all verdicts and rejects returned so far are published."""
        unsettled: list[Positions] = [self._sessionizer.open_positions()]
        unsettled += [session.positions for session, _ in self._queue]
        # In the middle of a replay, what has not returned yet stays unsettled, below the same `next`.
        unsettled += [self._held.unsettled(), self._lines.ahead()]
        watermark = self._lines.resume.watermark if self._lines.replaying else self.watermark
        positions = np.sort(np.concatenate(unsettled))
        held, clock = self._held.to_join(), self._held.clock
        checkpoint = Checkpoint(self.next, watermark, positions, config, held=held, clock=clock)
        return replace(checkpoint, pieces=self._origin.pieces(checkpoint.low))

    def _take(self, lines: pl.DataFrame) -> Mapping[str, int]:
        """Pass lines through the rest of the chain; return how many joined lines a bound ended, by bound."""
        joined = self._held.push(lines)
        self._pass_on(joined)
        return joined.cuts

    def _pass_on(self, joined: Joined) -> None:
        """Pass lines, joined or as they are, through the rest of the chain."""
        if joined.events.is_empty():
            return
        timed, observed_below = self._tools.timed, self._lines.resume.next
        with timed("mask"):
            masked = self._origin.mask(joined.events)
        with timed("sessionize"):
            lines = MaskedLines.of(masked)
            sessions = self._sessionizer.push(lines, joined.rows, joined.positions)
        with timed("observe"):
            self.observer.lines(lines, observed_below)
            self.observer.sessions(lines, self._sessionizer.begun, observed_below)
        self._enqueue(sessions)

    def _enqueue(self, sessions: Sequence[Session]) -> None:
        timed = self._tools.timed
        with timed("render"):
            patterns = [self._patterns.of(session) for session in sessions]
        with timed("cache"):
            wanted = len(self._wanted)
            by_id = {pattern.id: pattern for pattern in patterns}
            self._wanted += [pattern for pattern in by_id.values() if not self._has_vector(pattern)]
            self.known += len(sessions) - (len(self._wanted) - wanted)
            self._queued.update([pattern.id for pattern in patterns])
            self._queued_lines += sum([len(session.positions) for session in sessions])
            self._queue.extend(zip(sessions, patterns, strict=True))

    def _has_vector(self, pattern: Pattern) -> bool:
        """Return whether the vector of a closed session's pattern is known, or asked for."""
        if self._queued[pattern.id]:
            return True
        vector = self._tools.detector.vector(pattern)
        if vector is not None:
            self._vectors[pattern.id] = vector
        return vector is not None
