"""An /v1/embeddings server in this process that can be made to hang, to fail or to be unreachable."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from aiohttp import web

from tests.support.fakes import FakeEngine

DIMENSIONS = 32
Mode = Literal["ok", "hang", "error"]


class EmbeddingServer:
    """Answers with `FakeEngine`'s vectors, a function of the text alone, unless its mode says otherwise."""

    def __init__(self) -> None:
        self.port = 0
        self._mode: Mode = "ok"
        self._runner: web.AppRunner | None = None
        self._released = asyncio.Event()

    @property
    def url(self) -> str:
        """The address for `engine.url`."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        """Listen, on the same port as the last time."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/embeddings", self._embeddings)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening: connections are refused."""
        self.set_mode("ok")
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def set_mode(self, mode: Mode) -> None:
        """Change how requests are answered. Requests that hang are answered when the mode is no longer `hang`."""
        self._mode = mode
        if mode == "hang":
            self._released.clear()
        else:
            self._released.set()

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "stub", "max_model_len": 8192}]})

    async def _embeddings(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        if self._mode == "hang":
            await self._released.wait()
        if self._mode == "error":
            return web.json_response({"error": "set to fail"}, status=500)
        fake = FakeEngine(body.get("dimensions", DIMENSIONS))
        rows = [
            {"index": i, "embedding": [float(x) for x in fake.vector(text)]} for i, text in enumerate(body["input"])
        ]
        return web.json_response({"object": "list", "data": rows, "model": body["model"]})
