"""Receivers of notifications on loopback: an HTTP server and an SMTP server that keep what they are sent."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import orjson
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Posted:
    """One request: its path, its headers, and its body."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.raw)


class HttpReceiver:
    """Keeps what is posted. `answers` are the statuses of the next posts, 200 when there are no more."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.reply = "ok"
        self.headers: dict[str, str] = {}
        self.posts: list[Posted] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.url = ""
        self._news = asyncio.Condition()

    async def post(self, request: web.Request) -> web.Response:
        posted = Posted(request.path, dict(request.headers), await request.read())
        async with self._news:
            self.posts.append(posted)
            self._news.notify_all()
        await self.hold.wait()
        status = self.answers.pop(0) if self.answers else 200
        return web.Response(status=status, text=self.reply, headers=self.headers)

    async def got(self, count: int, seconds: float = 30) -> list[Posted]:
        """Return the posts once there are `count`."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: len(self.posts) >= count)
        return self.posts


@asynccontextmanager
async def http_receiver(*answers: int) -> AsyncIterator[HttpReceiver]:
    receiver = HttpReceiver(*answers)
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.post)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        receiver.hold.set()
        await runner.cleanup()


@dataclass
class SmtpReceiver:
    """Keeps the mails it takes. With `tls` it offers STARTTLS, and then asks for `password`."""

    tls: ssl.SSLContext | None = None
    password: str = ""
    refuse: str = ""
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    encrypted: bool = False
    log_ins: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 here")
        secured = False
        while line := (await reader.readline()).decode().strip():
            word = line.split(" ")[0].upper()
            if word == "EHLO":
                say("250-here")
                if self.tls is not None and not secured:
                    say("250-STARTTLS")
                say("250 AUTH PLAIN")
            elif word == "STARTTLS":
                assert self.tls is not None
                say("220 go")
                await writer.start_tls(self.tls)
                secured = self.encrypted = True
            elif word == "AUTH":
                given = base64.b64decode(line.split(" ")[2]).decode()
                self.log_ins.append(given)
                say("235 welcome" if given.endswith(f"\0{self.password}") else f"535 not {given.split(chr(0))[2]}")
            elif word == "RCPT":
                self.recipients.append(line.partition(":")[2])
                say(self.refuse or "250 ok")
            elif word == "DATA":
                say("354 go")
                data = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
                self.mails.append(message_from_bytes(data, policy=default))
                say("250 taken")
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
            await writer.drain()


@asynccontextmanager
async def smtp_receiver(**settings: Any) -> AsyncIterator[SmtpReceiver]:
    receiver = SmtpReceiver(**settings)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = int(server.sockets[0].getsockname()[1])
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()


async def eventually(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Poll until `happened()` is true."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.02)
