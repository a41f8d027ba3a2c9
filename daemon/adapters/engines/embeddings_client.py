"""One request to a server that speaks ``/v1/embeddings``, and what its answer means.

Every failure is one of three:

* It is transient (`TransientError`): no connection, a time-out, 408, 409, 425, 429, 5xx, an answer that is not JSON.
* It is permanent (`EngineError`): 401, 403, 404, a wrong dimension or count, a vector that is not finite.
* The server refuses these texts (`RefusedTextsError`): any other 4xx.
"""

from __future__ import annotations

import json
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

_TRANSIENT = frozenset({408, 409, 425, 429})


class RefusedTextsError(Exception):
    """The server refuses these texts, though perhaps not each of them."""


class TransientError(Exception):
    """Another attempt may succeed. `wait_s` is the pause in seconds that the server asks for, if it does."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class EmbeddingsClient:
    """A session with one server. Belongs to the event loop that opened it."""

    def __init__(self, settings: EngineSettings) -> None:
        if not settings.url or URL(settings.url).scheme not in {"http", "https"}:
            raise ConfigError(["engine.url: the openai engine needs one, such as http://127.0.0.1:8000/v1"])
        self._settings = settings
        self._url = URL(settings.url.rstrip("/").removesuffix("/embeddings"))
        self._shown = str(self._url.with_user(None).with_query(None))
        self._session: aiohttp.ClientSession | None = None
        self.dimensions = settings.dimensions or 0
        """Length of a vector: as configured, else that of the first answer; 0 before it."""

    def open(self) -> None:
        """Make the session; nothing is sent yet."""
        headers = {"Authorization": f"Bearer {self._settings.api_key}"} if self._settings.api_key else {}
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True)

    async def close(self) -> None:
        """Disconnect."""
        if self._session is not None:
            await self._session.close()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row for each text, shape (len(texts), dimensions), from one request.

        Raises TransientError, RefusedTextsError or EngineError, as described above.
        """
        assert self._session is not None, "open first"
        body: dict[str, object] = {"model": self._settings.model, "input": texts, "encoding_format": "float"}
        if self._settings.dimensions is not None:
            body["dimensions"] = self._settings.dimensions
        headers = {"Content-Type": "application/json"}
        try:
            url = self._url.joinpath("embeddings")
            async with self._session.post(url, data=orjson.dumps(body), headers=headers) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(self._sentence(f"does not answer: {type(error).__name__} {error}")) from error
        if response.status != 200:
            raise self._refusal(response.status, answer, response.headers.get("Retry-After"))
        return self._rows(answer, len(texts))

    async def max_tokens(self) -> int | None:
        """Return the model's longest input by the server's ``/models``; None when it does not say (vLLM does)."""
        assert self._session is not None, "open first"
        try:
            async with self._session.get(self._url.joinpath("models")) as response:
                models: list[dict[str, Any]] = orjson.loads(await response.read())["data"]
            return next(int(m["max_model_len"]) for m in models if m.get("id") == self._settings.model)
        except (aiohttp.ClientError, OSError, ValueError, TypeError, KeyError, StopIteration):
            return None

    def _refusal(self, status: int, answer: bytes, retry_after: str | None) -> Exception:
        sentence = self._sentence(f"answers HTTP {status}: {answer[:300].decode(errors='replace').strip()}")
        if status in _TRANSIENT or status >= 500:
            return TransientError(sentence, _seconds(retry_after))
        if status in {401, 403}:
            return EngineError(f"{sentence}; check engine.api_key")
        if status == 404:
            return EngineError(f"{sentence}; check engine.url and engine.model ({self._settings.model})")
        return RefusedTextsError(sentence) if 400 <= status < 500 else EngineError(sentence)

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
            raise EngineError(self._sentence("gives a vector that is not finite, or zero"))
        self.dimensions = wanted
        return np.asarray(matrix / norms, dtype=np.float32)

    def _sentence(self, what: str) -> str:
        """Return a sentence about the server that holds neither password nor key."""
        key = self._settings.api_key
        return f"{self._shown} {what.replace(key, '***') if key else what}"


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
