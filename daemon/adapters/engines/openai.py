"""Any server that speaks ``/v1/embeddings``: vLLM's own, Ollama, llama.cpp, OpenAI.

Texts of all callers wait in one queue. There are `concurrency` workers, and each takes texts from the queue, up to a
count and a number of characters, and sends them as one request. While every worker is busy, the next batches fill.

* A transient failure is retried with exponential back-off and jitter, or after the server's Retry-After. After the
  last attempt it is an UnavailableError.
* What a person must fix (a key, an address) is tried again like a transient failure: while the daemon runs it may be
  fixed at the server. Only at the start it is a ConfigError, after the last attempt.
* A permanent failure ends the engine with EngineError; at start it is a ConfigError.
* A batch whose texts are refused is halved, so one text cannot fail the others. A single text that is refused is cut to
  half, at most three times. Then it is a RefusedTextError, if the server still embeds a plain word; where it refuses
  that too, the fault is not the text's, and it is tried again like a transient failure.

The server's tokenizer is not here, so token counts are estimates. Texts too long for the model by that estimate are
cut, with a mark, before they are sent. The longest text is `options.max_tokens`, else what the server's ``/models``
says, else 8,192.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.engines.embeddings_client import EmbeddingsClient, RefusedError, RefusedTextsError, TransientError
from daemon.adapters.engines.registry import CUT_MARK, EngineSettings, model_name
from daemon.adapters.engines.token_estimates import cut_all, estimate
from daemon.backoff import Backoff
from daemon.errors import ConfigError, EngineError, RefusedTextError, UnavailableError

BATCH_TEXTS = 64
BATCH_CHARACTERS = 200_000
INLINE_CHARACTERS = 50_000
"""More than this are measured on a thread, so that they do not block the event loop."""
ATTEMPTS = 6
BACKOFF = Backoff(0.5, 30.0, jitter=0.5)
DEFAULT_MAX_TOKENS = 8192
SPECIAL_TOKENS = 4
"""The most that a server puts around a text."""
MOST_CUTS = 3
PLAIN_WORD = "strayline"
MENDED_BY_HAND = (RefusedError, RefusedTextsError)
"""At the start, these are faults of the configuration or of the server."""


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """One text on its way, and the future of its vector."""

    text: str
    done: asyncio.Future[NDArray[np.float32]]
    cuts: int = 0


class OpenAIEngine:
    """`ports.Engine` on a server. Belongs to the event loop that started it."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._client = EmbeddingsClient(settings)
        self._max_tokens = DEFAULT_MAX_TOKENS
        self._waiting: deque[_Item] = deque()
        self._some = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._death: EngineError | None = EngineError("the engine has not been started")

    @property
    def model(self) -> str:
        """See ports.Engine."""
        return model_name(
            self._settings.model, self._client.dimensions, self._settings.instruction, self._settings.options
        )

    @property
    def dimensions(self) -> int:
        """See ports.Engine. Read from the server's first answer."""
        return self._client.dimensions

    @property
    def max_tokens(self) -> int:
        """See ports.Engine. By the estimate of `count_tokens`; the instruction is already subtracted."""
        return self._max_tokens - estimate(self._settings.instruction or "")

    async def start(self) -> None:
        """Embed one word, which gives the dimension and checks address, key and model.

        Raises ConfigError when the server rejects one of them, UnavailableError when it cannot be reached.
        """
        self._client.open()
        self._death = None
        try:
            self._max_tokens = await self._model_limit()
            self._workers = [asyncio.create_task(self._work()) for _ in range(max(1, self._settings.concurrency))]
            await self.embed([PLAIN_WORD])
        except (EngineError, UnavailableError) as error:
            await self.close()
            if isinstance(error, UnavailableError) and not isinstance(error.__cause__, MENDED_BY_HAND):
                raise
            raise ConfigError([f"engine: {error}"]) from error
        except BaseException:
            await self.close()
            raise

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """See ports.Engine. An estimate."""
        return np.fromiter((estimate(line) + 1 for line in lines), dtype=np.int32, count=len(lines))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ports.Engine. Texts leave the process unchanged, so they must hold no secrets."""
        self.check()
        if not texts:
            return np.empty((0, self._client.dimensions), dtype=np.float32)
        loop = asyncio.get_running_loop()
        prefix = self._settings.instruction or ""
        if sum(map(len, texts)) > INLINE_CHARACTERS:
            texts = await asyncio.to_thread(cut_all, texts, self.max_tokens)
        else:
            texts = cut_all(texts, self.max_tokens)
        items = [_Item(prefix + text, loop.create_future()) for text in texts]
        self._waiting.extend(items)
        self._some.set()
        try:
            return np.stack(await asyncio.gather(*(item.done for item in items)))
        finally:
            for item in items:
                item.done.cancel()

    def check(self) -> None:
        """See ports.Engine. A server that does not answer does not end the engine."""
        if self._death:
            raise self._death

    async def close(self) -> None:
        """Fail all waiting and running calls, and disconnect."""
        self._die(EngineError("the engine has been closed"))
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._client.close()

    def _die(self, error: EngineError) -> None:
        self._death = self._death or error
        _fail(self._waiting, self._death)
        self._waiting.clear()

    async def _work(self) -> None:
        while True:
            await self._some.wait()
            batch = self._take()
            if not batch:
                self._some.clear()
                continue
            try:
                await self._serve(batch)
            except asyncio.CancelledError:
                _fail(batch, self._death or EngineError("the engine has been closed"))
                raise
            except UnavailableError as error:
                _fail(batch, error)
            except Exception as error:  # noqa: BLE001 - without this, a dead worker would leave its callers waiting
                death = error if isinstance(error, EngineError) else EngineError(f"{type(error).__name__}: {error}")
                _fail(batch, death)
                self._die(death)

    def _take(self) -> list[_Item]:
        batch: list[_Item] = []
        characters = 0
        while self._waiting and len(batch) < BATCH_TEXTS:
            item = self._waiting[0]
            if batch and characters + len(item.text) > BATCH_CHARACTERS:
                break
            self._waiting.popleft()
            if not item.done.done():
                batch.append(item)
                characters += len(item.text)
        return batch

    async def _serve(self, batch: list[_Item]) -> None:
        """Embed a batch. A refused batch is halved until the refused text is alone."""
        try:
            rows = await self._embed_with_retries([item.text for item in batch])
        except RefusedTextsError as error:
            if len(batch) > 1:
                await self._serve(batch[: len(batch) // 2])
                await self._serve(batch[len(batch) // 2 :])
            elif batch[0].cuts < MOST_CUTS:
                item = batch[0]
                await self._serve([replace(item, text=item.text[: len(item.text) // 2] + CUT_MARK, cuts=item.cuts + 1)])
            else:
                _fail(batch, await self._why_refused(error))
            return
        for item, row in zip(batch, rows, strict=True):
            if not item.done.done():
                item.done.set_result(row)

    async def _why_refused(self, error: RefusedTextsError) -> Exception:
        """Return what a single text's refusal means, after asking for a word that the server embedded before."""
        try:
            await self._embed_with_retries([PLAIN_WORD])
        except RefusedTextsError:
            unavailable = UnavailableError(str(error))
            unavailable.__cause__ = error
            return unavailable
        return RefusedTextError(f"the embedding server refuses the text in every length (HTTP {error.status})")

    async def _embed_with_retries(self, texts: list[str]) -> NDArray[np.float32]:
        """Send one request, up to `ATTEMPTS` times while its failure is transient."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._client.embed(texts)
            except TransientError as error:
                if attempt == ATTEMPTS:
                    raise UnavailableError(f"{error} ({ATTEMPTS} attempts)") from error
                pause = BACKOFF.seconds(attempt) if error.wait_s is None else min(error.wait_s, BACKOFF.longest)
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _model_limit(self) -> int:
        given = self._settings.options.get("max_tokens")
        if given is not None:
            return int(str(given))
        limit = await self._client.max_tokens()
        return DEFAULT_MAX_TOKENS if limit is None else limit - SPECIAL_TOKENS


def _fail(items: Iterable[_Item], error: Exception) -> None:
    for item in items:
        if not item.done.done():
            item.done.set_exception(error)
