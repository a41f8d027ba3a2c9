"""Sessions against a per-line version that does what the module's docstring says, one line at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.core.masked_lines import MaskedLines
from daemon.core.positions import position_of
from daemon.core.sessions import DISTINCT_LINE_TOKENS, Sessionizer, SessionLimits, SessionLines
from daemon.core.types import LINES_SCHEMA, ClosedBy, Session, SessionLine

ROOMY = SessionLimits(gap_us=30, max_age_us=300, max_lines=1000, max_tokens=10_000, max_pinned=10_000)

Line = tuple[int, int, str, str, str]
"""Position, time, scope, key, masked."""


def count_tokens(lines: Sequence[str]) -> NDArray[np.int32]:
    return np.array([len(line) for line in lines], dtype=np.int32)


def table(lines: Sequence[Line]) -> MaskedLines:
    rows = [(*line[:4], f"text {line[0]} {line[4]}", line[1], line[4]) for line in lines]
    return MaskedLines.of(pl.DataFrame(rows, schema={**LINES_SCHEMA, "masked": pl.String()}, orient="row"))


@dataclass
class NaiveSession:
    scope: str
    key: str
    met_first: int
    met_last: int
    lines: list[Line] = field(default_factory=list)

    @property
    def times(self) -> list[int]:
        return [line[1] for line in self.lines]

    def tokens(self) -> int:
        masked = [line[4] for line in self.lines]
        return sum(len(text) for text in masked) + DISTINCT_LINE_TOKENS * len(set(masked))

    def finished(self, reason: ClosedBy) -> Session:
        by_masked: dict[str, list[Line]] = {}
        for line in self.lines:
            by_masked.setdefault(line[4], []).append(line)
        return Session(
            scope=self.scope,
            key=self.key,
            start=min(self.times),
            end=max(self.times),
            size=len(self.lines),
            tokens=self.tokens(),
            closed_by=reason,
            lines=[
                SessionLine(masked, len(lines), lines[0][0], lines[-1][0], f"text {lines[0][0]} {masked}")
                for masked, lines in by_masked.items()
            ],
            positions=np.array([line[0] for line in self.lines], dtype=np.int64),
        )


def naive(lines: Sequence[Line], limits: SessionLimits) -> list[Session]:
    opened: dict[tuple[str, str], NaiveSession] = {}
    closed: list[Session] = []
    now: int | None = None
    for line in lines:
        position, time, scope, key, _ = line
        now = time if now is None else max(now, time)
        ends = [(session, overdue(session, now, position, limits)) for session in opened.values()]
        closing = [(session, reason) for session, reason in ends if reason is not None]
        own = opened.get((scope, key))
        if own is not None and own not in [session for session, _ in closing]:
            reason = full(own, line, limits)
            closing += [(own, reason)] if reason is not None else []
        for session, reason in sorted(closing, key=lambda item: item[0].lines[0][0]):
            del opened[session.scope, session.key]
            closed.append(session.finished(reason))
        opened.setdefault((scope, key), NaiveSession(scope, key, now, now)).lines.append(line)
        opened[scope, key].met_last = now
    rest = sorted(opened.values(), key=lambda session: session.lines[0][0])
    return closed + [session.finished(ClosedBy.FLUSH) for session in rest]


def overdue(session: NaiveSession, now: int, position: int, limits: SessionLimits) -> ClosedBy | None:
    """Say why any line at all closes a session."""
    if now - session.met_last > limits.gap_us:
        return ClosedBy.GAP
    if now - session.met_first > limits.max_age_us:
        return ClosedBy.AGE
    return ClosedBy.PIN if (position >> 20) - (session.lines[0][0] >> 20) > limits.max_pinned else None


def full(own: NaiveSession, line: Line, limits: SessionLimits) -> ClosedBy | None:
    """Say why a line of its key closes a session."""
    time, masked = line[1], line[4]
    cost = len(masked) + (DISTINCT_LINE_TOKENS if masked not in {line[4] for line in own.lines} else 0)
    start, end = min(own.times), max(own.times)
    if time - end > limits.gap_us or start - time > limits.gap_us:
        return ClosedBy.GAP
    if max(end, time) - min(start, time) > limits.max_age_us:
        return ClosedBy.AGE
    if len(own.lines) >= limits.max_lines:
        return ClosedBy.LINES
    return ClosedBy.TOKENS if own.tokens() + cost > limits.max_tokens else None


def plain(sessions: Sequence[Session]) -> list[tuple[object, ...]]:
    """Sessions as values that compare."""
    return [
        (s.scope, s.key, s.start, s.end, s.size, s.tokens, s.closed_by, list(s.lines), s.positions.tolist())
        for s in sessions
    ]


def run(lines: Sequence[Line], limits: SessionLimits, splits: Sequence[int] = ()) -> list[Session]:
    cutter = Sessionizer(limits, count_tokens)
    bounds = [0, *sorted(splits), len(lines)]
    closed = [s for a, b in pairwise(bounds) for s in cutter.push(table(lines[a:b]))]
    return closed + cutter.flush(ClosedBy.FLUSH)


@st.composite
def streams(draw: st.DrawFn) -> list[Line]:
    """Lines of a few keys, mostly in order, some late or early by anything, some records with many lines."""
    lines: list[Line] = []
    clock, offset = 1_000, 0
    for _ in range(draw(st.integers(1, 60))):
        offset += draw(st.integers(1, 3))
        clock += draw(st.sampled_from([0, 1, 5, 10, 25, 40, 120]))
        many = draw(st.sampled_from([0, 0, 0, 1, 2, 4]))
        key = draw(st.sampled_from("abc"))
        jitter = draw(st.sampled_from([0, 0, 0, 0, -5, -20, -45, -400, 30, 400]))
        for index in range(1, many + 1) if many else [0]:
            masked = draw(st.sampled_from(["x", "yy", "zzz", "w" * 12]))
            lines.append((position_of(offset, index), clock + jitter, "st"[offset % 7 == 0], key, masked))
    return lines


limits = st.builds(
    SessionLimits,
    gap_us=st.sampled_from([10, 30, 60]),
    max_age_us=st.sampled_from([5, 50, 120, 1000]),
    max_lines=st.sampled_from([1, 2, 5, 100]),
    max_tokens=st.sampled_from([5, 20, 60, 10_000]),
    max_pinned=st.sampled_from([0, 3, 10, 1000]),
)


@settings(max_examples=200, deadline=None)
@given(streams(), limits, st.lists(st.integers(0, 200), max_size=6))
def test_cuts_as_the_naive_version(lines: list[Line], limits: SessionLimits, splits: list[int]) -> None:
    """Sessions are those of the per-line version, in its order, however the lines are split into batches."""
    splits = [min(split, len(lines)) for split in splits]

    assert plain(naive(lines, limits)) == plain(run(lines, limits, splits))


@pytest.fixture
def _merging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge and shrink the piles all the time, and forget lines at once."""
    monkeypatch.setattr("daemon.core.sessions.open_sessions.MERGED_FROM", 1)
    monkeypatch.setattr("daemon.core.sessions.open_sessions.SPARE_ROWS", 1)
    monkeypatch.setattr("daemon.core.sessions.line_ids.CACHED_LINES", 1)


