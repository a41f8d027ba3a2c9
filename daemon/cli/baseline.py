"""`strayline baseline`: inspect, export and import what is normal."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say, say_json
from daemon.errors import DataError, ModelMismatchError

if TYPE_CHECKING:
    from daemon.cli.stored_baseline import Imported, StoredBaseline
    from daemon.config import Config
    from daemon.core.incidents import History


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verbs."""
    baseline = verbs.add_parser("baseline", help="inspect, export and import what is normal")
    inner = baseline.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    parser = add_verb(inner, "inspect", inspect, "show scopes, their patterns by weight, and labels")
    parser.add_argument("file", nargs="?", type=Path, help="an exported file instead of the baseline's topic")
    parser.add_argument("--scope", help="only this scope")
    parser.add_argument(
        "--limit", type=int, default=10, help="at most this many patterns of a scope (default: 10; 0: all)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser = add_verb(inner, "export", export, "write the baseline to a file of JSON lines")
    parser.add_argument("file", type=Path, help="compressed when it ends in .zst or .gz; - is stdout")
    parser.add_argument("--scope", action="append", help="only this scope; may be given several times")
    parser = add_verb(inner, "import", import_, "load a file that export or a backtest's --out wrote")
    parser.add_argument("file", type=Path, help="the file, or the folder of a backtest; - is stdin")
    parser.add_argument("--scope-map", action="append", default=[], metavar="A=B", help="import scope A as scope B")
    parser.add_argument("--confirmed", action="store_true", help="label every pattern normal, unless it has a label")
    parser.add_argument(
        "--times",
        choices=("auto", "keep", "now"),
        default="auto",
        help="keep the sessions' times, or move them so that the newest is now (auto: when it is outside the window)",
    )
    parser.add_argument("--by", default=os.environ.get("USER", ""), help="who confirms")


def inspect(options: argparse.Namespace) -> int:
    """Show the baseline of the topic or of a file."""
    config = load(options)
    stored = _read_file(config, options.file) if options.file else asyncio.run(_read_topic(config))
    if options.json:
        import orjson

        from daemon.cli.stored_baseline import describe

        say_json(orjson.dumps(describe(stored, options.scope, options.limit)))
        return 0
    if stored is None:
        say(f"{config.topics.baseline}: empty; nothing has been learned yet")
        return 0
    _print(stored, options.scope, options.limit)
    return 0


def export(options: argparse.Namespace) -> int:
    """Read the topic and write the file."""
    from daemon.adapters.files import write_lines
    from daemon.cli.baseline_file import BaselineFile
    from daemon.core.detection import take_export
    from daemon.core.text import many

    config = load(options)
    stored = asyncio.run(_read_topic(config))
    if stored is None:
        raise DataError(f"{config.topics.baseline} is empty: there is nothing to export")
    missing = set(options.scope or ()) - {statistics.scope for statistics in stored.detector.scopes()}
    if missing:
        raise DataError(f"{config.topics.baseline} has no scope {', '.join(sorted(missing))}")
    taken = take_export(stored.detector, stored.model, stored.dimensions, options.scope)
    saved = BaselineFile(taken, asyncio.run(_read_incidents(config, options.scope)))
    if str(options.file) == "-":
        sys.stdout.buffer.writelines(line + b"\n" for line in saved.lines())
    else:
        write_lines(options.file, saved.lines())
        counts = f"{many(len(taken.patterns), 'pattern')} of {many(len(taken.scopes), 'scope')}"
        causes = f"{many(saved.history.causes, 'cause')} of lines"
        say(f"{options.file}: {counts}, made with {stored.model}; {causes}")
    return 0


def import_(options: argparse.Namespace) -> int:
    """Publish the file's baseline to the topic."""
    done = asyncio.run(_import(options, load(options)))
    from daemon.core.text import clean, many

    counts = f"{many(done.patterns, 'pattern')} of {many(done.sessions, 'session')}"
    say(f"imported {counts} into {', '.join(map(clean, done.scopes))}")
    if done.causes:
        say(f"incidents are measured by {many(done.causes, 'cause')} of lines that the history knows")
    if done.moved_us:
        say(f"times moved by {done.moved_us / 86_400e6:+.1f} days, so that the newest session is now")
    if done.labels or done.kept:
        say(f"labels: {done.labels:,} set, {done.kept:,} kept as they were")
    return 0


async def _import(options: argparse.Namespace, config: Config) -> Imported:
    from functools import partial

    from daemon.adapters.kafka import publish_together
    from daemon.cli.baseline_file import load
    from daemon.cli.import_places import placing
    from daemon.cli.stored_baseline import labelled, put, shift_of
    from daemon.core.detection import Import
    from daemon.wiring import kafka_settings

    saved = load(options.file, dict(map(_pair, options.scope_map)))
    _check_model(config, saved.baseline.model, saved.baseline.dimensions, options.file)
    now, window = round(time.time() * 1e6), config.detector.window
    stored = await _read_topic(config)
    how = Import(
        window,
        shift_of(saved.baseline.newest, now, window, options.times),
        confirmed=options.confirmed,
        by=options.by,
        at=now,
        labelled=labelled(stored),
    )
    publish = partial(publish_together, kafka_settings(config), purpose="baseline-import")
    place = await placing(config, stored)
    return await put(saved, how, publish, stored, name=str(options.file), place=place)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise DataError(f"--scope-map {text}: write the file's scope, =, and the new one")
    return old, new


def _check_model(config: Config, model: str, dimensions: int, file: Path) -> None:
    """Refuse a file whose vectors the configured engine cannot compare; a server behind `openai` is not asked."""
    from daemon.adapters.engines import model_name, name_in_vectors

    engine = config.engine
    name = name_in_vectors(engine.type, engine.model)
    wanted = model_name(name, engine.dimensions or dimensions, engine.instruction, engine.options)
    if model != wanted and not re.match(re.escape(name) + "@", model):
        raise ModelMismatchError(
            f"{file} was made with {model} and the configured engine is {wanted}: their vectors cannot be compared; "
            "run a backtest of the same logs with this configuration, and import what it writes"
        )


async def _read_topic(config: Config) -> StoredBaseline | None:
    from daemon.cli.baseline_topic import read_baseline
    from daemon.wiring import detector_settings, kafka_settings

    return await read_baseline(kafka_settings(config), config.topics.baseline, detector_settings(config))


async def _read_incidents(config: Config, scopes: Collection[str] | None) -> History:
    from daemon.cli.baseline_topic import read_learned_incidents
    from daemon.wiring import kafka_settings

    return await read_learned_incidents(kafka_settings(config), scopes)


def _read_file(config: Config, file: Path) -> StoredBaseline | None:
    from daemon.cli.baseline_file import load as load_file
    from daemon.cli.stored_baseline import hold
    from daemon.core.detection import Import, export_updates
    from daemon.wiring import detector_settings

    return hold(export_updates(load_file(file).baseline, Import(config.detector.window)), detector_settings(config))


def _print(stored: StoredBaseline, scope: str | None, limit: int) -> None:
    from daemon.cli.stored_baseline import chosen
    from daemon.core.text import clean, many
    from daemon.terminal.console import Terminal
    from daemon.terminal.top import labels_table, pattern_row, patterns_table

    console = Terminal(highlight=False, markup=False)
    say(f"made with {stored.model}")
    for statistics in chosen(stored, scope):
        phase = "warming up" if statistics.phase == "warm_up" else statistics.phase
        counts = f"{many(statistics.sessions, 'session')}, {many(statistics.patterns, 'pattern')}"
        lines = many(statistics.lines, "distinct line")
        say(f"\n{clean(statistics.scope)}: {phase}, {counts}, {lines}")
        patterns = stored.detector.patterns(statistics.scope)
        shown = patterns[: limit or None]
        console.print(patterns_table(map(pattern_row, shown)))
        if len(shown) < len(patterns):
            say(f"and {many(len(patterns) - len(shown), 'lighter pattern')}; --limit 0 shows all")
        labelled = [pattern_row(pattern) for pattern in patterns if pattern.label is not None]
        if labelled:
            console.print(labels_table(labelled[: limit or None]))
        if len(labelled) > limit > 0:
            say(f"and {many(len(labelled) - limit, 'label')} more; --limit 0 shows all")
