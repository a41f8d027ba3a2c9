"""Stand-ins for the ports, for tests that need no real engine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from daemon.errors import EngineError, RefusedTextError, UnavailableError

CUT_MARK = "\n<CUT>"
_TOKEN = re.compile(r"\w+|[^\w\s]")


class FakeEngine:
    """`ports.Engine` without a model: a text's vector is the normalised sum of its words' pseudo-random vectors.

    Equal texts have equal vectors in every process, and texts that share words are near each other. To be set at any
    time: `delay_s` before every answer; `gate`, an event that answers wait for; `fail_next`, errors to raise, one a
    call; `refuses`, a word whose texts it rejects. `kill()` ends it as a real engine dies, waiters included.
    `texts` are all texts embedded so far, `calls` the number of texts of each call.
    """

    def __init__(self, dimensions: int = 32, max_tokens: int = 32_000, name: str = "fake") -> None:
        self.delay_s = 0.0
        self.gate: asyncio.Event | None = None
        self.fail_next: list[Exception] = []
        self.refuses: str | None = None
        self.texts: list[str] = []
        self.calls: list[int] = []
        self._name = name
        self._dimensions = dimensions
        self._max_tokens = max_tokens
        self._death: EngineError | None = EngineError("the engine has not been started")
        self._waiters: set[asyncio.Future[None]] = set()
        self._words: dict[str, NDArray[np.float32]] = {}

    @property
    def model(self) -> str:
        return f"{self._name}:{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    async def start(self) -> None:
        self._death = None

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        return np.array([len(_TOKEN.findall(line)) for line in lines], dtype=np.int32)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.check()
        if self.fail_next:
            raise self.fail_next.pop(0)
        if self.refuses is not None and any(self.refuses in text for text in texts):
            raise RefusedTextError(f"no {self.refuses}")
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(answer)
        try:
            await asyncio.gather(self._wait(answer), answer)
        finally:
            self._waiters.discard(answer)
        self.texts.extend(texts)
        self.calls.append(len(texts))
        return np.array([self.vector(text) for text in texts], dtype=np.float32).reshape(-1, self._dimensions)

    def check(self) -> None:
        if self._death:
            raise self._death

    async def close(self) -> None:
        self.kill("the engine has been closed")

    def kill(self, reason: str = "the embedding engine died: by a test's hand") -> None:
        """Die: every waiter and every later call gets EngineError."""
        self._death = self._death or EngineError(reason)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(self._death)

    def stay_away(self, times: int = 1) -> None:
        """Make the next calls fail as those to an unreachable server."""
        self.fail_next.extend(UnavailableError("the fake server stays away") for _ in range(times))

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the unit row that `embed` gives for `text`, cut as `embed` cuts it."""
        words = _TOKEN.findall(text)
        if len(words) > self._max_tokens:
            words = [*words[: self._max_tokens - 3], *_TOKEN.findall(CUT_MARK)]
        total = np.sum([self._word(word) for word in words or [""]], axis=0, dtype=np.float64)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)

    def _word(self, word: str) -> NDArray[np.float32]:
        known = self._words.get(word)
        if known is None:
            seed = int.from_bytes(blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest())
            known = np.random.default_rng(seed).standard_normal(self._dimensions).astype(np.float32)
            self._words[word] = known
        return known

    async def _wait(self, answer: asyncio.Future[None]) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.gate is not None:
            await self.gate.wait()
        if not answer.done():
            answer.set_result(None)
