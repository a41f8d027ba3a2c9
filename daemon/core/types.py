"""The product's vocabulary as types. Data moves through them in one direction.

    Batch (as fetched) -> lines (a polars table) -> Session -> Pattern -> embedding -> Judgement -> Verdict -> Alert

Everywhere in the core, a time is an int: microseconds since the epoch, UTC. Nothing in the core reads a clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.core.positions import Positions

Vector = NDArray[np.float32]

LINES_SCHEMA: Mapping[str, pl.DataType] = {
    "position": pl.Int64(),
    "time": pl.Int64(),
    "scope": pl.String(),
    "key": pl.String(),
    "text": pl.String(),
    "clock": pl.Int64(),
}
"""A table of lines in reading order, as a format makes it. Masking redacts `text` and adds `masked`.

`time` is the line's own, `clock` what it counts for stream time: the same, unless it is far from what others say.
"""


class TopicPartition(NamedTuple):
    """One partition of one topic. In a backtest, the files are partition 0 of a topic named after them."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition in offset order, as columns of equal length.

    `timestamps` are the records' own, in milliseconds, or -1 where there is none (files). `headers` is empty where no
    record of the batch has any.
    """

    source: TopicPartition
    offsets: Sequence[int]
    timestamps: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Sequence[tuple[str, bytes]]] = ()

    def __len__(self) -> int:
        return len(self.offsets)

    def rows(self, rows: Sequence[int]) -> Batch:
        """Return some rows, in order, as a batch."""
        return Batch(
            self.source,
            [self.offsets[row] for row in rows],
            [self.timestamps[row] for row in rows],
            [self.keys[row] for row in rows],
            [self.values[row] for row in rows],
            [self.headers[row] for row in rows] if self.headers else (),
        )

    def since(self, offset: int) -> Batch:
        """Return the records from `offset` on."""
        start = bisect_left(self.offsets, offset)
        return self if start == 0 else self.rows(range(start, len(self)))


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be read as lines. It becomes one dead letter, and its batch is processed without it.

    `row` is its index in the batch. `reason` is a short stable word (a metric label). `detail` is a sentence that names
    the place (field, line, byte) and repeats nothing of the record's content.
    """

    row: int
    offset: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class TimeCounts:
    """How many lines' own times were not simply taken.

    `clamped` were implausible and `unreadable` not a time: both got their record's. `held_back` were so far ahead that
    they did not move stream time.
    """

    clamped: int = 0
    unreadable: int = 0
    held_back: int = 0

    def __add__(self, other: TimeCounts) -> TimeCounts:
        return TimeCounts(
            self.clamped + other.clamped, self.unreadable + other.unreadable, self.held_back + other.held_back
        )


NO_TIME_COUNTS = TimeCounts()


@dataclass(frozen=True, slots=True)
class Parsed:
    """One batch read by a format: a table of `LINES_SCHEMA`, and the records it could not read."""

    lines: pl.DataFrame
    rejects: Sequence[Reject] = ()
    times: TimeCounts = NO_TIME_COUNTS


class ClosedBy(StrEnum):
    """Why a session ended."""

    GAP = "gap"
    AGE = "age"
    LINES = "lines"
    TOKENS = "tokens"
    PIN = "pin"
    IDLE = "idle"
    FLUSH = "flush"


class Phase(StrEnum):
    """In which part of a scope's life a session was judged."""

    WARM_UP = "warm_up"
    LIVE = "live"
    TEACH = "teach"


class LabelVerdict(StrEnum):
    """What a person says of a pattern. To forget what was said is no verdict: the label is removed."""

    NORMAL = "normal"
    ANOMALOUS = "anomalous"


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One distinct masked line of a session: its count, first and last position, and first text, redacted."""

    masked: str
    count: int
    first: int
    last: int
    example: str


@dataclass(frozen=True, slots=True)
class Session:
    """A closed session: lines of one key. `lines` are its distinct masked lines in order of first position.

    `start` and `end` are the earliest and latest event time, but not after stream time at the last line. `size` is the
    number of lines, `tokens` the number of tokens of all lines by the engine's tokenizer, and `positions` holds every
    line's position, sorted.
    """

    scope: str
    key: str
    start: int
    end: int
    size: int
    tokens: int
    closed_by: ClosedBy
    lines: Sequence[SessionLine]
    positions: Positions


@dataclass(frozen=True, slots=True)
class Pattern:
    """The canonical form of a session: its distinct masked lines, sorted, each with its count.

    `id` is the fingerprint: 16 hexadecimal digits of a hash of scope and text, so equal sessions of a scope share it.
    """

    id: str
    scope: str
    lines: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        """The rendering that is embedded: one ``count x line`` a line."""
        return "\n".join(f"{count} x {line}" for line, count in self.lines)


def session_id(pattern: str, source: TopicPartition, first: int) -> str:
    """Return the id of a verdict and its alert. It is deterministic and unique, and begins with the pattern.

    A line is in exactly one session, so source and first position identify a session.
    """
    place = blake2b(f"{source.topic}\0{source.partition}\0{first}".encode(), digest_size=8).hexdigest()
    return f"{pattern}-{place}"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A pattern of the baseline near a judged session.

    `similarity` is the cosine, `weight` its share of the window's traffic (0 to 1), `first_seen` and `last_seen` times.
    """

    pattern: str
    similarity: float
    weight: float
    first_seen: int
    last_seen: int
    label: LabelVerdict | None
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line's part in a score: what is odd about it, how much (in nats), and the share of sessions that have it.

    kind: ``new`` (never seen in the window), ``rare`` (among all sessions or among those like this one), ``missing``
    (sessions like this one have it), ``severe`` (it reads like a failure), ``count`` (an unusual number of repeats).
    """

    line: str
    kind: str
    nats: float
    share: float


class SessionClue(StrEnum):
    """Why a session may matter: what the incidents stage may make an incident of."""

    NEW = "new"
    FAILURE = "failure"
    MIXTURE = "mixture"
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The detector's result for one session.

    `parts` are the raw values of the score's components. `p_value` is None while the scope warms up. `similarity` is
    the cosine to the nearest normal pattern, None while there is none. `nearest` and `evidence` cost time and are
    filled for anomalous sessions only, which are those with `clues`. `seen` is the number of sessions in the scope's
    window.
    """

    score: float
    similarity: float | None
    p_value: float | None
    anomalous: bool
    learned: bool
    phase: Phase
    parts: Mapping[str, float] = field(default_factory=dict)
    seen: int = 0
    label: LabelVerdict | None = None
    nearest: Sequence[Neighbour] = ()
    evidence: Sequence[Evidence] = ()
    clues: Sequence[SessionClue] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A session with its pattern and its judgement. Every session becomes one verdict."""

    id: str
    source: TopicPartition
    session: Session
    pattern: Pattern
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Update:
    """One record of the baseline's topic: a key and its whole new value (None deletes). Applying it is idempotent."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class OutRecord:
    """One message to publish. `role` names the topic by its configuration key: alerts, dead_letters, baseline, ..."""

    role: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None

    def at(self, partition: int) -> OutRecord:
        """Return the same message for a partition of its topic."""
        return replace(self, partition=partition)
