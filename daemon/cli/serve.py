"""`strayline serve`: the engine alone, as `/v1/embeddings`."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from daemon.cli.offline import start_engine
from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say

if TYPE_CHECKING:
    from daemon.config import Config


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "serve", serve, "offer the engine as /v1/embeddings, in OpenAI's shape")
    parser.add_argument("--port", type=int, help="the port to serve on (default: serve.port; 0: any free one)")


def serve(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from daemon.cli.reloading import ignore_hangups

    ignore_hangups()
    config = load(options)
    from daemon.logs import configure_logging

    configure_logging(config.logging.level, config.logging.format)
    asyncio.run(_serve(options, config))
    return 0


async def _serve(options: argparse.Namespace, config: Config) -> None:
    from prometheus_client import CollectorRegistry

    from daemon.adapters.engines import make_engine
    from daemon.adapters.web import Exposition
    from daemon.cli.reloading import reloading
    from daemon.cli.stopping import until_stopped
    from daemon.config import SERVE
    from daemon.guest_serving import embeddings_server
    from daemon.metrics import of_process
    from daemon.port_access import access_to
    from daemon.wiring import engine_settings

    section = config.serve
    access = access_to(section, "serve")
    engine = make_engine(engine_settings(config))
    await start_engine(engine, config)
    registry = CollectorRegistry()
    ports = of_process(registry)
    server = embeddings_server(config, engine, access, ports, options.port, Exposition(registry))
    following = asyncio.create_task(access.follow())
    try:
        await server.start(access.tls)
        with reloading(options, config, SERVE, ports.reloads).on_hangup():
            say(f"{config.engine.model} on {access.scheme}://{section.host}:{server.port}/v1", flush=True)
            await until_stopped()
    finally:
        following.cancel()
        await server.close()
        await engine.close()
