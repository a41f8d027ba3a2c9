"""`strayline notify`: incidents told to people and to other programs."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import TYPE_CHECKING

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say
from daemon.errors import ConfigError, StraylineError

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.notify import NotifyMetrics, Routes, RouteSettings


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "notify", notify, "tell Alertmanager, Slack, PagerDuty, e-mail or a webhook of incidents")
    parser.add_argument("--test", action="store_true", help="send a trial message over every route, and end")
    parser.add_argument("--route", metavar="NAME", action="append", help="only this route (may be given again)")
    parser.add_argument("--port", type=int, help="the port of /metrics (default: notify.port; 0: any free one)")


def notify(options: argparse.Namespace) -> int:
    """Notify until stopped, or try the routes."""
    from daemon.cli.reloading import ignore_hangups

    ignore_hangups()
    config = load(options)
    chosen_routes(options, config)
    from daemon.logs import configure_logging

    configure_logging(config.logging.level, config.logging.format)
    if options.test:
        return asyncio.run(_try(options, config))
    import structlog

    try:
        asyncio.run(_serve(options, config))
    except StraylineError as error:
        structlog.get_logger(__name__).error("stopped", error=str(error), exit_code=error.exit_code)
        return error.exit_code
    return 0


def chosen_routes(options: argparse.Namespace, config: Config) -> list[RouteSettings]:
    """Return the routes that this process serves. Raises ConfigError when there is none, or none with that name."""
    from daemon.cli.notify_routes import route_settings

    routes = route_settings(config)
    if not routes:
        raise ConfigError([f"{options.config}: notify.routes: there is none; docs/notify.md shows one of each kind"])
    names = [route.name for route in routes]
    if unknown := [name for name in options.route or () if name not in names]:
        raise ConfigError([f"--route {unknown[0]}: notify.routes has {', '.join(names)}"])
    return [route for route in routes if not options.route or route.name in options.route]


async def _try(options: argparse.Namespace, config: Config) -> int:
    from daemon.notify import trial

    worst = os.EX_OK
    async for name, problem in trial(chosen_routes(options, config)):
        say(f"{name}: {problem or 'delivered'}")
        worst = os.EX_UNAVAILABLE if problem else worst
    return worst


async def _serve(options: argparse.Namespace, config: Config) -> None:
    from prometheus_client import CollectorRegistry

    from daemon.adapters.web import HttpServer, Probes
    from daemon.cli.reloading import reloading
    from daemon.cli.stopping import until_stopped
    from daemon.config import NOTIFY
    from daemon.notify import NotifyMetrics
    from daemon.port_access import access_to, port_settings

    metrics = NotifyMetrics(CollectorRegistry())
    routes = _routes(config, metrics)

    async def take(wanted: Config) -> None:
        await routes.replace(await asyncio.to_thread(chosen_routes, options, wanted))

    again = reloading(options, config, NOTIFY, metrics.ports.reloads, take)
    section = config.notify
    where = port_settings(section, "notify", options.port)
    probes, access = Probes(lambda: None, routes.problems, again.now), access_to(section, "notify")
    server = HttpServer(where, metrics.registry, probes, access, metrics.ports)
    await server.start()
    following = asyncio.create_task(access.follow())
    try:
        await routes.replace(chosen_routes(options, config))
        say(f"notify on {access.scheme}://{section.host}:{server.port}/metrics", flush=True)
        with again.on_hangup():
            stopped, failed = asyncio.create_task(until_stopped()), asyncio.create_task(routes.failed())
            await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            failed.cancel()
            if not failed.cancelled() and failed.done():
                raise failed.result()
    finally:
        following.cancel()
        await routes.close()
        await server.close()


def _routes(config: Config, metrics: NotifyMetrics) -> Routes:
    from contextlib import AbstractAsyncContextManager
    from dataclasses import replace

    from daemon.adapters.kafka import join_group, publish_one
    from daemon.cli.notify_routes import notify_group
    from daemon.core.types import OutRecord
    from daemon.notify import Routes, TopicReader
    from daemon.wiring import kafka_settings

    kafka, topics = replace(kafka_settings(config), instance_id=None), config.topics

    def open_topic(name: str) -> AbstractAsyncContextManager[TopicReader]:
        return join_group(replace(kafka, group_id=notify_group(config, name)), topics.alerts)

    async def bury(record: OutRecord) -> None:
        await publish_one(kafka, topics.dead_letters, key=record.key, value=record.value, headers=record.headers)

    return Routes(open_topic, bury, metrics)
