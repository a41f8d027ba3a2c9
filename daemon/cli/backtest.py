"""`strayline backtest`: the daemon's own core over files, which needs no Kafka, or over what topics hold."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.offline import run_offline, started_engine
from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say, say_json

if TYPE_CHECKING:
    from daemon.adapters.kafka import RangeReader
    from daemon.backtest import Report
    from daemon.config import Config


RANGES = {"--from": "since", "--to": "until", "--read-from": "read_from", "--read-to": "read_to"}


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "backtest", backtest, "run the detection over files or a topic, and report what it finds")
    parser.set_defaults(refuse=parser.error)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "files", nargs="*", default=[], metavar="FILE", help="logs, read in this order; - is stdin; .gz .xz .zst"
    )
    what.add_argument("--topic", action="append", metavar="NAME", help="read this topic; may be given several times")
    parser.add_argument("--read-from", type=_time, metavar="TIME", help="of the topic, records from this time on")
    parser.add_argument("--read-to", type=_time, metavar="TIME", help="of the topic, records before this time")
    parser.add_argument("--teach", action="append", default=[], metavar="FILE", help="logs that are confirmed normal")
    parser.add_argument("--freeze", action="store_true", help="judge without learning")
    parser.add_argument("--labels", metavar="CSV", help="key,label or line,label: which sessions are really anomalous")
    parser.add_argument("--out", type=Path, metavar="DIR", help="verdicts, alerts and the report, as files")
    parser.add_argument("--from", dest="since", type=_time, metavar="TIME", help="report on this range only")
    parser.add_argument("--to", dest="until", type=_time, metavar="TIME", help="report on this range only")
    parser.add_argument("--peers", action="store_true", help="also score with other detectors (the peers extra)")
    parser.add_argument("--json", action="store_true", help="the report as one JSON document on stdout")


def backtest(options: argparse.Namespace) -> int:
    """Run over the files or topics and print the report."""
    if not options.topic and (options.read_from is not None or options.read_to is not None):
        options.refuse("--read-from and --read-to need a --topic")
    for first, last in (("--from", "--to"), ("--read-from", "--read-to")):
        since, until = (getattr(options, RANGES[name]) for name in (first, last))
        if since is not None and until is not None and since >= until:
            options.refuse(f"{first} must be before {last}")
    with _interruptible():
        return asyncio.run(_backtest(options, load(options)))


def _time(text: str) -> int:
    """Return microseconds since the epoch of an RFC 3339 time; without a zone it is UTC."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write one like 2026-11-22T10:41:00Z") from None
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _records(options: argparse.Namespace, config: Config) -> RangeReader | None:
    from daemon.adapters.kafka import RangeReader
    from daemon.wiring import kafka_settings

    if not options.topic:
        return None
    since, until = (None if time is None else time // 1000 for time in (options.read_from, options.read_to))
    return RangeReader(kafka_settings(config), options.topic, since, until)


def _problem(report: Report) -> int:
    """Print what makes the report, or its labels, worthless, and return the exit code."""
    read, labels = report.input, report.labels
    if read.records and not read.lines:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(read.rejected.items()))
        hint = "; is input.format right?" if set(read.rejected) & {"not_json", "not_an_object", "missing_field"} else ""
        say(f"strayline: not one of {read.records:,} records could be read ({reasons}){hint}", error=True)
        _point_to_try(report)
        return os.EX_DATAERR
    if labels is not None and not labels.anomalous + labels.normal:
        say(
            "strayline: the labels meet no session: are their keys, scopes or lines those of these files?",
            error=True,
        )
    if sum(read.rejected.values()) > read.records / 2:
        _point_to_try(report)
    return 0


def _point_to_try(report: Report) -> None:
    """Point to `strayline try` if the configuration is probably for another format."""
    if files := " ".join(report.input.files):
        say(f"strayline: `strayline try {files}` finds out how they are read", error=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C stop the work where it is; asyncio would wait until the work yields."""
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


async def _backtest(options: argparse.Namespace, config: Config) -> int:
    from daemon.backtest import BacktestOptions, check_inputs
    from daemon.terminal.backtest import print_report
    from daemon.terminal.console import Terminal
    from daemon.terminal.ranking import STRANGEST, print_ranking

    what = BacktestOptions(
        files=options.files,
        records=_records(options, config),
        teach=options.teach,
        freeze=options.freeze,
        labels=options.labels,
        out=options.out,
        since=options.since,
        until=options.until,
        peers=options.peers,
    )
    labels = check_inputs(what)
    async with started_engine(config) as engine:
        result = await run_offline(what, config, engine, labels=labels)
    if options.json:
        say_json(result.report.encode())
    else:
        terminal = Terminal()
        print_report(result.report, terminal)
        print_ranking(result.report, result.strangest, terminal, STRANGEST)
        if options.out is not None:
            say(f"report    {options.out / 'report.html'}")
    return _problem(result.report)
