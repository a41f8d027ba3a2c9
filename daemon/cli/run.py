"""`strayline run`: the daemon."""

from __future__ import annotations

import argparse
import asyncio

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.errors import StraylineError


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    add_verb(verbs, "run", run, "run the daemon")


def run(options: argparse.Namespace) -> int:
    """Run until stopped."""
    from daemon.cli.reloading import ignore_hangups

    ignore_hangups()
    config = load(options)
    import structlog

    from daemon.logs import configure_logging
    from daemon.service import Service

    configure_logging(config.logging.level, config.logging.format)

    async def serve() -> None:
        await Service(config, options.config).run()

    try:
        asyncio.run(serve())
    except StraylineError as error:
        structlog.get_logger(__name__).error("stopped", error=str(error), exit_code=error.exit_code)
        return error.exit_code
    return 0
