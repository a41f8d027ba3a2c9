"""The daemon's own engine for others, behind the stream: `/v1/embeddings` beside `strayline run`.

Guests are served in pieces, and a piece begins only while no pattern of the stream waits for its vector. So a request
of a guest delays the stream by one piece at most. A piece has the tokens that the engine embeds in about `PIECE_S`, by
the pace of the pieces before, so that a slow engine gets small pieces and a fast one full batches. A text is never
divided. A guest that waits too long is refused, and may try again: the stream is never held up for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from daemon.errors import UnavailableError
from daemon.metrics import Metrics
from daemon.ports import Engine, TokenEngine

PIECE_S = 0.02
"""Seconds that a piece should take."""
FEWEST_TOKENS, MOST_TOKENS = 32, 32_768
AT_ONCE = 256
"""The most texts of a piece."""
GROWTH = 1.25
"""By how much a piece may have more tokens than the one before."""
PATIENCE = 30.0
"""Seconds for which a piece waits for the stream."""
T = TypeVar("T")


class PieceSize:
    """How many tokens the engine embeds in about `PIECE_S`, learned from how long pieces took."""

    def __init__(self) -> None:
        self._tokens = 4.0 * FEWEST_TOKENS

    def count(self, sizes: Sequence[int]) -> int:
        """Return how many of the next texts, which have `sizes` tokens, are a piece: at least one."""
        return max(1, int(np.searchsorted(np.cumsum(sizes), self._tokens, side="right")))

    def took(self, tokens: int, seconds: float) -> None:
        """Learn that a piece of `tokens` took `seconds`."""
        if seconds > PIECE_S or 2 * tokens > self._tokens:  # a quick small piece says little about a full one
            fits = tokens * PIECE_S / max(seconds, 1e-6)
            wanted = min(max(fits, self._tokens / 2), self._tokens * GROWTH)
            self._tokens = min(max(wanted, FEWEST_TOKENS), MOST_TOKENS)


class GuestEngine:
    """`ports.Engine` for guests. `idle` returns when the stream needs no vector; it does not own the engine."""

    def __init__(
        self,
        engine: Engine,
        idle: Callable[[], Awaitable[None]],
        metrics: Metrics,
        patience: float = PATIENCE,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._engine = engine
        self._idle = idle
        self._metrics = metrics
        self._patience = patience
        self._clock = clock
        self._pieces = PieceSize()
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
        sizes = await asyncio.to_thread(self._engine.count_tokens, texts)
        return await self._in_pieces(texts, sizes.tolist(), self._engine.embed)

    async def _in_pieces(
        self, inputs: Sequence[T], sizes: Sequence[int], embed: Callable[[Sequence[T]], Awaitable[NDArray[np.float32]]]
    ) -> NDArray[np.float32]:
        """Return the rows of inputs that have `sizes` tokens."""
        rows = [np.empty((0, self.dimensions), dtype=np.float32)]
        start = 0
        while start < len(inputs):
            async with self._its_turn():
                stop = start + self._pieces.count(sizes[start : start + AT_ONCE])
                began = self._clock()
                rows.append(await embed(inputs[start:stop]))
                self._pieces.took(sum(sizes[start:stop]), self._clock() - began)
            self._metrics.guest_texts.inc(stop - start)
            start = stop
        return np.concatenate(rows)

    @asynccontextmanager
    async def _its_turn(self) -> AsyncIterator[None]:
        """Wait for the guests before this one, and for the stream. Raises UnavailableError after the patience."""
        began = self._clock()
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
            self._metrics.guest_wait.observe(self._clock() - began)
            yield
        finally:
            self._turn.release()


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
        return await self._in_pieces(prompts, [len(prompt) for prompt in prompts], self._tokens.embed_tokens)


def guest_of(engine: Engine, idle: Callable[[], Awaitable[None]], metrics: Metrics) -> GuestEngine:
    """Return an engine for guests that takes tokens where `engine` does."""
    if isinstance(engine, TokenEngine):
        return GuestTokenEngine(engine, engine, idle, metrics)
    return GuestEngine(engine, idle, metrics)
