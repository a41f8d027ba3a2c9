"""The daemon's own engine for others, behind the stream: `/v1/embeddings` beside `strayline run`.

Guests are served in pieces of `AT_ONCE` texts, and a piece begins only while no pattern of the stream waits for its
vector. So a request of a guest delays the stream by one piece at most. A guest that waits too long is refused, and may
try again: the stream is never held up for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from daemon.errors import UnavailableError
from daemon.metrics import Metrics
from daemon.ports import Engine, TokenEngine

AT_ONCE = 32
PATIENCE = 30.0
"""Seconds for which a piece waits for the stream."""
T = TypeVar("T")


class GuestEngine:
    """`ports.Engine` for guests. `idle` returns when the stream needs no vector; it does not own the engine."""

    def __init__(
        self, engine: Engine, idle: Callable[[], Awaitable[None]], metrics: Metrics, patience: float = PATIENCE
    ) -> None:
        self._engine = engine
        self._idle = idle
        self._metrics = metrics
        self._patience = patience
        self._turn = asyncio.Lock()

    @property
    def model(self) -> str:
        """See ports.Engine."""
        return self._engine.model

    @property
    def dimensions(self) -> int:
        """See ports.Engine."""
        return self._engine.dimensions

    @property
    def max_tokens(self) -> int:
        """See ports.Engine."""
        return self._engine.max_tokens

    async def start(self) -> None:
        """Do nothing: the daemon starts its engine."""

    async def close(self) -> None:
        """Do nothing: the daemon closes its engine."""

    def check(self) -> None:
        """See ports.Engine."""
        self._engine.check()

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """See ports.Engine."""
        return self._engine.count_tokens(lines)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ports.Engine. Raises UnavailableError when the stream leaves no room for too long."""
        return await self._in_pieces(texts, self._engine.embed)

    async def _in_pieces(
        self, inputs: Sequence[T], embed: Callable[[Sequence[T]], Awaitable[NDArray[np.float32]]]
    ) -> NDArray[np.float32]:
        rows = [np.empty((0, self.dimensions), dtype=np.float32)]
        for start in range(0, len(inputs), AT_ONCE):
            piece, began = inputs[start : start + AT_ONCE], monotonic()
            try:
                async with asyncio.timeout(self._patience):
                    await self._turn.acquire()
                    try:
                        await self._idle()
                    except BaseException:
                        self._turn.release()
                        raise
            except TimeoutError:
                self._metrics.guest_refusals.inc()
                raise UnavailableError("the stream needs the engine at the moment; try again") from None
            try:
                self._metrics.guest_wait.observe(monotonic() - began)
                rows.append(await embed(piece))
                self._metrics.guest_texts.inc(len(piece))
            finally:
                self._turn.release()
        return np.concatenate(rows)


class GuestTokenEngine(GuestEngine):
    """`ports.TokenEngine` for guests, where the engine is one."""

    def __init__(
        self, engine: Engine, tokens: TokenEngine, idle: Callable[[], Awaitable[None]], metrics: Metrics
    ) -> None:
        super().__init__(engine, idle, metrics)
        self._tokens = tokens

    def tokens_of(self, texts: Sequence[str]) -> list[int]:
        """See ports.TokenEngine."""
        return self._tokens.tokens_of(texts)

    async def embed_tokens(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """See ports.TokenEngine. Raises UnavailableError as `embed` does."""
        return await self._in_pieces(prompts, self._tokens.embed_tokens)


def guest_of(engine: Engine, idle: Callable[[], Awaitable[None]], metrics: Metrics) -> GuestEngine:
    """Return an engine for guests that takes tokens where `engine` does."""
    if isinstance(engine, TokenEngine):
        return GuestTokenEngine(engine, engine, idle, metrics)
    return GuestEngine(engine, idle, metrics)
