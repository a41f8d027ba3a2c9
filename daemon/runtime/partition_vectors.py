"""The vectors that one partition waits for: requested from the engine in groups, handed over when they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from daemon.core.types import Embeddable, RefusedText, Vector
from daemon.runtime.embedder import Embedder, groups


class PartitionVectors:
    """Asks `embedder`; calls `arrived` when vectors have arrived, and `failed` with whatever went wrong."""

    def __init__(self, embedder: Embedder, arrived: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._embedder, self._arrived, self._failed = embedder, arrived, failed
        self._vectors: dict[str, Vector | RefusedText] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def asked(self) -> bool:
        """Whether a request to the engine is under way."""
        return bool(self._tasks)

    @property
    def ready(self) -> bool:
        """Whether there are vectors to take."""
        return bool(self._vectors)

    def ask(self, patterns: Sequence[Embeddable]) -> None:
        """Begin to embed `patterns`."""
        for group in groups(patterns):
            task = asyncio.create_task(self._embed(group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def take(self) -> dict[str, Vector | RefusedText]:
        """Return the vectors and refusals that have arrived since the last call, by pattern."""
        vectors, self._vectors = self._vectors, {}
        return vectors

    async def stop(self) -> None:
        """Cancel all requests, and forget what has arrived."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._vectors.clear()

    async def _embed(self, patterns: Sequence[Embeddable]) -> None:
        try:
            vectors = await self._embedder.embed(patterns)
        except Exception as error:  # noqa: BLE001  # whatever it is, the partition raises it where it is dealt with
            self._failed(error)
            return
        self._vectors.update(vectors)  # the current dictionary: `take` replaces it while the engine works
        self._arrived()
