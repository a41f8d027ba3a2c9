"""``/v1/embeddings`` and ``/v1/models`` in OpenAI's shape, on the engine of this process.

The official clients work unchanged: `input` is a text, a list of texts, tokens or a list of tokens; `dimensions` is any
size from 32 to the model's (the vector's first dimensions at unit length, which Matryoshka models are trained for);
`encoding_format` is float or base64. `instruction` is a prefix to every text. `usage` counts the tokens that the model
read. A text is never cut: one that is too long is refused.

At most `ServerLimits.at_once` requests are in the engine, and as many wait, arrive or are being answered; a further one
is answered with 429.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from daemon.adapters.web.bearer import bearer_token
from daemon.adapters.web.connections import PortWatch
from daemon.adapters.web.endpoints import Exposition, metrics_response
from daemon.adapters.web.listener import HttpListener, PortSettings
from daemon.errors import DataError, StraylineError
from daemon.ports import Engine, TokenEngine

SMALLEST = 32
LONGEST_TRANSFER = 60.0
"""Seconds for a request to arrive whole, and for its answer to be read."""
Authorize = Callable[[str], bool]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How large a request may be, in bytes and in inputs, and how many the engine has at once."""

    body: int = 16 << 20
    inputs: int = 2_048
    at_once: int = 8


Texts = list[Annotated[StrictStr, Field(min_length=1)]]
Tokens = Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=1)]


class EmbeddingsRequest(BaseModel):
    """The body of a request. `user` and `priority` are accepted and ignored."""

    model_config = ConfigDict(extra="forbid")
    input: Annotated[StrictStr, Field(min_length=1)] | Texts | Tokens | list[Tokens]
    model: str
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] = "float"
    instruction: str = ""
    user: str | None = None
    priority: int | None = None


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


