"""`/v1/embeddings` beside `strayline run`: the same server as `strayline serve`, on the daemon's own engine."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import structlog

from daemon.adapters.web import Access, EmbeddingsServer, Exposition, ServerLimits
from daemon.config import Config
from daemon.metrics import PortMetrics
from daemon.port_access import port_settings
from daemon.ports import Engine

log = structlog.get_logger(__name__)


def embeddings_server(
    config: Config,
    engine: Engine,
    access: Access,
    ports: PortMetrics,
    port: int | None = None,
    exposition: Exposition | None = None,
) -> EmbeddingsServer:
    """Return the server that the configuration describes, not started; `port` replaces its port.

    `ports` are the metrics of the process's ports; with `exposition` the server has `/metrics`.
    """
    section = config.serve
    return EmbeddingsServer(
        port_settings(section, "serve", port),
        engine,
        config.engine.model,
        access.knows if access.accounts is not None else None,
        ServerLimits(section.max_bytes, section.max_inputs, section.at_once),
        ports,
        exposition,
    )


async def serve_guests(
    config: Config, engine: Engine, access: Access, stack: AsyncExitStack, ports: PortMetrics
) -> None:
    """Serve until `stack` ends. Raises UnavailableError where the port cannot be used."""
    server = embeddings_server(config, engine, access, ports)
    following = asyncio.create_task(access.follow())
    stack.callback(following.cancel)
    stack.push_async_callback(server.close)
    await server.start(access.tls)
    log.info("embeddings_listen", host=config.serve.host, port=server.port)
