"""`strayline init`: from a broker to a configuration and the next three commands."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.login import BrokerLogin, add_login, connection, login_of
from daemon.cli.parser import Parser, Verbs, add_verb
from daemon.cli.samples import add_choices, find_out, sample_topic, surroundings, wishes_of
from daemon.cli.saying import say
from daemon.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daemon.config import Config


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(
        verbs, "init", init, "write a configuration for a topic, by looking at what it holds", config=False
    )
    parser.add_argument("--topic", metavar="NAME", help="the topic with the logs (default: it asks)")
    parser.add_argument("--write", type=Path, default=Path("strayline.yaml"), metavar="FILE", help="where to write it")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--create", action="store_true", help="also create the topics that the daemon needs")
    add_choices(parser)
    add_login(parser, "Kafka")
    parser.set_defaults(files=[])


def init(options: argparse.Namespace) -> int:
    """Look, write, and say what comes next."""
    if options.write.exists() and not options.force:
        raise ConfigError([f"{options.write}: is there already; --force writes over it, --write names another"])
    return asyncio.run(_init(options, login_of(options)))


async def _init(options: argparse.Namespace, login: BrokerLogin) -> int:
    from daemon.adapters.files import write_lines
    from daemon.adapters.kafka import list_topics
    from daemon.config import parse_config
    from daemon.discovery import write_configuration
    from daemon.terminal.discovery import discovery_lines

    wishes = wishes_of(options)
    kafka = connection(login)
    topics = await list_topics(kafka)
    options.topic = _topic(options.topic, topics)
    lines, encoding, share = await sample_topic(kafka, options.topic)
    discovery = find_out(options, lines, wishes)
    say(f"topic     {options.topic}: {topics[options.topic]:,} records")
    for line in discovery_lines(discovery, encoding):
        say(line)
    text = write_configuration(discovery, surroundings(options, share, login))
    config = parse_config(text, login.environment, "what was chosen")
    write_lines(options.write, [text.rstrip("\n").encode()])
    say(f"written   {options.write}")
    for name in sorted(login.environment.keys() - os.environ.keys()):
        say(f"to set    {name}: the secret itself is not written")
    if options.create:
        await _create(config)
    for number, command in enumerate(_next(options), 1):
        say(f"next {number}    {command}")
    return 0


def _topic(wanted: str | None, topics: Mapping[str, int]) -> str:
    """Return the topic to look at: the one that is wanted, the only one that holds anything, or the user's answer."""
    logs = {name: size for name, size in topics.items() if size and not name.startswith("strayline.")}
    if wanted is not None:
        if wanted not in topics:
            others = ", ".join(logs) or "none with records"
            raise DataError(f"topic {wanted} does not exist, or we may not see it; there are {others}")
        return wanted
    if len(logs) == 1:
        return next(iter(logs))
    if not logs:
        raise DataError("no topic holds any record yet: send some logs, and try again")
    listed = [f"  {number}  {name}  ({size:,} records)" for number, (name, size) in enumerate(logs.items(), 1)]
    if sys.stdin is None or not sys.stdin.isatty():
        raise DataError("which topic? name one with --topic:\n" + "\n".join(listed))
    say("\n".join(listed))
    answer = input("which topic holds the logs? (number or name) ").strip()
    names = list(logs)
    name = names[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(names) else answer
    return _topic(name, topics)


async def _create(config: Config) -> None:
    from daemon.adapters.kafka import create_topics
    from daemon.wiring import kafka_settings

    window = config.detector.window / 1e6
    made = await create_topics(kafka_settings(config), config.input.topics, config.topics_in_use(), window=window)
    for topic, outcome in made.items():
        say(f"{topic}: {outcome}")


def _next(options: argparse.Namespace) -> list[str]:
    made = [] if options.create else [f"strayline topics create --config {options.write}"]
    return [
        *made,
        f"strayline check --config {options.write} --online",
        f"strayline run --config {options.write}",
        f"strayline tail --config {options.write}",
    ][:3]
