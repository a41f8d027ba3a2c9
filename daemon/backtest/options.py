"""A backtest's options, its progress while it runs, and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from daemon.adapters.files import STDIN, printable
from daemon.adapters.kafka import RangeReader
from daemon.backtest.report import Report
from daemon.backtest.strangest import Ranked
from daemon.backtest.tally import Tally
from daemon.backtest.told import Alert
from daemon.core.alerts import Provenance
from daemon.core.formats import Layout
from daemon.core.incidents import IncidentSettings
from daemon.core.stream import Tools


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What to run over. Times are microseconds since the epoch; `topic` names the source (default: the files' names).

    `since` and `until` choose the range that the report looks at; all sessions are judged. `records` are read
    in place of `files` where given. `layout` says how the files' bytes become records. `stdin` is what the file ``-``
    stands for (default: the standard input of the process).
    """

    files: Sequence[str] = ()
    records: RangeReader | None = None
    teach: Sequence[str] = ()
    freeze: bool = False
    labels: str | None = None
    out: Path | None = None
    since: int | None = None
    until: int | None = None
    peers: bool = False
    topic: str | None = None
    layout: Layout = field(default_factory=Layout)
    stdin: BufferedReader | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What a backtest needs of the configuration."""

    tools: Tools
    incidents: IncidentSettings
    about: Provenance


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` bytes as they lie on disk, or records of a topic (None: unknown)."""

    file: str
    done: int
    total: int | None
    lines: int
    sessions: int
    incidents: int


Watcher = Callable[[Progress], None]
Shower = Callable[[bytes], None]
"""Takes what is published to the alerts' topic, as it is published."""


@dataclass(frozen=True, slots=True)
class Result:
    """A run's report, and what its page is drawn from: columns, each incident's latest message, strange sessions."""

    report: Report
    tally: Tally
    alerts: Sequence[Alert]
    strangest: Sequence[Ranked]


def topic_of(options: BacktestOptions) -> str:
    """Return the topic a backtest's files stand for: their names, or what was asked for."""
    names = ["stdin" if file == STDIN else printable(Path(file).name) for file in options.files or options.teach]
    return options.topic or "+".join(names)[:200]
