"""A server of /v1/embeddings inside the harness, that can hang, fail or be gone."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from tests.support.fakes import FakeEngine

DIMENSIONS = 32


class Stub:
    """Vectors are FakeEngine's, a function of the text alone. `mode`: ok, hang, error."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._mended = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        """Listen; on the same port as before when it was there before."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/embeddings", self._embeddings)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be gone: connections are refused."""
        self.turn("ok")
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def turn(self, mode: str) -> None:
        """Change how requests are answered; leaving `hang` lets those that hang fail."""
        self.mode = mode
        if mode == "hang":
            self._mended.clear()
        else:
            self._mended.set()

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "stub", "max_model_len": 8192}]})

    async def _embeddings(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        if self.mode == "hang":
            await self._mended.wait()
        if self.mode == "error":
            return web.json_response({"error": "told to fail"}, status=500)
        fake = FakeEngine(body.get("dimensions", DIMENSIONS))
        rows = [
            {"index": i, "embedding": [float(x) for x in fake.vector(text)]} for i, text in enumerate(body["input"])
        ]
        return web.json_response({"object": "list", "data": rows, "model": body["model"]})