@pytest.mark.usefixtures("_merging")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams(), limits, st.lists(st.integers(0, 200), max_size=20))
def test_merging_what_is_held_changes_nothing(lines: list[Line], limits: SessionLimits, splits: list[int]) -> None:
    """Sessions are the same however often their rows are merged and lines forgotten in between."""
    splits = [min(split, len(lines)) for split in splits]

    assert plain(naive(lines, limits)) == plain(run(lines, limits, splits))


@settings(max_examples=100, deadline=None)
@given(streams(), limits, st.lists(st.integers(0, 200), max_size=6))
def test_each_session_begins_once(lines: list[Line], limits: SessionLimits, splits: list[int]) -> None:
    """Of each batch the sessions that begin in it are reported, in the order of their first lines."""
    cutter = Sessionizer(limits, count_tokens)
    begun, sessions = [], []
    for first, end in pairwise([0, *sorted(min(split, len(lines)) for split in splits), len(lines)]):
        sessions += cutter.push(table(lines[first:end]))
        begun += [(position, *key) for position, _, *key, _ in (lines[first + row] for row in cutter.begun.tolist())]
    sessions += cutter.flush(ClosedBy.FLUSH)

    assert sorted((int(session.positions[0]), session.scope, session.key) for session in sessions) == begun


@settings(max_examples=50, deadline=None)
@given(streams(), limits)
def test_equal_signatures_are_equal_lines(lines: list[Line], limits: SessionLimits) -> None:
    """Two sessions have one signature exactly when they have the same lines as often."""
    held = [session.lines for session in run(lines, limits, range(len(lines)))]

    for one in held:
        for other in held:
            assert isinstance(one, SessionLines)
            assert isinstance(other, SessionLines)
            assert (one.signature == other.signature) == (one.counts() == other.counts())


@settings(max_examples=100, deadline=None)
@given(streams(), limits, st.integers(0, 60))
def test_every_line_is_open_or_closed(lines: list[Line], limits: SessionLimits, until: int) -> None:
    """At any time each line pushed is either open or in exactly one closed session."""
    cutter = Sessionizer(limits, count_tokens)
    closed = cutter.push(table(lines[:until]))

    counted = Counter(position for session in closed for position in session.positions.tolist())
    counted.update(cutter.open_positions().tolist())

    assert Counter(line[0] for line in lines[:until]) == counted
    assert len(cutter.open_positions()) == cutter.open_lines
    assert cutter.open_positions().tolist() == sorted(cutter.open_positions().tolist())


