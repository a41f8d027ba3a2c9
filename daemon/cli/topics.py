"""`strayline topics create` and `delete`: the topics that the daemon needs, and their removal."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import TYPE_CHECKING

from daemon.cli.parser import Parser, Verbs, add_verb, load, positive
from daemon.cli.saying import say
from daemon.core.text import many

if TYPE_CHECKING:
    from daemon.adapters.kafka import Removal


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    topics = verbs.add_parser("topics", help="the topics the daemon needs")
    inner = topics.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    parser = add_verb(inner, "create", create, "create the topics that are missing; safe to run again")
    parser.add_argument(
        "--replication", type=positive, help="replicas of each topic (default: 3, or as many as there are brokers)"
    )
    parser.add_argument(
        "--input-partitions", type=positive, help="also create missing input topics, with so many partitions"
    )
    parser.add_argument(
        "--repartition-partitions",
        type=positive,
        metavar="N",
        help="partitions of the topic between, with input.repartition (default: as many as the input has)",
    )

    parser = add_verb(inner, "delete", delete, "delete strayline's topics and its consumer group; never the input")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def create(options: argparse.Namespace) -> int:
    """Create the missing topics and print what was done."""
    config = load(options)
    from daemon.adapters.kafka import create_topics
    from daemon.wiring import kafka_settings

    made = asyncio.run(
        create_topics(
            kafka_settings(config),
            config.input.topics,
            config.topics_in_use(),
            window=config.detector.window / 1e6,
            replication=options.replication,
            input_partitions=options.input_partitions,
            between=options.repartition_partitions,
        )
    )
    for topic, outcome in made.items():
        say(f"{topic}: {outcome}")
    return 0


def delete(options: argparse.Namespace) -> int:
    """Name what exists, ask, and delete it."""
    config = load(options)
    from daemon.adapters.kafka import plan_removal, remove
    from daemon.wiring import kafka_settings

    settings = kafka_settings(config)
    removal = asyncio.run(plan_removal(settings, config.topics.named()))
    if removal.empty:
        say("there is nothing to delete")
        return 0
    for line in _described(removal):
        say(line)
    if not options.yes and (sys.stdin is None or not sys.stdin.isatty()):
        say("strayline topics delete: nothing was deleted; --yes deletes without asking", error=True)
        return os.EX_USAGE
    if not options.yes and input("Delete all of this? [y/N] ").strip().lower() not in {"y", "yes"}:
        say("nothing was deleted")
        return 0
    asyncio.run(remove(settings, removal))
    say("deleted")
    return 0


def _described(removal: Removal) -> list[str]:
    lines = [f"topic {topic} ({many(partitions, 'partition')})" for topic, partitions in removal.topics.items()]
    return lines if removal.group is None else [*lines, f"consumer group {removal.group}"]
