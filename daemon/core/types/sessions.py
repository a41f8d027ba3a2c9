"""Closed sessions, and the patterns that sessions of the same lines share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple, Protocol

from daemon.core.positions import Positions
from daemon.core.types.records import TopicPartition


class ClosedBy(StrEnum):
    """Why a session ended."""

    GAP = "gap"
    AGE = "age"
    LINES = "lines"
    TOKENS = "tokens"
    PIN = "pin"
    IDLE = "idle"
    FLUSH = "flush"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One distinct masked line of a session: its count, first and last position, and first text, redacted."""

    masked: str
    count: int
    first: int
    last: int
    example: str


class Session(NamedTuple):
    """A closed session: lines of one key. `lines` are its distinct masked lines in order of first position.

    `start` and `end` are the earliest and latest event time, but not after stream time at the last line. `size` is the
    number of lines, `tokens` the number of tokens of all lines by the engine's tokenizer, and `positions` holds every
    line's position, sorted. A line that was joined from several is one line and has several positions.
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


class Embeddable(Protocol):
    """A text to embed, and the id by which its vector comes back."""

    @property
    def id(self) -> str:
        """Names the text: equal ids have equal vectors."""
        ...

    @property
    def text(self) -> str:
        """What is embedded."""
        ...


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


@dataclass(frozen=True, slots=True)
class RefusedText:
    """Why a pattern has no vector: the engine refuses its text. `detail` repeats nothing of the text."""

    detail: str


def session_id(pattern: str, source: TopicPartition, first: int) -> str:
    """Return the id of a verdict and its alert. It is deterministic and unique, and begins with the pattern.

    A line is in exactly one session, so source and first position identify a session.
    """
    place = blake2b(f"{source.topic}\0{source.partition}\0{first}".encode(), digest_size=8).hexdigest()
    return f"{pattern}-{place}"