def test_gap_is_closed_by_another_key() -> None:
    """A quiet session closes at the first line of any key that is more than the gap later."""
    cutter = Sessionizer(ROOMY, count_tokens)
    cutter.push(table([(position_of(0), 100, "s", "a", "x")]))

    assert [] == cutter.push(table([(position_of(1), 130, "s", "b", "x")]))
    assert [("a", ClosedBy.GAP)] == [
        (session.key, session.closed_by) for session in cutter.push(table([(position_of(2), 131, "s", "c", "x")]))
    ]
    assert 2 == cutter.open_sessions


def test_a_late_host_keeps_its_sessions() -> None:
    """Lines of a host whose clock is far behind the others' still form one session."""
    lines: list[Line] = []
    for at in range(10):
        lines.append((position_of(2 * at), 10_000 + at, "s", "punctual", "x"))
        lines.append((position_of(2 * at + 1), 1_000 + at, "s", "late", "x"))

    assert [("punctual", 10), ("late", 10)] == [(session.key, session.size) for session in run(lines, ROOMY)]


def test_advance_closes_what_is_due() -> None:
    """Moving stream time on closes overdue sessions without a line, and it never goes back."""
    cutter = Sessionizer(ROOMY, count_tokens)
    cutter.push(table([(position_of(0), 100, "s", "a", "x"), (position_of(1), 120, "s", "b", "x")]))

    assert [] == cutter.advance(50)
    assert 120 == cutter.watermark
    assert ["a"] == [session.key for session in cutter.advance(131)]
    assert 131 == cutter.watermark
    assert ["b"] == [session.key for session in cutter.advance(10**9)]


def test_nothing_pushed() -> None:
    """A new sessionizer, or an empty table, has and closes nothing."""
    cutter = Sessionizer(ROOMY, count_tokens)

    assert [] == cutter.push(table([]))
    assert None is cutter.watermark
    assert 0 == cutter.open_sessions
    assert [] == cutter.flush(ClosedBy.FLUSH)
    assert 0 == len(cutter.open_positions())


def test_a_line_over_the_token_limit_stands_alone() -> None:
    """A line that alone costs more than a session may is a session of its own."""
    tight = SessionLimits(30, 300, 1000, 20, 10_000)
    lines: list[Line] = [(position_of(at), 100, "s", "a", text) for at, text in enumerate(["x", "w" * 50, "x"])]

    assert [(1, 5, ClosedBy.TOKENS), (1, 54, ClosedBy.TOKENS), (1, 5, ClosedBy.FLUSH)] == [
        (session.size, session.tokens, session.closed_by) for session in run(lines, tight)
    ]


def test_a_million_lines_of_one_key() -> None:
    """A key that never rests is cut at the line limit, and no session is larger."""
    many = 1_000_000
    lines = pl.DataFrame(
        {
            "position": [position_of(at) for at in range(many)],
            "time": [0] * many,
            "scope": ["s"] * many,
            "key": ["k"] * many,
            "text": ["t"] * many,
            "clock": [0] * many,
            "masked": ["m"] * many,
        }
    )
    cutter = Sessionizer(SessionLimits(30, 300, 10_000, 10**9, 10**9), count_tokens)
    batches = (MaskedLines.of(lines[at : at + 9_999]) for at in range(0, many, 9_999))
    closed = [session for batch in batches for session in cutter.push(batch)]

    assert [(10_000, ClosedBy.LINES)] * 99 == [(session.size, session.closed_by) for session in closed]
    assert 10_000 == cutter.open_lines


def test_interning_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ever-new lines are forgotten again, and are counted when they come back; a line seen lately is not."""
    monkeypatch.setattr("daemon.core.sessions.line_ids.CACHED_LINES", 100)
    asked: list[str] = []

    def counting(lines: Sequence[str]) -> NDArray[np.int32]:
        asked.extend(lines)
        return count_tokens(lines)

    cutter = Sessionizer(SessionLimits(30, 300, 10, 10**6, 10**6), counting)
    for at in range(50):
        lines: list[Line] = [(position_of(at * 20 + n), at * 40, "s", f"k{at}", f"new {at} {n}") for n in range(19)]
        cutter.push(table([*lines, (position_of(at * 20 + 19), at * 40, "s", "k", "old")]))

    assert 1 == asked.count("old")
    early = [f"new {at} {n}" for at in range(30) for n in range(19)]
    cutter.push(table([(position_of(1_000 + n), 2_000, "s", "k", line) for n, line in enumerate(early)]))
    assert {2} == set(map(asked.count, early))


def test_the_oldest_sessions_give_way_to_many_lines_of_few_records() -> None:
    """Where records hold many lines, as many of the oldest sessions close as bring the lines below the bound."""
    limits = replace(ROOMY, max_pinned=8)
    sessionizer = Sessionizer(limits, count_tokens)
    lines = [((7 << 20) + number, 100, "s", f"k{number // 3}", "step") for number in range(1, 16)]
    assert [] == sessionizer.push(table(lines))

    closed = sessionizer.relieve()

    assert [("k0", ClosedBy.PIN), ("k1", ClosedBy.PIN)] == [(session.key, session.closed_by) for session in closed]
    assert (limits.most_open_lines - 1, []) == (sessionizer.open_lines, sessionizer.relieve())