class EmbeddingsServer(HttpListener):
    """Serves from `start` to `close`. `authorize` says whether a bearer token is known; None admits everybody.

    `name` is the model's name for clients. `ports` counts connections;
    with `exposition` there is `/metrics` too, for those who may embed.
    """

    def __init__(
        self,
        where: PortSettings,
        engine: Engine,
        name: str,
        authorize: Authorize | None,
        limits: ServerLimits | None = None,
        ports: PortWatch | None = None,
        exposition: Exposition | None = None,
    ) -> None:
        self._engine, self._name, self._authorize = engine, name, authorize
        self._limits = limits or ServerLimits()
        self._places = asyncio.Semaphore(self._limits.at_once)
        self._present = 0
        application = web.Application(middlewares=[web.middleware(self._guarding())], client_max_size=self._limits.body)
        application.add_routes(
            [
                web.post("/v1/embeddings", self._embeddings),
                web.get("/v1/models", self._models),
                web.get("/v1/models/{name:.+}", self._model),
                web.get("/healthz", self._healthz),
            ]
        )
        if exposition is not None:
            application.router.add_get("/metrics", _metrics(exposition))
        super().__init__(application, where, ports)

    def _guarding(self) -> Middleware:
        """Return what checks the client of a request and gives every failure OpenAI's shape."""

        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                self._admit(request)
                return await handler(request)
            except _RefusedError as error:
                return _error(error.status, str(error), error.param, error.code)
            except web.HTTPRequestEntityTooLarge:
                return _error(413, f"the request is larger than {self._limits.body:,} bytes")
            except web.HTTPException as error:
                return _error(error.status, error.reason)
            except StraylineError as error:
                return _error(503, str(error))

        return guarded

    def _admit(self, request: web.Request) -> None:
        """Raise _RefusedError for a client without a known token; where tokens are not used, for web pages."""
        if self._authorize is None:
            if "Origin" in request.headers:
                raise _RefusedError(403, "requests from web pages are not accepted without tokens")
        elif request.path.startswith("/v1/") or request.path == "/metrics":
            token = bearer_token(request)
            if token is None or not self._authorize(token):
                raise _RefusedError(401, "send a known bearer token", code="invalid_api_key")

    async def _healthz(self, _: web.Request) -> web.Response:
        self._engine.check()
        return _json(200, {"status": "ok"})

    async def _models(self, _: web.Request) -> web.Response:
        return _json(200, {"object": "list", "data": [self._described()]})

    async def _model(self, request: web.Request) -> web.Response:
        self._check_name(request.match_info["name"])
        return _json(200, self._described())

    def _described(self) -> dict[str, object]:
        return {
            "id": self._name,
            "object": "model",
            "created": 0,
            "owned_by": "strayline",
            "max_model_len": self._engine.max_tokens,
            "dimensions": self._engine.dimensions,
        }

    def _check_name(self, name: str) -> None:
        if name not in (self._name, self._engine.model):
            raise _RefusedError(404, f"there is no model {name!r} here, but {self._name}", "model", "model_not_found")

    async def _embeddings(self, request: web.Request) -> web.Response:
        if self._present >= 2 * self._limits.at_once:
            raise _RefusedError(429, "too many requests at once; try again in a second", code="rate_limit_exceeded")
        self._present += 1
        try:
            response = await self._answer(request)
            await _send(response, request)  # who does not read an answer, which may be large, keeps the place
        finally:
            self._present -= 1
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(LONGEST_TRANSFER):
                body = await request.read()
        except TimeoutError:
            raise _RefusedError(408, f"the request did not arrive within {LONGEST_TRANSFER:g} s") from None
        asked = _parsed(body, self._limits.inputs)
        self._check_name(asked.model)
        size = self._size(asked.dimensions)
        async with self._places:
            rows, tokens = await self._rows(asked)
        rows = _shortened(rows, size)
        packed = asked.encoding_format == "base64"
        data = [
            {"object": "embedding", "index": at, "embedding": _base64(row) if packed else row.tolist()}
            for at, row in enumerate(rows)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _json(200, {"object": "list", "data": data, "model": self._name, "usage": usage})

    def _size(self, dimensions: int | None) -> int:
        largest = self._engine.dimensions
        if dimensions is not None and not min(SMALLEST, largest) <= dimensions <= largest:
            raise _RefusedError(400, f"dimensions: must be {SMALLEST} to {largest}, not {dimensions}", "dimensions")
        return dimensions or largest

    async def _rows(self, asked: EmbeddingsRequest) -> tuple[NDArray[np.float32], int]:
        """Return the vectors of the inputs, and the number of tokens that the model read."""
        inputs = _inputs(asked)
        try:
            if isinstance(inputs[0], str):
                texts = [asked.instruction + str(text) for text in inputs]
                counts = await asyncio.to_thread(self._count, texts)
                self._check_lengths(counts)
                return await self._engine.embed(texts), sum(counts)
            prompts = [list(map(int, prompt)) for prompt in inputs]
            self._check_lengths([len(prompt) for prompt in prompts])
            if asked.instruction or not isinstance(self._engine, TokenEngine):
                why = "instruction goes with text only" if asked.instruction else "this engine takes text only"
                raise _RefusedError(400, f"input: {why}, not tokens", "input")
            return await self._engine.embed_tokens(prompts), sum(map(len, prompts))
        except DataError as error:
            raise _RefusedError(400, f"input: {error}", "input") from error

    def _count(self, texts: Sequence[str]) -> list[int]:
        if isinstance(self._engine, TokenEngine):
            return self._engine.tokens_of(texts)
        return [int(self._engine.count_tokens(text.split("\n")).sum()) for text in texts]

    def _check_lengths(self, counts: Sequence[int]) -> None:
        most = self._engine.max_tokens
        for at, count in enumerate(counts):
            if count > most:
                raise _RefusedError(400, f"input: entry {at} has {count:,} tokens, the model reads {most:,}", "input")


def _metrics(exposition: Exposition) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        return metrics_response(request, exposition)

    return serve


def _parsed(body: bytes, most_inputs: int) -> EmbeddingsRequest:
    try:
        document = orjson.loads(body)
        _check_number(document, most_inputs)  # first: a list of a million lists takes more memory checked than read
        return EmbeddingsRequest.model_validate(document)
    except orjson.JSONDecodeError as error:
        raise _RefusedError(400, f"the request is not JSON: {error}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = str(first["loc"][0]) if first["loc"] else None
        what = "must be a text, a list of texts, tokens, or a list of tokens, none of them empty"
        message = what if where == "input" else first["msg"]
        raise _RefusedError(400, f"{where}: {message}" if where else message, where) from error


def _check_number(document: object, most: int) -> None:
    given = document.get("input") if isinstance(document, dict) else None
    if isinstance(given, list) and not (given and isinstance(given[0], int)) and len(given) > most:
        raise _RefusedError(400, f"input: has {len(given):,} entries, at most {most:,}", "input")


def _inputs(asked: EmbeddingsRequest) -> Sequence[str] | Sequence[Sequence[int]]:
    given = asked.input
    if isinstance(given, str):
        return [given]
    if not given:
        raise _RefusedError(400, "input: holds nothing", "input")
    return [given] if isinstance(given[0], int) else given


def _shortened(rows: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the first `size` dimensions of unit rows, at unit length; a row of zeros there becomes the first axis."""
    if rows.shape[1] == size:
        return rows
    short = rows[:, :size].copy()
    norms = np.linalg.norm(short, axis=1, keepdims=True)
    short[norms[:, 0] == 0, 0] = 1.0
    return np.asarray(short / np.where(norms == 0, 1.0, norms), dtype=np.float32)


def _base64(row: NDArray[np.float32]) -> str:
    return b64encode(row.astype("<f4").tobytes()).decode()


async def _send(response: web.Response, request: web.Request) -> None:
    """Send an answer, and end the connection of a client that does not read it."""
    try:
        async with asyncio.timeout(LONGEST_TRANSFER):
            await response.prepare(request)
            await response.write_eof()
    except (TimeoutError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()


def _error(status: int, message: str, param: str | None = None, code: str | None = None) -> web.Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    response = _json(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})
    if status == 429:
        response.headers["Retry-After"] = "1"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _json(status: int, document: dict[str, object]) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json", headers=headers)
