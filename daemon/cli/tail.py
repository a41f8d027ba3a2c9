"""`strayline tail`: follow alerts readably."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say_json


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "tail", tail, "follow alerts readably")
    parser.add_argument("--from-beginning", action="store_true", help="also show earlier alerts")
    parser.add_argument("--json", action="store_true", help="one alert a line, as published")
    parser.add_argument("--scope", help="only this scope")
    parser.add_argument("--limit", type=int, help="end after this many alerts")


def tail(options: argparse.Namespace) -> int:
    """Show alerts until interrupted, or `--limit` of them."""
    return asyncio.run(_tail(options))


async def _tail(options: argparse.Namespace) -> int:
    config = load(options)
    from daemon.adapters.kafka import follow_placed
    from daemon.cli.alerts_topic import AlertDecoder
    from daemon.terminal.alert import AlertPrinter
    from daemon.terminal.console import Terminal
    from daemon.wiring import kafka_settings

    printer = AlertPrinter(Terminal(highlight=False))
    decoder, shown = AlertDecoder(), 0
    values = follow_placed(kafka_settings(config), config.topics.alerts, from_beginning=options.from_beginning)
    async with aclosing(values):
        async for place, value in values:
            alert = decoder.decode(place, value)
            if alert is None or (options.scope is not None and alert["scope"] != options.scope):
                continue
            if options.json:
                say_json(value)
                sys.stdout.flush()
            else:
                try:
                    printer.print(alert)
                except (KeyError, TypeError, ValueError):  # it has the id and scope of an alert, but not the rest
                    decoder.pass_over(place)
                    continue
            shown += 1
            if options.limit is not None and shown >= options.limit:
                break
    return 0
