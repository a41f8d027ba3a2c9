"""`strayline topics create`: the topics the daemon needs, with the right policies."""

from __future__ import annotations

import argparse
import asyncio

from daemon.cli.parser import Parser, Verbs, add_verb, load


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    topics = verbs.add_parser("topics", help="the topics the daemon needs")
    inner = topics.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    parser = add_verb(inner, "create", create, "create the topics that are missing; safe to run again")
    parser.add_argument(
        "--replication", type=int, help="replicas of each topic (default: 3, or as many as there are brokers)"
    )
    parser.add_argument(
        "--input-partitions", type=int, help="also create missing input topics, with so many partitions"
    )


def create(options: argparse.Namespace) -> int:
    """Create the missing topics and print what was done."""
    config = load(options)
    from daemon.adapters.kafka import create_topics
    from daemon.wiring import kafka_settings

    made = asyncio.run(
        create_topics(
            kafka_settings(config),
            config.input.topics,
            config.topics.named(),
            window=config.detector.window / 1e6,
            replication=options.replication,
            input_partitions=options.input_partitions,
        )
    )
    for topic, outcome in made.items():
        print(f"{topic}: {outcome}")
    return 0
