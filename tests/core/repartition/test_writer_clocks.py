"""Stream time of a partition that several write to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.repartition import WriterClocks
from daemon.core.repartition.block import BlockHead
from daemon.core.types import TopicPartition

SECOND = 1_000_000
START = 1_780_000_000_000
"""When the first block was written, in milliseconds."""
BOTH = ("logs/0", "logs/1")


def head(number: int, clock: int | None, idle: float | None = None, first: int | None = None) -> BlockHead:
    return BlockHead(TopicPartition("logs", number), clock, idle, 0 if first is None else 1, first)


def test_time_is_that_of_the_slowest_writer() -> None:
    """A writer that is ahead moves nothing until the other one follows."""
    clocks = WriterClocks(BOTH)
    clocks.hear(0, head(0, 10 * SECOND, first=SECOND), START + 1_000)
    assert SECOND == clocks.time
    clocks.hear(1, head(1, 4 * SECOND), START + 1_100)
    assert 4 * SECOND == clocks.time
    clocks.hear(2, head(1, 60 * SECOND), START + 1_200)
    assert 10 * SECOND == clocks.time


def test_an_idle_writer_is_not_waited_for() -> None:
    """Until what it said is old, or it writes again."""
    clocks = WriterClocks(BOTH)
    clocks.hear(0, head(1, None, idle=5.0), START + 1_000)
    clocks.hear(1, head(0, 10 * SECOND, first=SECOND), START + 1_000)
    assert 10 * SECOND == clocks.time
    clocks.hear(2, head(0, 20 * SECOND), START + 20_000)
    assert 20 * SECOND == clocks.time
    clocks.hear(3, head(0, 30 * SECOND), START + 40_000)
    assert 20 * SECOND == clocks.time


def test_a_silent_writer_is_not_waited_for_after_a_minute() -> None:
    """By the records' time; it may have nobody who works on it."""
    clocks = WriterClocks(BOTH)
    clocks.hear(0, head(0, 10 * SECOND, first=SECOND), START + 1_000)
    for number in range(1, 7):
        clocks.hear(number, head(0, (10 + number) * SECOND), START + 10_000 * number)
        assert SECOND == clocks.time
    clocks.hear(7, head(0, 90 * SECOND), START + 71_000)
    assert 90 * SECOND == clocks.time


def test_what_was_said_before_nobody_was_at_work_does_not_count() -> None:
    """After an outage the first writer that is back does not run ahead of the others."""
    clocks = WriterClocks(BOTH)
    clocks.hear(0, head(1, SECOND, idle=5.0, first=SECOND), START + 1_000)
    clocks.hear(1, head(0, 2 * SECOND), START + 1_000)
    clocks.hear(2, head(0, 3_600 * SECOND), START + 3_600_000)
    assert 2 * SECOND == clocks.time


def test_nobody_is_waited_for_under_pressure() -> None:
    """Too many lines wait for their sessions to end."""
    clocks = WriterClocks(BOTH)
    clocks.hear(0, head(0, 10 * SECOND, first=SECOND), START + 1_000, pressed=True)
    assert 10 * SECOND == clocks.time


def test_all_idle_is_quiet_and_time_passes_by_what_they_say() -> None:
    """Nobody has more lines: sessions may end, and now is later than the last line."""
    clocks = WriterClocks(BOTH)
    clocks.hear(0, head(0, 10 * SECOND, first=SECOND), START + 1_000)
    assert not clocks.quiet()
    clocks.hear(1, head(0, 10 * SECOND, idle=30.0), START + 1_000)
    assert not clocks.quiet()
    clocks.hear(2, head(1, None, idle=30.0), START + 1_000)
    assert clocks.quiet()
    assert 40 * SECOND == clocks.now


BLOCKS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.none() | st.integers(0, 100).map(lambda second: second * SECOND),
        st.none() | st.floats(0, 100),
        st.integers(0, 30_000),
        st.booleans(),
    ),
    max_size=30,
)


@given(blocks=BLOCKS, low=st.integers(0, 30))
def test_a_partition_that_is_read_again_has_the_same_time_at_every_block(
    blocks: list[tuple[int, int | None, float | None, int, bool]], low: int
) -> None:
    """From what was kept as of any offset, the blocks from there on give the same moments as before."""
    clocks, moments, stamp = WriterClocks(BOTH), [], START
    written = []
    for offset, (writer, clock, idle, after, pressed) in enumerate(blocks):
        stamp += after
        written.append((offset, head(writer, clock, idle, clock), stamp, pressed))
    for offset, block, at, pressed in written:
        moments.append((clocks.hear(offset, block, at, pressed=pressed), clocks.time))
    clocks.fold(low)

    again = WriterClocks(kept=clocks.dump())
    repeated = [(again.hear(o, b, at, pressed=p), again.time) for o, b, at, p in written if o >= low]

    assert moments[low:] == repeated
