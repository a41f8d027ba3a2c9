"""One request to a server that speaks ``/v1/embeddings``, and what its answer means.

Every failure is one of four:

* It is transient (`TransientError`): no connection, a time-out, 408, 409, 425, 429, 5xx, an answer that is not JSON.
* A person must fix it, perhaps without a restart (`RefusedError`): 401, 403, 404, a redirect, a vector that is not
  finite, a key's file that cannot be read.
* It is permanent (`EngineError`): a wrong dimension or count.
* The server refuses these texts (`RefusedTextsError`): any other 4xx.

A redirect is not followed: another host would get the text of logs. An answer is read up to `LARGEST_ANSWER`. The key's
file is read for each request, so that a key can change.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import numpy as np
import orjson
from numpy.typing import NDArray
from yarl import URL

from daemon.adapters.engines.registry import EngineSettings
from daemon.errors import ConfigError, EngineError
from daemon.small_files import read_line

_TRANSIENT = frozenset({408, 409, 425, 429})
LARGEST_ANSWER = 64 << 20
"""Bytes; 64 vectors of 4,096 numbers take 6 MB as text."""


class RefusedTextsError(Exception):
    """The server refuses these texts with HTTP `status`; perhaps only some of them are the cause."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TransientError(Exception):
    """Another attempt may succeed. `wait_s` is the pause in seconds that the server asks for, or None."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class RefusedError(TransientError):
    """A person must fix this, here or at the server. While the daemon runs, the request is still tried again."""


class EmbeddingsClient:
    """A session with one server. Belongs to the event loop that opened it."""

    def __init__(self, settings: EngineSettings) -> None:
        if not settings.url or URL(settings.url).scheme not in {"http", "https"}:
            raise ConfigError(["engine.url: the openai engine needs one, such as http://127.0.0.1:8000/v1"])
        self._settings = settings
        self._url = URL(settings.url.rstrip("/").removesuffix("/embeddings"))
        self._shown = str(self._url.with_user(None).with_query(None))
        self._session: aiohttp.ClientSession | None = None
        self._key = settings.api_key
        self.dimensions = settings.dimensions or 0
        """Length of a vector: as configured, else that of the first answer; 0 before it."""

    def open(self) -> None:
        """Make the session; nothing is sent yet."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        self._session = aiohttp.ClientSession(timeout=timeout, trust_env=True)

    async def close(self) -> None:
        """Disconnect."""
        if self._session is not None:
            await self._session.close()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row for each text, shape (len(texts), dimensions), from one request.

        Raises TransientError, RefusedError, RefusedTextsError or EngineError, as described above.
        """
        assert self._session is not None, "open first"
        body: dict[str, object] = {"model": self._settings.model, "input": texts, "encoding_format": "float"}
        if self._settings.dimensions is not None:
            body["dimensions"] = self._settings.dimensions
        headers = {"Content-Type": "application/json", **await self._authorization()}
        url, data = self._url.joinpath("embeddings"), orjson.dumps(body)
        try:
            async with self._session.post(url, data=data, headers=headers, allow_redirects=False) as response:
                answer = await self._read(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(self._sentence(f"does not answer: {type(error).__name__} {error}")) from error
        if response.status != 200:
            raise self._refusal(response.status, answer, response.headers.get("Retry-After"))
        return self._rows(answer, len(texts))

    async def max_tokens(self) -> int | None:
        """Return the model's longest input by the server's ``/models``; None when it does not say (vLLM does)."""
        assert self._session is not None, "open first"
        try:
            url, headers = self._url.joinpath("models"), await self._authorization()
            async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                models: list[dict[str, Any]] = orjson.loads(await self._read(response))["data"]
            return next(int(m["max_model_len"]) for m in models if m.get("id") == self._settings.model)
        except (TransientError, aiohttp.ClientError, OSError, ValueError, TypeError, KeyError, StopIteration):
            return None

    async def _authorization(self) -> dict[str, str]:
        """Return the header with the current key. Raises RefusedError when its file cannot be read."""
        name = self._settings.api_key_file
        if name is not None:
            try:
                self._key = (await asyncio.to_thread(read_line, name)).strip()
            except OSError as error:
                raise RefusedError(f"engine.api_key_file: {name}: {error.strerror}") from None
        elif self._key and not self._key.isprintable():
            raise RefusedError("engine.api_key: must be one line of printable text")
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the answer's body. Raises TransientError when it is longer than `LARGEST_ANSWER`."""
        parts, size = [], 0
        async for part in response.content.iter_chunked(1 << 16):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                raise TransientError(self._sentence(f"gives an answer of more than {LARGEST_ANSWER >> 20} MiB"))
        return b"".join(parts)

    def _refusal(self, status: int, answer: bytes, retry_after: str | None) -> Exception:
        sentence = self._sentence(f"answers HTTP {status}: {answer[:300].decode(errors='replace').strip()}")
        if status in _TRANSIENT or status >= 500:
            return TransientError(sentence, _seconds(retry_after))
        if status in {401, 403}:
            return RefusedError(f"{sentence}; check engine.api_key")
        if status == 404:
            return RefusedError(f"{sentence}; check engine.url and engine.model ({self._settings.model})")
        if 300 <= status < 400:
            return RefusedError(f"{self._sentence(f'redirects (HTTP {status})')}; check engine.url")
        return RefusedTextsError(sentence, status) if 400 <= status < 500 else EngineError(sentence)

    def _rows(self, answer: bytes, count: int) -> NDArray[np.float32]:
        """Return the answer's vectors as unit rows in the order of the texts, after checking them."""
        try:
            try:
                data = orjson.loads(answer)["data"]
            except orjson.JSONDecodeError:
                data = json.loads(answer)["data"]  # reads NaN, which is refused below with a better message
            ordered = sorted(data, key=lambda entry: int(entry["index"]))
            rows = [np.asarray(entry["embedding"], dtype=np.float64) for entry in ordered]
        except (ValueError, TypeError, KeyError) as error:
            raise TransientError(self._sentence(f"gives no embeddings: {type(error).__name__}")) from error
        if [entry["index"] for entry in ordered] != list(range(count)):
            raise EngineError(self._sentence(f"gives {len(rows)} vectors for {count} texts"))
        wanted = self.dimensions or len(rows[0])
        for row in rows:
            if row.shape != (wanted,):
                raise EngineError(self._sentence(f"gives {row.size} dimensions where {wanted} are expected"))
        matrix = np.stack(rows)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise RefusedError(self._sentence("gives a vector that is not finite, or zero"))
        self.dimensions = wanted
        return np.asarray(matrix / norms, dtype=np.float32)

    def _sentence(self, what: str) -> str:
        """Return a sentence about the server that holds neither password nor key."""
        key = self._key
        return f"{self._shown} {what.replace(key, '***') if key else what}"


def _seconds(retry_after: str | None) -> float | None:
    """Return the pause that a Retry-After header asks for, in seconds; it holds seconds or a date."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
