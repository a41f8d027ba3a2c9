"""Patterns to vectors. A pattern is embedded once, however many partitions wait for it.

While a remote server is unavailable, its requests are repeated with back-off: waiting loses nothing. A dead engine is
final and ends the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic

import structlog

from daemon.backoff import Backoff
from daemon.core.types import Embeddable, RefusedText, Vector
from daemon.errors import RefusedTextError, UnavailableError
from daemon.metrics import Metrics
from daemon.ports import TextEngine
from daemon.runtime.stalls import Delay, StallCause

log = structlog.get_logger(__name__)

AT_ONCE = 32
LONG = 8_000
BACKOFF = Backoff(1.0, 30.0)


def groups(patterns: Sequence[Embeddable]) -> list[list[Embeddable]]:
    """Return patterns in groups to be embedded together, in the order given; a long pattern is a group of its own."""
    short = [p for p in patterns if len(p.text) <= LONG]
    together = [short[start : start + AT_ONCE] for start in range(0, len(short), AT_ONCE)]
    return together + [[p] for p in patterns if len(p.text) > LONG]


class Embedder:
    """Shares one engine between all partitions."""

    def __init__(self, engine: TextEngine, metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics
        self._under_way: dict[str, asyncio.Future[Vector | RefusedText]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._answered_at = monotonic()
        self._error = ""

    async def embed(self, patterns: Sequence[Embeddable]) -> dict[str, Vector | RefusedText]:
        """Return by id the vectors of `patterns`, which are one of `groups`, or why the engine refuses one.

        Raises EngineError when the engine is dead.
        """
        if not self._under_way:
            self._answered_at = monotonic()
        new = [p for p in patterns if p.id not in self._under_way]
        if new:
            self._idle.clear()
        for pattern in new:
            self._under_way[pattern.id] = asyncio.get_running_loop().create_future()
        if new:
            task = asyncio.create_task(self._run(new))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._metrics.embedding_queue_depth.set(len(self._under_way))
        waiting = {p.id: self._under_way[p.id] for p in patterns}
        # Shielded: a partition that stops must not cancel what another one waits for.
        vectors = await asyncio.gather(*(asyncio.shield(future) for future in waiting.values()))
        return dict(zip(waiting, vectors, strict=True))

    async def idle(self) -> None:
        """Return when no pattern waits for its vector."""
        await self._idle.wait()

    def delays(self, now: float) -> Iterator[Delay]:
        """Yield for how long patterns have waited without any answer from the engine."""
        if self._under_way:
            why = self._error or f"no answer for {len(self._under_way)} patterns"
            yield Delay(StallCause.ENGINE, now - self._answered_at, why)

    async def close(self) -> None:
        """Abandon what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, patterns: Sequence[Embeddable]) -> None:
        futures = [self._under_way[p.id] for p in patterns]
        try:
            vectors = await self._insist([p.text for p in patterns])
        except BaseException as error:
            for future in futures:
                if isinstance(error, Exception):
                    future.set_exception(error)
                    future.exception()  # marks it as retrieved, in case nobody waits any more
                else:
                    future.cancel()
            if not isinstance(error, Exception):
                raise
        else:
            for future, vector in zip(futures, vectors, strict=True):
                future.set_result(vector)
        finally:
            for pattern in patterns:
                del self._under_way[pattern.id]
            if not self._under_way:
                self._idle.set()
            self._metrics.embedding_queue_depth.set(len(self._under_way))

    async def _insist(self, texts: Sequence[str]) -> Sequence[Vector | RefusedText]:
        """Embed texts, for as long as it takes. If one of them is refused, each is embedded by itself."""
        try:
            return await self._embed(texts)
        except RefusedTextError as error:
            if len(texts) == 1:
                log.warning("text_refused", error=str(error), characters=len(texts[0]))
                return [RefusedText(str(error))]
        return [result for text in texts for result in await self._insist([text])]

    async def _embed(self, texts: Sequence[str]) -> Sequence[Vector]:
        failures = 0
        while True:
            began = monotonic()
            try:
                vectors = await self._engine.embed(texts)
            except UnavailableError as error:
                failures += 1
                self._error = str(error)
                pause = BACKOFF.seconds(failures)
                self._metrics.embedding_errors.inc()
                log.warning("engine_unavailable", error=str(error), texts=len(texts), retry_in_seconds=pause)
                await asyncio.sleep(pause)
            except RefusedTextError:
                self._answered_at, self._error = monotonic(), ""
                raise
            except Exception:
                self._metrics.embedding_errors.inc()
                raise
            else:
                self._answered_at, self._error = monotonic(), ""
                self._metrics.embedding_batch_size.observe(len(texts))
                self._metrics.embedding_duration.observe(monotonic() - began)
                return list(vectors)
