"""`strayline check`: is this configuration right, and with `--online`, would the daemon start with it?"""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from daemon.cli.offline import start_engine
from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say
from daemon.core.text import clean, many
from daemon.errors import ConfigError, ModelMismatchError, StraylineError

if TYPE_CHECKING:
    from daemon.adapters.kafka import KafkaSettings
    from daemon.config import Config
    from daemon.ports import Engine

SAMPLE = 1_000
"""How many of each partition's latest records are read."""
SAMPLE_SECONDS = 10.0
EXAMPLE: dict[str, Any] = {
    "id": "37fe473a0fe0d2de-4e7ee16327c50081",
    "scope": "payments",
    "key": "host 17",
    "start": "2026-11-22T10:41:07.000Z",
    "end": "2026-11-22T10:41:09.500Z",
    "pattern": "37fe473a0fe0d2de",
    "source": {"partition": 3, "positions": ["120-131"]},
    "incident": {"id": "6f1d2c0a9b8e7d5f"},
}
"""The parts of an alert that links are made of."""


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "check", check, "check a configuration: all errors at once, exit 78")
    parser.add_argument(
        "--online",
        action="store_true",
        help="also the ports' files, the brokers, topics, keys and the model",
    )


def check(options: argparse.Namespace) -> int:
    """Check the file; with `--online` also brokers, topics and engine."""
    config = load(options)
    _read_schemas(config)
    say(f"{options.config}: good (configuration {config.fingerprint()})")
    _print_links(config)
    _print_routes(config)
    return asyncio.run(_online(config)) if options.online else 0


def _read_schemas(config: Config) -> None:
    """Raise ConfigError where a file of `input.schemas` cannot be read or is not a schema."""
    if config.input.schemas:
        from daemon.schema_wiring import read_schemas

        read_schemas(config.input.format, config.input.schemas)


def _print_links(config: Config) -> None:
    """Print each link of the console for an example alert, so that people can try it."""
    if not config.console.links:
        return
    from daemon.console import LinkTemplate, filled

    templates = [LinkTemplate(link.name, link.url) for link in config.console.links]
    for name, url in filled(templates, EXAMPLE | {"source": EXAMPLE["source"] | {"topic": config.input.topics[0]}}):
        say(f"console.links: {name}: {url}")


def _print_routes(config: Config) -> None:
    """Print which incidents each route tells."""
    for route in config.notify.routes:
        scopes = f"services {', '.join(route.scopes)}" if route.scopes else "every service"
        over = "" if route.resolved else ", without their ends"
        say(f"notify.routes: {clean(route.name)}: {route.type}: {route.severity} or graver, {clean(scopes)}{over}")


async def _online(config: Config) -> int:
    from daemon.adapters.engines import make_engine
    from daemon.wiring import engine_settings

    worst = max(_ports(config), await _kafka(config))
    engine = make_engine(engine_settings(config))
    try:
        await start_engine(engine, config)
        say(f"engine: good ({engine.model}, {engine.dimensions} dimensions, {engine.max_tokens} tokens)")
    except StraylineError as error:
        worst = max(worst, error.exit_code)
        say(f"engine: {str(error).removeprefix('engine: ')}")
    else:
        worst = worst or await _baseline(config, engine)
    finally:
        await engine.close()
    return worst


async def _baseline(config: Config, engine: Engine) -> int:
    """Print that the baseline was made with another model, if so; return the exit code. The topic must exist."""
    from daemon.adapters.kafka import follow_batches
    from daemon.core.detection import check_model
    from daemon.wiring import kafka_settings

    async with aclosing(follow_batches(kafka_settings(config), [config.topics.baseline], {})) as following:
        read = 0
        async for batches, unread in following:
            try:
                for batch in batches:
                    for key, value in zip(batch.keys, batch.values, strict=True):
                        check_model(key, value, engine.model, engine.dimensions)
            except ModelMismatchError as error:
                say(f"baseline: {error}")
                return error.exit_code
            read += sum(map(len, batches))
            if not unread or read > SAMPLE:
                break
    return os.EX_OK


def _ports(config: Config) -> int:
    """Print why users files and certificates of our ports cannot be used; return the exit code."""
    from daemon.port_access import port_problems

    problems = port_problems(config)
    for problem in problems:
        say(problem)
    return os.EX_CONFIG if problems else os.EX_OK


async def _keys(config: Config, settings: KafkaSettings) -> None:
    """Print, of a sample of each topic's latest records, which share of session keys lies in several partitions."""
    from daemon.adapters.kafka import read_latest
    from daemon.discovery import advice, scattering, scope_advice
    from daemon.wiring import format_settings

    for topic in config.input.topics:
        batches = await read_latest(settings, topic, SAMPLE, SAMPLE_SECONDS)
        found = scattering(batches, format_settings(config))
        for sentence in advice(found, config.input.format):
            say(f"keys: {topic}: {sentence}")
        if found.split and config.detector.baselines == "served" and not config.input.repartition:
            say(f"keys: {topic}: {scope_advice(found)}")


def _base(config: Config) -> None:
    """Print what the base holds that documents are checked against. Raises ConfigError for one that is empty."""
    from daemon.document_bases import open_store, require_libraries

    require_libraries()
    section = config.documents
    base = section.base
    with closing(open_store(section.folder, section.postgres)) as store:
        documents = store.bases().get(base, 0)
    if not documents:
        raise ConfigError([f"documents.base: {base} in {section.place} has no documents"])
    say(f"documents: good ({many(documents, 'document')} in base {clean(base)})")


async def _kafka(config: Config) -> int:
    """Print what in the cluster would prevent the daemon from running; return the exit code."""
    from daemon.adapters.kafka import check_rights, check_topics
    from daemon.config import DOCUMENT
    from daemon.wiring import kafka_settings

    settings, inputs, named = kafka_settings(config), config.input.topics, config.topics_in_use()
    try:
        problems = await check_topics(settings, inputs, named) or await check_rights(settings, inputs, named)
    except StraylineError as error:
        say(f"kafka: {error}")
        return error.exit_code
    for problem in problems:
        say(f"kafka: {problem}")
    if not problems:
        say(f"kafka: good ({', '.join(config.kafka.bootstrap_servers)})")
        try:
            if config.input.format == DOCUMENT:
                _base(config)
            else:
                await _keys(config, settings)
        except StraylineError as error:
            say(f"input: {error}")
            return error.exit_code
    return os.EX_UNAVAILABLE if problems else os.EX_OK
