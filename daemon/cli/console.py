"""`strayline console`: incidents and feedback in a browser."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say

if TYPE_CHECKING:
    from daemon.config import Config, ProxyConfig
    from daemon.console import ConsoleSettings, ConsoleTopics, Proxy
    from daemon.console.documents import DocumentRoom


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "console", console, "show incidents in a browser, and take feedback there")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="a backtest's folder instead of the topics")
    parser.add_argument(
        "--beside", type=Path, metavar="DIR", help="with --folder: a backtest with other settings, to compare replays"
    )
    parser.add_argument("--port", type=int, help="the port to serve on (default: console.port; 0: any free one)")
    parser.add_argument("--by", default=os.environ.get("USER", ""), help="who gives feedback, where there are no users")
    parser.add_argument(
        "--hash-password", action="store_true", help="read a password, print its hash for the users file, and end"
    )


def console(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if options.hash_password:
        return _print_hash()
    if options.beside is not None and options.folder is None:
        say("strayline console: --beside needs --folder", error=True)
        return os.EX_USAGE
    from daemon.cli.reloading import ignore_hangups

    ignore_hangups()
    config = load(options)
    from daemon.logs import configure_logging

    configure_logging(config.logging.level, config.logging.format)
    asyncio.run(_serve(options, config))
    return 0


def _print_hash() -> int:
    from daemon.adapters.web import hash_password

    if sys.stdin is None:
        say("strayline console: standard input is closed", error=True)
        return os.EX_NOINPUT
    if sys.stdin.isatty():
        password = getpass.getpass()
        if getpass.getpass("Again: ") != password:
            say("strayline console: the passwords differ", error=True)
            return os.EX_USAGE
    else:
        password = sys.stdin.readline().rstrip("\n")
    say(hash_password(password))
    return 0


async def _serve(options: argparse.Namespace, config: Config) -> None:
    from daemon.cli.reloading import reloading
    from daemon.cli.stopping import until_stopped
    from daemon.config import CONSOLE
    from daemon.console import Console

    settings, topics = _settings(options, config)
    app = Console(settings, topics, document_room(config))

    async def take(wanted: Config) -> None:
        await app.apply(_settings(options, wanted)[0])

    await app.start()
    try:
        with reloading(options, config, CONSOLE, app.metrics.ports.reloads, take).on_hangup():
            say(f"console on {app.url}", flush=True)
            await until_stopped()
    finally:
        await app.close()


def document_room(config: Config) -> DocumentRoom | None:
    """Return the room for documents, None where the console has no folder of bases."""
    folder = config.console.documents
    if folder is None:
        return None
    from functools import partial

    from daemon.document_bases import (
        file_limits,
        library_with_engine,
        open_store,
        require_libraries,
        second_opinions,
    )

    require_libraries()
    from daemon.console.documents import DocumentRoom, RoomTools

    return DocumentRoom(
        RoomTools(
            partial(open_store, folder, config.documents.postgres, "console.documents"),
            partial(library_with_engine, config),
            second_opinions(),
            file_limits(config),
            config.documents.base,
            config.console.max_upload,
        )
    )


def _proxy(section: ProxyConfig | None) -> Proxy:
    from daemon.adapters.web import Role
    from daemon.console import Proxy

    return Proxy() if section is None else Proxy(section.networks, section.user or "", Role(section.role))


def _settings(options: argparse.Namespace, config: Config) -> tuple[ConsoleSettings, ConsoleTopics | None]:
    from functools import partial

    from daemon.adapters.web import Certificate
    from daemon.console import ConsoleSettings, ConsoleTopics, LinkTemplate, ReplaySettings, Retention
    from daemon.port_access import port_settings
    from daemon.wiring import incident_settings, kafka_settings

    section = config.console
    settings = ConsoleSettings(
        where=port_settings(section, "console", options.port),
        path=section.path,
        archive=section.archive,
        retention=Retention(section.keep // 1000, section.max_size),
        users=section.users,
        tls=Certificate(section.tls.certificate, section.tls.key, "console.tls") if section.tls else None,
        visitor=options.by,
        proxy=_proxy(section.proxy),
        folder=options.folder,
        links=[LinkTemplate(link.name, link.url) for link in section.links],
        replay=ReplaySettings(
            incident_settings(config), str(config.alerts.budget), config.alerts.total or "", options.beside
        ),
    )
    if options.folder is not None:
        return settings, None
    from daemon.adapters.kafka import follow_batches, publish_one

    kafka, topics = kafka_settings(config), config.topics

    async def publish(key: bytes, value: bytes) -> None:
        await publish_one(kafka, topics.feedback, key=key, value=value)

    follow = partial(follow_batches, kafka, [topics.alerts, topics.feedback])
    follow_baseline, follow_observations = (
        partial(follow_batches, kafka, [topic]) for topic in (topics.baseline, topics.observations)
    )
    servers = ", ".join(config.kafka.bootstrap_servers)
    return settings, ConsoleTopics(
        topics.feedback, topics.baseline, servers, follow, follow_baseline, follow_observations, publish
    )
