"""`strayline check`: is this configuration right, and with `--online`, would the daemon start with it?"""

from __future__ import annotations

import argparse
import asyncio
import os

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.errors import StraylineError


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "check", check, "check a configuration: all errors at once, exit 78")
    parser.add_argument("--online", action="store_true", help="also connect, check the topics and load the model")


def check(options: argparse.Namespace) -> int:
    """Check the file; with `--online` also brokers, topics and engine."""
    config = load(options)
    print(f"{options.config}: good (configuration {config.fingerprint()})")
    return asyncio.run(_online(options)) if options.online else 0


async def _online(options: argparse.Namespace) -> int:
    from daemon.adapters.engines import make_engine
    from daemon.adapters.kafka import check_topics
    from daemon.wiring import engine_settings, kafka_settings

    config = load(options)
    problems = await check_topics(kafka_settings(config), config.input.topics, config.topics.named())
    for problem in problems:
        print(f"kafka: {problem}")
    if not problems:
        print(f"kafka: good ({', '.join(config.kafka.bootstrap_servers)})")
    engine = make_engine(engine_settings(config))
    try:
        await engine.start()
        print(f"engine: good ({engine.model}, {engine.dimensions} dimensions, {engine.max_tokens} tokens)")
    except StraylineError as error:
        problems.append(str(error))
        print(f"engine: {error}")
    finally:
        await engine.close()
    return os.EX_UNAVAILABLE if problems else os.EX_OK
