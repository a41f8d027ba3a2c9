"""Measures what connections to a port take: `python -m benchmarks.connections`.

A process serves the daemon's endpoints, and this one opens connections to it: idle ones, with half a request of the
most and longest headers that are read, and with requests whose answers are not read; plain and behind a TLS handshake.
Memory is what the serving process grew by, for each connection.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from daemon.adapters.web import Access, Certificate, HttpServer, PortSettings, Probes
from daemon.metrics import Metrics
from deploy.sizing import resident
from tests.support.authorities import Authority

HALF = b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + b"".join(b"x-%d: " % at + b"y" * 8_000 + b"\r\n" for at in range(60))
WAYS = {"idle": b"", "half a request": HALF, "unread answers": b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 1_000}


def serve(pipe: Connection, certificate: Certificate | None, most: int) -> None:
    """Serve in this process: send the port, and how large the process is whenever it is asked."""
    asyncio.run(_serve(pipe, certificate, most))


async def _serve(pipe: Connection, certificate: Certificate | None, most: int) -> None:
    from prometheus_client import CollectorRegistry

    metrics = Metrics(CollectorRegistry())
    probes = Probes(lambda: None, list, lambda: asyncio.sleep(0))
    access = Access(None, certificate, "http.users")
    server = HttpServer(PortSettings("http", "127.0.0.1", 0, most), metrics.registry, probes, access, metrics.ports)
    await server.start()
    pipe.send(server.port)
    while await asyncio.to_thread(pipe.recv):
        pipe.send(resident())
    await server.close()


async def grown(pipe: Connection, sent: bytes, count: int, tls: ssl.SSLContext | None) -> float:
    """Return the bytes that the process grew by for each of `count` connections that send `sent` and read nothing."""
    port = pipe.recv()
    await asyncio.open_connection("127.0.0.1", port, ssl=tls)  # what the first one takes is not counted
    before = _size(pipe)
    opened = [await asyncio.open_connection("127.0.0.1", port, ssl=tls, limit=1) for _ in range(count)]
    for _, writer in opened:
        writer.write(sent)
    await asyncio.sleep(3)
    after = _size(pipe)
    pipe.send(False)
    return (after - before) / count


def _size(pipe: Connection) -> int:
    pipe.send(True)
    size: int = pipe.recv()
    return size


async def measure(sent: bytes, count: int, certificate: Certificate | None) -> float:
    """Return the bytes of one of `count` connections to a process of its own."""
    here, there = get_context("spawn").Pipe()
    server = get_context("spawn").Process(target=serve, args=(there, certificate, 2 * count))
    server.start()
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(cafile=str(certificate.certificate))
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        return await grown(here, sent, count, tls)
    finally:
        server.join(5)
        server.kill()


def main(arguments: list[str]) -> int:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description="memory of connections to a port")
    parser.add_argument("--count", type=int, default=200, help="connections")
    count = parser.parse_args(arguments).count
    with TemporaryDirectory() as folder:
        certificate, key = Authority.make(Path(folder), "authority").sign("port")
        for tls in (None, Certificate(certificate, key, "http.tls")):
            for way, sent in WAYS.items():
                size = asyncio.run(measure(sent, count, tls))
                print(f"{way}, {'TLS' if tls else 'plain'}: {size / 1024:,.0f} KiB a connection", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
