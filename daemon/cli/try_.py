"""`strayline try`: from a log file or a topic to the first findings, without a configuration."""

from __future__ import annotations

import argparse
import asyncio
import codecs
import sys
from collections.abc import Callable
from importlib.util import find_spec
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.parser import Parser, Verbs, add_verb
from daemon.errors import ConfigError, DataError

if TYPE_CHECKING:
    from daemon.adapters.files import Rewound
    from daemon.adapters.kafka import RangeReader
    from daemon.backtest import Result
    from daemon.config import Config
    from daemon.discovery import Discovery, Surroundings, Wishes
    from daemon.ports import Engine

EXAMPLES = """\
examples:
  strayline try app.log
  strayline try /var/log/syslog /var/log/syslog.1.gz --write strayline.yaml
  journalctl -o short-iso | strayline try -
  strayline try --topic logs --bootstrap-servers kafka:9092
  strayline try app.log --key 'request_id=(?P<key>\\S+)' --gap 10s
"""
HEAD_BYTES = 4 << 20
"""How much of each file is looked at."""
SHOWN = 20
TOPIC_RECORDS = 10_000


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "try", try_, "find out how a log is read, and show what is odd in it", config=False)
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("files", nargs="*", default=[], metavar="FILE", help="logs; - is stdin; .gz .xz .zst as they are")
    what.add_argument("--topic", metavar="NAME", help="read this topic instead")
    parser.add_argument("--bootstrap-servers", default="localhost:9092", metavar="HOST:PORT,...", help="of the topic")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the configuration that was used")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the report's folder (default: strayline-try)")
    parser.add_argument("--look", action="store_true", help="say what was chosen, and stop")
    parser.add_argument("--limit", type=int, default=SHOWN, help=f"show so many alerts (default: {SHOWN})")
    choices = parser.add_argument_group("what is chosen otherwise")
    choices.add_argument("--format", help="how records are read: json, raw, syslog, cri, ...")
    choices.add_argument("--encoding", help="of the files: utf-8, utf-16, cp1252, ...")
    choices.add_argument("--time-format", metavar="FORMAT", help="how times are written, as strptime has it")
    choices.add_argument("--key", help="what makes a session: a pattern, a field's path, or none (windows of time)")
    choices.add_argument("--gap", metavar="DURATION", help="a session ends after so long without a line: 30s")
    choices.add_argument("--scope", metavar="PATH", help="the field that names the service")
    choices.add_argument("--warm-up", type=int, metavar="SESSIONS", help="so many only teach")
    choices.add_argument("--budget", help="the share of sessions that may be alerts, or a rate such as 20/day")
    choices.add_argument("--engine", choices=("lite", "vllm"), help="what embeds (default: lite where it is installed)")


def try_(options: argparse.Namespace) -> int:
    """Look, say what was chosen, run, show."""
    return asyncio.run(_try(options))


async def _try(options: argparse.Namespace) -> int:
    from daemon.adapters.files import Rewound, check_files
    from daemon.config import parse_config
    from daemon.discovery import write_configuration
    from daemon.terminal.discovery import discovery_lines

    wishes = _wishes(options)
    check_files(options.files)
    stdin = Rewound(sys.stdin.buffer) if "-" in options.files else None  # type: ignore[arg-type]  # a BufferedReader
    lines, encoding, share = await _sample_topic(options) if options.topic else _sample_files(options, stdin)
    found = _discover(options, lines, wishes)
    for line in discovery_lines(found, encoding):
        print(line)
    text = write_configuration(found, _surroundings(options, share))
    config = parse_config(text, {}, "what was chosen")
    if options.write is not None:
        _write(options.write, text)
        print(f"written   {options.write}")
    sys.stdout.flush()
    if options.look:
        return 0
    await _run(options, config, found, encoding, stdin)
    return 0


def _sample_files(options: argparse.Namespace, stdin: Rewound | None) -> tuple[list[str], str, float]:
    """Return the first lines of the files, their encoding, and the share of everything that they are."""
    from daemon.adapters.files import read_head
    from daemon.discovery import MOST_LINES, encoding_of

    lines: list[str] = []
    encoding = options.encoding
    for path in options.files:
        head = read_head(path, HEAD_BYTES, BufferedReader(stdin) if stdin is not None and path == "-" else None)
        encoding = encoding or encoding_of(head)
        whole = head.decode(encoding, errors="replace").split("\n")
        lines += whole if len(head) < HEAD_BYTES else whole[:-1]
        if len(lines) >= MOST_LINES:
            break
    if stdin is not None:
        stdin.rewind()
    known = lines[:MOST_LINES]
    plain = sum(len(line) + 1 for line in known)
    total = sum(Path(path).stat().st_size for path in options.files if path != "-")
    packed = any(str(path).endswith((".gz", ".xz", ".zst")) for path in options.files)
    everything = total * (8 if packed else 1)  # logs are packed to an eighth or less
    return known, encoding or "utf-8", min(1.0, plain / max(plain, everything)) if len(known) == MOST_LINES else 1.0


