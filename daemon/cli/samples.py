"""What `try` and `init` share: reading the first lines of files or a topic, and flags that override the findings."""

from __future__ import annotations

import argparse
import codecs
from importlib.util import find_spec
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.login import BrokerLogin
from daemon.cli.parser import Parser
from daemon.errors import ConfigError, DataError

if TYPE_CHECKING:
    from daemon.adapters.files import Rewound
    from daemon.adapters.kafka import KafkaSettings, RangeReader
    from daemon.discovery import Discovery, Surroundings, Wishes

HEAD_BYTES = 4 << 20
"""How much of each file is read."""
TOPIC_RECORDS = 10_000


def add_choices(parser: Parser) -> None:
    """Describe the flags that override what would be found out."""
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


def sample_files(options: argparse.Namespace, stdin: Rewound | None) -> tuple[list[str], str, float]:
    """Return the first lines of the files, their encoding, and their share of the whole."""
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
    everything = total * (8 if packed else 1)  # logs compress to an eighth or less
    return known, encoding or "utf-8", min(1.0, plain / max(plain, everything)) if len(known) == MOST_LINES else 1.0


async def sample_topic(kafka: KafkaSettings, topic: str) -> tuple[list[str], str, float]:
    """Return the first lines of a topic, its encoding, and their share of the whole."""
    lines: list[str] = []
    reader = topic_reader(kafka, topic)
    batches = reader.batches()
    async for batch in batches:
        lines += [line for value in batch.values if value for line in value.decode(errors="replace").split("\n")]
        if len(lines) >= TOPIC_RECORDS:
            break
    await batches.aclose()  # type: ignore[attr-defined]  # it is a generator
    return lines, "utf-8", min(1.0, len(lines) / max(1, reader.total)) if reader.total else 1.0


def topic_reader(kafka: KafkaSettings, topic: str) -> RangeReader:
    """Return what reads all that the topic holds."""
    from daemon.adapters.kafka import RangeReader

    return RangeReader(kafka, [topic], None, None)


def wishes_of(options: argparse.Namespace) -> Wishes:
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


def find_out(options: argparse.Namespace, lines: list[str], wishes: Wishes) -> Discovery:
    """Return how the lines are read. Raises DataError when no line can be read."""
    from daemon.adapters.files import STDIN, last_written
    from daemon.discovery import NothingToReadError, discover

    try:
        return discover(lines, wishes, last_written(options.files or [STDIN]))
    except NothingToReadError as error:
        raise DataError(f"{' '.join(options.files) or options.topic}: {error}") from None


def surroundings(options: argparse.Namespace, share: float, login: BrokerLogin) -> Surroundings:
    """Return what a configuration needs besides the discovery."""
    from daemon.discovery import Surroundings

    engine = options.engine or ("lite" if find_spec("wordllama") is not None else "vllm")
    names = [Path(path).name for path in options.files]
    return Surroundings(
        topic=options.topic or "logs",
        source=options.topic or ", ".join("standard input" if name == "-" else name for name in names),
        engine=engine,
        model="wordllama" if engine == "lite" else "all-MiniLM-L6-v2",
        bootstrap_servers=login.servers,
        security=login.security,
        share=share,
        warm_up=options.warm_up,
        budget=options.budget,
    )
