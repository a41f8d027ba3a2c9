"""The rule that cuts sessions: when one ends, and why.

Every predicate takes one session's state as numbers or many sessions' states as arrays, an element a session, and so
serves the fast path (arrays) and the slow path (numbers) alike. All times are microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from daemon.core.positions import INDEX_BITS
from daemon.core.types import ClosedBy

DISTINCT_LINE_TOKENS = 4
"""What a distinct line costs on top of its own tokens: its count, the ``x`` and the line's end in the rendering."""

Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]
Reasons = NDArray[np.object_]
"""Of `ClosedBy`."""
Number = TypeVar("Number", int, Ints)

_BY_CLOCK: Reasons = np.array([ClosedBy.GAP, ClosedBy.AGE, ClosedBy.PIN], dtype=object)
_BY_CONTENT = (ClosedBy.AGE, ClosedBy.LINES, ClosedBy.TOKENS)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When a session ends.

    `max_tokens` bounds the sum of the tokens of all lines and `DISTINCT_LINE_TOKENS` a distinct line; a single line may
    exceed it alone. `max_pinned` bounds, in offsets, how far reading may run ahead of a session's first line. Where a
    record holds many lines, that says little about memory: `most_open_lines` bounds the lines of all open sessions.
    """

    gap_us: int
    max_age_us: int
    max_lines: int
    max_tokens: int
    max_pinned: int

    @property
    def most_open_lines(self) -> int:
        """How many lines open sessions may have together; with one line a record, `max_pinned` alone keeps to that."""
        return self.max_pinned + self.max_pinned // 4 + 1


class SessionState(NamedTuple, Generic[Number]):
    """What the limits depend on, of one session (numbers) or of many (arrays).

    `opened_at` and `touched_at` are the stream time at its first and last line (or the line's own clock, where that is
    ahead), `start` and `end` its least and greatest event time, `first` its first position, `size` its lines, `cost`
    their tokens. `distinct` is at least the number of its distinct masked lines.
    """

    opened_at: Number
    touched_at: Number
    start: Number
    end: Number
    first: Number
    size: Number
    cost: Number
    distinct: Number


@overload
def overdue(state: SessionState[int], stream_time: int, offset: int | None, limits: SessionLimits) -> bool: ...
@overload
def overdue(
    state: SessionState[Ints], stream_time: int | Ints, offset: int | Ints | None, limits: SessionLimits
) -> Marks: ...
def overdue(state: Any, stream_time: Any, offset: Any, limits: SessionLimits) -> Any:
    """Return whether stream time, or reading as far as `offset` (None: no line was read), closes the session."""
    gap, age, pin = _deadlines(state, limits)
    late = (stream_time > gap) | (stream_time > age)
    return late if offset is None else late | (offset > pin)


@overload
def joins(state: SessionState[int], time: int, limits: SessionLimits) -> bool: ...
@overload
def joins(state: SessionState[Ints], time: Ints, limits: SessionLimits) -> Marks: ...
def joins(state: Any, time: Any, limits: SessionLimits) -> Any:
    """Return whether a line with the event time `time` lies within a gap of the session's lines."""
    return (state.start - limits.gap_us <= time) & (time <= state.end + limits.gap_us)


@overload
def fits(state: SessionState[int], limits: SessionLimits) -> bool: ...
@overload
def fits(state: SessionState[Ints], limits: SessionLimits) -> Marks: ...
def fits(state: Any, limits: SessionLimits) -> Any:
    """Return whether a session in this state is within the limits of age, lines and tokens."""
    age, lines, tokens = _within(state, limits)
    return age & lines & tokens


def exceeded(state: SessionState[int], limits: SessionLimits) -> ClosedBy:
    """Return the first limit that a session that does not fit exceeds."""
    return next(why for why, within in zip(_BY_CONTENT, _within(state, limits), strict=True) if not within)


def first_closing(
    state: SessionState[Ints], stream_time: Ints, offset: Ints | None, limits: SessionLimits
) -> tuple[Ints, Reasons]:
    """Return, for each session, the first line at which it is overdue, and why.

    `stream_time` and `offset` (None: no lines) ascend, one a line. A session that no line closes gets the number of
    lines. Where two limits close it at one line, the order is gap, age, pin.
    """
    gap, age, pin = _deadlines(state, limits)
    at_pin = np.full(len(pin), len(stream_time)) if offset is None else np.searchsorted(offset, pin, side="right")
    at_gap, at_age = (np.searchsorted(stream_time, deadline, side="right") for deadline in (gap, age))
    lines = np.stack([at_gap, at_age, at_pin])
    return lines.min(axis=0), _BY_CLOCK[np.argmin(lines, axis=0)]  # the first of equal ones


def _deadlines(state: Any, limits: SessionLimits) -> tuple[Any, Any, Any]:
    """Return the last stream time that gap and age allow, and the last offset that the pin allows."""
    pin = (state.first >> INDEX_BITS) + limits.max_pinned
    return state.touched_at + limits.gap_us, state.opened_at + limits.max_age_us, pin


def _within(state: Any, limits: SessionLimits) -> tuple[Any, Any, Any]:
    """Return whether age, lines and tokens are within their limits, in the order of `_BY_CONTENT`."""
    tokens = state.cost + DISTINCT_LINE_TOKENS * state.distinct
    return (
        state.end - state.start <= limits.max_age_us,
        state.size <= limits.max_lines,
        tokens <= limits.max_tokens,
    )
