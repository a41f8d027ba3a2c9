"""`strayline try`: from a log file or a topic to the first findings, without a configuration."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.login import BrokerLogin, add_login, connection, login_of
from daemon.cli.offline import run_offline, started_engine
from daemon.cli.parser import Parser, Verbs, add_verb
from daemon.cli.samples import (
    add_choices,
    find_out,
    sample_files,
    sample_topic,
    surroundings,
    topic_reader,
    wishes_of,
)
from daemon.cli.saying import say

if TYPE_CHECKING:
    from daemon.adapters.files import Rewound
    from daemon.adapters.kafka import RangeReader
    from daemon.backtest import Result
    from daemon.config import Config
    from daemon.core.formats import Layout

SHOWN = 20


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "try", try_, "find out how a log is read, and show what is odd in it", config=False)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("files", nargs="*", default=[], metavar="FILE", help="logs; - is stdin; .gz .xz .zst as they are")
    what.add_argument("--topic", metavar="NAME", help="read this topic instead")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the configuration that was used")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the report's folder (default: strayline-try)")
    parser.add_argument("--look", action="store_true", help="say what was chosen, and stop")
    parser.add_argument("--limit", type=int, default=SHOWN, help=f"show so many alerts (default: {SHOWN})")
    add_choices(parser)
    add_login(parser, "the topic")


def try_(options: argparse.Namespace) -> int:
    """Look, say what was chosen, run, show."""
    return asyncio.run(_try(options, login_of(options)))


async def _try(options: argparse.Namespace, login: BrokerLogin) -> int:
    from daemon.adapters.files import Rewound, check_files
    from daemon.config import parse_config
    from daemon.core.formats import Layout
    from daemon.discovery import write_configuration
    from daemon.terminal.discovery import discovery_lines
    from daemon.terminal.waiting import waiting

    wishes = wishes_of(options)
    check_files(options.files)
    if options.write is not None and any(_same_file(options.write, name) for name in options.files):
        say(f"strayline try: --write would replace the log {options.write}", error=True)
        return os.EX_USAGE
    stdin = Rewound(sys.stdin.buffer) if "-" in options.files else None  # type: ignore[arg-type]  # a BufferedReader
    with waiting("looking at the first lines"):
        lines, encoding, share = (
            await sample_topic(connection(login), options.topic) if options.topic else sample_files(options, stdin)
        )
        discovery = find_out(options, lines, wishes)
    for line in discovery_lines(discovery, encoding):
        say(line)
    text = write_configuration(discovery, surroundings(options, share, login))
    config = parse_config(text, login.environment, "what was chosen")
    if options.write is not None:
        _write(options.write, text)
        say(f"written   {options.write}")
    sys.stdout.flush()
    if options.look:
        return 0
    records = topic_reader(connection(login), options.topic) if options.topic else None
    layout = Layout(encoding, discovery.reading.begins if discovery.starts is None else None)
    await _run(options, config, layout, stdin, records)
    return 0


async def _run(
    options: argparse.Namespace, config: Config, layout: Layout, stdin: Rewound | None, records: RangeReader | None
) -> None:
    """Run everything through the daemon's own core, and show alerts as they come."""
    from rich.console import Console

    from daemon.backtest import BacktestOptions
    from daemon.terminal.ranking import STRANGEST, print_ranking

    out = options.out or Path("strayline-try")
    what = BacktestOptions(
        files=options.files,
        records=records,
        out=out,
        topic=options.topic,
        layout=layout,
        stdin=BufferedReader(stdin) if stdin is not None else None,
    )
    console = Console(highlight=False)
    own = console if console.is_terminal else None
    async with started_engine(config) as engine:
        say()
        result = await run_offline(what, config, engine, show=_shower(console, options.limit), console=own)
    print_ranking(result.report, result.strangest, console, min(options.limit, STRANGEST))
    _sum_up(result, out, options)


def _shower(console: Any, limit: int) -> Callable[[bytes], None]:
    """Return what prints alerts as `tail` does, the first `limit` of them."""
    import orjson

    from daemon.terminal.alert import AlertPrinter

    printer, shown = AlertPrinter(console), [0]

    def show(value: bytes) -> None:
        shown[0] += 1
        if shown[0] <= limit:
            printer.print(orjson.loads(value))

    return show


def _sum_up(result: Result, out: Path, options: argparse.Namespace) -> None:
    from daemon.core.text import many

    report = result.report
    rejected = sum(report.input.rejected.values())
    sessions = f"{many(report.sessions, 'session')}, of which {report.warm_up:,} only taught"
    told = f"{many(report.told, 'incident')} told"
    say(f"{many(report.input.lines, 'line')}, {sessions}; {told}, {report.cost.seconds:.1f} s")
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(report.input.rejected.items()))
        say(f"rejected  {many(rejected, 'record')}: {reasons}")
    if report.told > options.limit:
        say(f"shown     the first {options.limit} messages; all are in {out / 'alerts.jsonl'}")
    say(f"report    {out / 'report.html'}")
    if options.write is None:
        say("to go on  --write strayline.yaml writes the configuration that was used")


def _same_file(path: Path, name: str) -> bool:
    """Return whether both name one file that exists; `-` is none."""
    return name != "-" and path.exists() and path.samefile(name)


def _write(path: Path, text: str) -> None:
    from daemon.adapters.files import write_lines

    write_lines(path, [text.rstrip("\n").encode()])
