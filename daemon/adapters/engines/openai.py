"""Any server that speaks ``/v1/embeddings``: vLLM's own, Ollama, llama.cpp, OpenAI.

Texts of all callers wait in one line. As many workers as `concurrency` allows each take what waits, up to a count and a
number of characters, and send it as one request: while every worker is busy the next batches fill by themselves.

* What may pass (no connection, time-outs, 408, 409, 425, 429, 5xx, an answer that is no JSON) is tried again with
  exponential backoff and jitter, or when the server's Retry-After says so, and ends in UnavailableError.
* What will not pass (401, 403, 404, a wrong dimension or count, a vector that is not finite) ends the engine with
  EngineError; at start it is a ConfigError.
* A batch refused with another 4xx is halved, so that one text cannot take others with it; a single text that is refused
  is cut to half, at most three times.

The server's tokenizer is not here, so token counts are estimates that lean high: every digit, sign and ideograph is one
token, and so are every four letters. Texts longer than the model by that estimate are cut, with a mark, before they are
sent. The longest text is `options.max_tokens`, else what the server's ``/models`` says (vLLM does), else 8,192.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import numpy as np
import orjson
from numpy.typing import NDArray
from yarl import URL

from daemon.adapters.engines.registry import EngineSettings, model_name
from daemon.errors import ConfigError, EngineError, UnavailableError

BATCH_TEXTS = 64
BATCH_CHARACTERS = 200_000
INLINE_CHARACTERS = 50_000  # more are measured beside the event loop, not on it
ATTEMPTS = 6
BACKOFF_S = 0.25
LONGEST_WAIT_S = 30.0
DEFAULT_MAX_TOKENS = 8192
SPECIAL_TOKENS = 4  # at most, that the server puts around a text
CUT_MARK = "\n<CUT>"
MOST_CUTS = 3
_CUT_COST = 8
_TOKEN = re.compile(r"[^\W\d_]{1,4}|\S", re.ASCII)
_TRANSIENT = frozenset({408, 409, 425, 429})


class _RefusedError(Exception):
    """The server refuses these texts, though perhaps not each of them."""


class _TransientError(Exception):
    """May pass. `wait_s` is what the server asked for."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """One text on its way, and who awaits its vector."""

    text: str
    done: asyncio.Future[NDArray[np.float32]]
    cuts: int = 0


class OpenAIEngine:
    """`ports.Engine` on a server. Belongs to the event loop that started it."""

    def __init__(self, settings: EngineSettings) -> None:
        if not settings.url or URL(settings.url).scheme not in {"http", "https"}:
            raise ConfigError(["engine.url: the openai engine needs one, such as http://127.0.0.1:8000/v1"])
        self._settings = settings
        self._url = URL(settings.url.rstrip("/").removesuffix("/embeddings"))
        self._shown = str(self._url.with_user(None).with_query(None))
        self._dimensions = settings.dimensions or 0
        self._max_tokens = DEFAULT_MAX_TOKENS
        self._waiting: deque[_Item] = deque()
        self._some = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._death: EngineError | None = EngineError("the engine has not been started")

    @property
    def model(self) -> str:
        """See ports.Engine."""
        return model_name(self._settings.model, self._dimensions, self._settings.instruction)

    @property
    def dimensions(self) -> int:
        """See ports.Engine. Read from the server's first answer."""
        return self._dimensions

    @property
    def max_tokens(self) -> int:
        """See ports.Engine. By the estimate of `count_tokens`; the instruction is already taken off."""
        return self._max_tokens - _estimate(self._settings.instruction or "")

    async def start(self) -> None:
        """Embed one word to learn the dimension, and that address, key and model are right.

        Raises ConfigError when the server says that one of them is wrong, UnavailableError when it cannot be reached.
        """
        headers = {"Authorization": f"Bearer {self._settings.api_key}"} if self._settings.api_key else {}
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True)
        self._death = None
        try:
            self._max_tokens = await self._find_max_tokens()
            self._workers = [asyncio.create_task(self._work()) for _ in range(max(1, self._settings.concurrency))]
            await self.embed(["strayline"])
        except EngineError as error:
            await self.close()
            raise ConfigError([f"engine: {error}"]) from error
        except BaseException:
            await self.close()
            raise

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """See ports.Engine. An estimate, see above."""
        return np.fromiter((_estimate(line) + 1 for line in lines), dtype=np.int32, count=len(lines))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ports.Engine. Texts leave the process as they are given: they must be free of secrets."""
        self.check()
        if not texts:
            return np.empty((0, self._dimensions), dtype=np.float32)
        loop = asyncio.get_running_loop()
        prefix = self._settings.instruction or ""
        if sum(map(len, texts)) > INLINE_CHARACTERS:
            texts = await asyncio.to_thread(_cut_all, texts, self.max_tokens)
        else:
            texts = _cut_all(texts, self.max_tokens)
        items = [_Item(prefix + text, loop.create_future()) for text in texts]
        self._waiting.extend(items)
        self._some.set()
        try:
            return np.stack(await asyncio.gather(*(item.done for item in items)))
        finally:
            for item in items:
                item.done.cancel()

    def check(self) -> None:
        """See ports.Engine. A server that stays away is no death."""
        if self._death:
            raise self._death

    async def close(self) -> None:
        """Give up what waits and what is under way, and disconnect."""
        self._die(EngineError("the engine has been closed"))
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

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
            except Exception as error:  # noqa: BLE001 - a worker that ends unseen would leave its callers waiting
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
        """Embed a batch; one that is refused is halved until the text to blame stands alone."""
        try:
            rows = await self._persist([item.text for item in batch])
        except _RefusedError as error:
            if len(batch) > 1:
                await self._serve(batch[: len(batch) // 2])
                await self._serve(batch[len(batch) // 2 :])
            elif batch[0].cuts < MOST_CUTS:
                item = batch[0]
                await self._serve([replace(item, text=item.text[: len(item.text) // 2] + CUT_MARK, cuts=item.cuts + 1)])
            else:
                raise EngineError(str(error)) from error
            return
        for item, row in zip(batch, rows, strict=True):
            if not item.done.done():
                item.done.set_result(row)

    async def _persist(self, texts: list[str]) -> NDArray[np.float32]:
        """Ask until it works or `ATTEMPTS` have failed."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._ask(texts)
            except _TransientError as error:
                if attempt == ATTEMPTS:
                    raise UnavailableError(f"{error} ({ATTEMPTS} attempts)") from error
                pause = random.uniform(0.5, 1) * BACKOFF_S * 2**attempt  # noqa: S311 - jitter, no secret
                await asyncio.sleep(min(error.wait_s if error.wait_s is not None else pause, LONGEST_WAIT_S))
        raise AssertionError("the last attempt returns or raises")

    async def _ask(self, texts: list[str]) -> NDArray[np.float32]:
        assert self._session is not None, "start first"
        body: dict[str, object] = {"model": self._settings.model, "input": texts, "encoding_format": "float"}
        if self._settings.dimensions is not None:
            body["dimensions"] = self._settings.dimensions
        headers = {"Content-Type": "application/json"}
        try:
            url = self._url.joinpath("embeddings")
            async with self._session.post(url, data=orjson.dumps(body), headers=headers) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _TransientError(self._tell(f"does not answer: {type(error).__name__} {error}")) from error
        if response.status != 200:
            raise self._refusal(response.status, answer, response.headers.get("Retry-After"))
        return self._rows(answer, len(texts))

    def _refusal(self, status: int, answer: bytes, retry_after: str | None) -> Exception:
        words = self._tell(f"answers HTTP {status}: {answer[:300].decode(errors='replace').strip()}")
        if status in _TRANSIENT or status >= 500:
            return _TransientError(words, _seconds(retry_after))
        if status in {401, 403}:
            return EngineError(f"{words}; check engine.api_key")
        if status == 404:
            return EngineError(f"{words}; check engine.url and engine.model ({self._settings.model})")
        return _RefusedError(words) if 400 <= status < 500 else EngineError(words)

    def _rows(self, answer: bytes, count: int) -> NDArray[np.float32]:
        """Return the answer's unit rows in the order of the texts, once all is as it should be."""
        try:
            try:
                data = orjson.loads(answer)["data"]
            except orjson.JSONDecodeError:
                data = json.loads(answer)["data"]  # knows NaN, which is then refused below by its name
            ordered = sorted(data, key=lambda entry: int(entry["index"]))
            rows = [np.asarray(entry["embedding"], dtype=np.float64) for entry in ordered]
        except (ValueError, TypeError, KeyError) as error:
            raise _TransientError(self._tell(f"gives no embeddings: {type(error).__name__}")) from error
        if [entry["index"] for entry in ordered] != list(range(count)):
            raise EngineError(self._tell(f"gives {len(rows)} vectors for {count} texts"))
        wanted = self._dimensions or len(rows[0])
        for row in rows:
            if row.shape != (wanted,):
                raise EngineError(self._tell(f"gives {row.size} dimensions where {wanted} are expected"))
        matrix = np.stack(rows)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise EngineError(self._tell("gives a vector that is not finite, or zero"))
        self._dimensions = wanted
        return np.asarray(matrix / norms, dtype=np.float32)

    async def _find_max_tokens(self) -> int:
        given = self._settings.options.get("max_tokens")
        if given is not None:
            return int(str(given))
        assert self._session is not None, "start first"
        try:
            async with self._session.get(self._url.joinpath("models")) as response:
                models: list[dict[str, Any]] = orjson.loads(await response.read())["data"]
            limit = next(int(m["max_model_len"]) for m in models if m.get("id") == self._settings.model)
        except (aiohttp.ClientError, OSError, ValueError, TypeError, KeyError, StopIteration):
            return DEFAULT_MAX_TOKENS  # few servers tell
        return limit - SPECIAL_TOKENS

    def _tell(self, what: str) -> str:
        key = self._settings.api_key
        return f"{self._shown} {what.replace(key, '***') if key else what}"


def _fail(items: Iterable[_Item], error: Exception) -> None:
    for item in items:
        if not item.done.done():
            item.done.set_exception(error)


def _estimate(text: str) -> int:
    return sum(1 for _ in _TOKEN.finditer(text))


def _cut_all(texts: Sequence[str], limit: int) -> list[str]:
    return [_cut(text, limit) for text in texts]


def _cut(text: str, limit: int) -> str:
    """Return `text`, or its beginning and a mark when its estimated tokens are more than `limit`."""
    if len(text) <= limit:
        return text
    room = limit - _CUT_COST
    end = None
    for number, match in enumerate(_TOKEN.finditer(text), 1):
        if number == room:
            end = match.end()
        if number > limit:
            return text[:end] + CUT_MARK
    return text


def _seconds(retry_after: str | None) -> float | None:
    """Return the pause that a Retry-After header asks for, in seconds; it holds seconds or a date."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