async def _sample_topic(options: argparse.Namespace) -> tuple[list[str], str, float]:
    lines: list[str] = []
    reader = _reader(options)
    batches = reader.batches()
    async for batch in batches:
        lines += [line for value in batch.values if value for line in value.decode(errors="replace").split("\n")]
        if len(lines) >= TOPIC_RECORDS:
            break
    await batches.aclose()  # type: ignore[attr-defined]  # it is a generator
    return lines, "utf-8", min(1.0, len(lines) / max(1, reader.total)) if reader.total else 1.0


def _reader(options: argparse.Namespace) -> RangeReader:
    from daemon.adapters.kafka import RangeReader
    from daemon.config import parse_config
    from daemon.wiring import kafka_settings

    servers = ", ".join(f"'{server}'" for server in options.bootstrap_servers.split(","))
    config = parse_config(f"kafka: {{bootstrap_servers: [{servers}]}}", {})
    return RangeReader(kafka_settings(config), [options.topic], None, None)


def _wishes(options: argparse.Namespace) -> Wishes:
    """Return what the user has chosen. Raises ConfigError with every flag that cannot be used."""
    from daemon.config.values import parse_duration
    from daemon.core.formats import FORMATS, check_extract, check_time_format
    from daemon.discovery import Wishes

    problems = []
    if options.format not in {None, *FORMATS}:
        problems.append(f"--format {options.format}: there are {', '.join(FORMATS)}")
    if options.encoding and not _known_encoding(options.encoding):
        problems.append(f"--encoding {options.encoding}: no such encoding")
    if options.key and "(?P<" in options.key and (problem := check_extract(options.key)):
        problems.append(f"--key: {problem}")
    if options.time_format and (problem := check_time_format(options.time_format)):
        problems.append(f"--time-format: {problem}")
    gap = None
    try:
        gap = parse_duration(options.gap) if options.gap else None
    except ValueError as error:
        problems.append(f"--gap: {error}")
    if problems:
        raise ConfigError(problems)
    assert gap is None or isinstance(gap, int)
    return Wishes(options.format, options.key, gap, options.time_format, options.scope)


def _known_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name))
    except LookupError:
        return False


def _discover(options: argparse.Namespace, lines: list[str], wishes: Wishes) -> Discovery:
    from daemon.discovery import NothingToReadError, discover

    try:
        return discover(lines, wishes)
    except NothingToReadError as error:
        raise DataError(f"{' '.join(options.files) or options.topic}: {error}") from None


def _surroundings(options: argparse.Namespace, share: float) -> Surroundings:
    from daemon.discovery import Surroundings

    engine = options.engine or ("lite" if find_spec("wordllama") is not None else "vllm")
    names = [Path(path).name for path in options.files]
    return Surroundings(
        topic=options.topic or "logs",
        source=options.topic or ", ".join("standard input" if name == "-" else name for name in names),
        engine=engine,
        model="wordllama" if engine == "lite" else "all-MiniLM-L6-v2",
        bootstrap_servers=tuple(options.bootstrap_servers.split(",")),
        share=share,
        warm_up=options.warm_up,
        budget=options.budget,
    )


async def _run(
    options: argparse.Namespace, config: Config, found: Discovery, encoding: str, stdin: Rewound | None
) -> None:
    """Run everything through the daemon's own core, and show alerts as they come."""
    from daemon.adapters.engines import make_engine
    from daemon.wiring import engine_settings

    engine = make_engine(engine_settings(config))
    await engine.start()
    try:
        await _judge(options, config, found, encoding, stdin, engine)
    finally:
        await engine.close()


async def _judge(
    options: argparse.Namespace,
    config: Config,
    found: Discovery,
    encoding: str,
    stdin: Rewound | None,
    engine: Engine,
) -> None:
    from rich.console import Console

    from daemon.backtest import BacktestOptions, run_backtest
    from daemon.cli.backtest import setup
    from daemon.core.formats import Layout
    from daemon.terminal.progress import progress

    out = options.out or Path("strayline-try")
    what = BacktestOptions(
        files=options.files,
        records=_reader(options) if options.topic else None,
        out=out,
        topic=options.topic,
        layout=Layout(encoding, found.reading.begins),
    )
    console = Console(highlight=False)
    print()
    with progress() as watch:
        result = await run_backtest(
            what,
            setup(config, engine),
            engine,
            watch=watch,
            show=_shower(console, options.limit),
            stdin=BufferedReader(stdin) if stdin is not None else None,
        )
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
    print(f"{many(report.input.lines, 'line')}, {sessions}; {told}, {report.cost.seconds:.1f} s")
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(report.input.rejected.items()))
        print(f"rejected  {many(rejected, 'record')}: {reasons}")
    if report.told > options.limit:
        print(f"shown     the first {options.limit} messages; all are in {out / 'alerts.jsonl'}")
    print(f"report    {out / 'report.html'}")
    if options.write is None:
        print("to go on  --write strayline.yaml writes the configuration that was used")


def _write(path: Path, text: str) -> None:
    from daemon.adapters.files import write_lines

    write_lines(path, [text.rstrip("\n").encode()])
