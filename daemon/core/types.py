"""The words of the product as types; data moves one way through them.

    Batch (as fetched) -> lines (a polars table) -> Session -> Pattern -> embedding -> Judgement -> Verdict -> Alert

Time, everywhere in the core, is an int of microseconds since the epoch, UTC. Nothing in the core reads a clock.
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
}
"""A table of lines in reading order: what a format fills. Masking rewrites `text` (redacted) and adds `masked`."""


class TopicPartition(NamedTuple):
    """One partition of one topic; a backtest's files are partition 0 of a topic named after them."""

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
    """A record that cannot be read as lines: it becomes one dead letter, and its batch goes on without it.

    `row` is its place in the batch, `reason` a short stable word (a metric label), `detail` a sentence that names the
    place (field, line, byte) and holds nothing of the record's content.
    """

    row: int
    offset: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a format made of one batch: a table of `LINES_SCHEMA` and the records it could not read.

    `clamped` counts the lines whose own time was absurd and gave way to their record's.
    """

    lines: pl.DataFrame
    rejects: Sequence[Reject] = ()
    clamped: int = 0


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


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One distinct masked line of a session: how often, where first and last, and its first text, redacted."""

    masked: str
    count: int
    first: int
    last: int
    example: str


@dataclass(frozen=True, slots=True)
class Session:
    """Lines of one key, closed. `lines` are its distinct masked lines in order of first position.

    `start` and `end` are the least and greatest event time, `size` the number of lines, `tokens` the cost of all lines
    by the engine's tokenizer, `positions` every line's position, sorted.
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
    """Return the id of a verdict and its alert: deterministic, unique, and it names its pattern.

    A line is in exactly one session, so the source and the first position identify a session for ever.
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
    label: str | None
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line's part in a score: what is odd about it, how much (nats), and in what share of sessions it stands.

    kind: ``new`` (never seen in the window), ``rare`` (among all or among sessions like this one), ``missing``
    (sessions like this one have it), ``severe`` (it reads like a failure), ``count`` (an unusual number of repeats).
    """

    line: str
    kind: str
    nats: float
    share: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the detector says of one session.

    `parts` are the raw values of the score's components, `p_value` is None while the scope warms up, `similarity` the
    cosine to the nearest normal pattern, None when there is none yet. `nearest` and `evidence` are filled for anomalous
    sessions only: nobody else pays for them. `seen` is the number of sessions in the scope's window.
    """

    score: float
    similarity: float | None
    p_value: float | None
    anomalous: bool
    learned: bool
    phase: Phase
    parts: Mapping[str, float] = field(default_factory=dict)
    seen: int = 0
    label: str | None = None
    nearest: Sequence[Neighbour] = ()
    evidence: Sequence[Evidence] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A session with its pattern and what was judged of it: what is published of every session."""

    id: str
    source: TopicPartition
    session: Session
    pattern: Pattern
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Update:
    """One record of the baseline's topic: a key and its whole new value (None deletes). Applying it twice is fine."""

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
