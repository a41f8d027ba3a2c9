"""When to commit, and when a partition is idle."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.stream import CommitClock, IdleClock, Pace

PACE = Pace(commit_interval=0.5, checkpoint_interval=5.0, checkpoint_lines=100)
EVENTS = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 60), st.integers(0, 3)) | st.just("committed"), max_size=25)


def test_nothing_is_due_while_nothing_has_changed() -> None:
    """A partition without progress is never committed, before its first transaction and after any."""
    clock = CommitClock(PACE)
    assert clock.due() is None

    clock.progress(7.0, 3, 1)
    clock.committed()

    assert clock.due() is None


def test_outputs_are_committed_soon_and_progress_seldom() -> None:
    """Mere progress waits for the checkpoint's interval, an output only for the commit's, counted from the first."""
    clock = CommitClock(PACE)

    clock.progress(10.0, 3, 0)
    progress = clock.due()
    clock.progress(11.0, 3, 2)
    clock.progress(12.0, 3, 5)

    assert (15.0, 11.5) == (progress, clock.due())


def test_many_lines_are_committed_at_once() -> None:
    """Enough lines make a commit due, so that a restart never has too much to read again."""
    clock = CommitClock(PACE)

    clock.progress(10.0, 60, 0)
    clock.progress(10.1, 40, 0)

    assert clock.due() == 10.0


@given(EVENTS)
def test_the_commit_clock_agrees_with_the_whole_story(events: list[tuple[float, int, int] | str]) -> None:
    """What is due follows from all that came since the last transaction."""
    clock, story, now = CommitClock(PACE), list[tuple[float, int, int]](), 0.0
    for event in events:
        if isinstance(event, str):
            clock.committed()
            story.clear()
        else:
            passed, lines, outputs = event
            now += passed
            clock.progress(now, lines, outputs)
            story.append((now, lines, outputs))
        first = min((at for at, _, _ in story), default=math.inf)
        output = min((at for at, _, outputs in story if outputs), default=math.inf)
        due = min(first + PACE.checkpoint_interval, output + PACE.commit_interval)
        if sum(lines for _, lines, _ in story) >= PACE.checkpoint_lines:
            due = first
        assert (None if due == math.inf else due) == clock.due()


def test_idle_time_counts_from_the_last_restart() -> None:
    """New data, or a check, puts the next check off."""
    clock = IdleClock(5.0, now=100.0)
    before = clock.due()

    clock.restart(103.0)

    assert (105.0, 108.0) == (before, clock.due())
