"""A TCP proxy that can drop all traffic: connections stay open and no byte passes, as when a cable is pulled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class TcpProxy:
    """Forwards each connection to the address that `target` returns when it is opened."""

    def __init__(self, target: Callable[[], str]) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = ""

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    def block(self) -> None:
        """Stop forwarding, in both directions."""
        self._open.clear()

    def unblock(self) -> None:
        """Forward again, and deliver what waited."""
        self._open.set()

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._open.wait()
            host, _, port = self._target().rpartition(":")
            try:
                upstream, to_upstream = await asyncio.open_connection(host, int(port))
            except OSError:
                writer.transport.abort()
                return
            directions = [(reader, to_upstream), (upstream, writer)]
            copies = [asyncio.create_task(self._copy(source, sink)) for source, sink in directions]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copy in copies:
                    copy.cancel()
                await asyncio.gather(*copies, return_exceptions=True)
                to_upstream.transport.abort()
                writer.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                await self._open.wait()
                sink.write(data)
                await sink.drain()
