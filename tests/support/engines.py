"""Engines for tests: a server that speaks /v1/embeddings and misbehaves on demand, real models, and tiny ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from daemon.adapters.engines import EngineSettings
from daemon.adapters.engines.vllm import VllmEngine
from tests.support.fakes import FakeEngine

Reply = Callable[[dict[str, Any]], web.StreamResponse | None]


@dataclass
class StubServer:
    """The requests that a `stub_server` got, and the answers it gives.

    Each request uses up one of `replies`; a reply that returns None gives way to the usual answer, which is
    FakeEngine's vector of each text times `scale`, in reverse order.
    """

    url: str = ""
    model: str = "stub"
    dimensions: int = 32
    scale: float = 3.0
    max_model_len: int | None = None
    gate: asyncio.Event | None = None
    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def asked(self, count: int) -> None:
        """Wait until that many requests have come."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.requests) >= count)

    def settings(self, **more: Any) -> EngineSettings:
        """Return settings that lead to this server."""
        return EngineSettings(**{"type": "openai", "model": self.model, "url": self.url, **more})

    def answer(self, body: dict[str, Any]) -> web.StreamResponse:
        """Return the usual answer."""
        size = body.get("dimensions", self.dimensions)
        fake = FakeEngine(size)
        data = [
            {"index": index, "embedding": [self.scale * float(x) for x in fake.vector(text)]}
            for index, text in enumerate(body["input"])
        ]
        return web.json_response({"object": "list", "data": data[::-1], "model": self.model})

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v1/embeddings``."""
        body = await request.json()
        async with self.news:
            self.requests.append(body)
            self.news.notify_all()
        self.headers.append(dict(request.headers))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.replies and (reply := self.replies.pop(0)(body)) is not None:
                return reply
            if body["model"] != self.model:
                return error(404, f"The model `{body['model']}` does not exist.")
            return self.answer(body)
        finally:
            self.under_way -= 1

    async def models(self, request: web.Request) -> web.StreamResponse:
        """Answer ``GET /v1/models``."""
        card: dict[str, Any] = {"id": self.model, "object": "model"}
        if self.max_model_len is not None:
            card["max_model_len"] = self.max_model_len
        return web.json_response({"object": "list", "data": [card]})


def error(status: int, message: str, **headers: str) -> web.Response:
    """Return an error as OpenAI's servers write it."""
    body = json.dumps({"error": {"message": message}})
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text=body, content_type="application/json", headers=shown)


@asynccontextmanager
async def stub_server() -> AsyncIterator[StubServer]:
    """Serve a `StubServer` on a port of its own."""
    stub = StubServer()
    app = web.Application(client_max_size=1 << 28)
    app.router.add_post("/v1/embeddings", stub.embeddings)
    app.router.add_get("/v1/models", stub.models)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield stub
    finally:
        if stub.gate is not None:
            stub.gate.set()
        await runner.cleanup()


_MINILM: list[VllmEngine] = []


async def minilm() -> VllmEngine:
    """Return the one all-MiniLM engine of this run; loading it takes seconds, so it lives as long as the process."""
    if not _MINILM:
        engine = VllmEngine(EngineSettings(model="all-MiniLM-L6-v2"))
        await engine.start()
        _MINILM.append(engine)
    return _MINILM[0]
