"""The chain of one partition: exact, and the same however its records arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.stream import Checkpoint, Stream
from daemon.core.types import ClosedBy, Verdict
from tests.support.streams import SOURCE, batch, record, tools, traffic, vectors_of

COUNT = 60
RECORDS = traffic(COUNT)
CUTS = st.sets(st.integers(1, COUNT - 1), max_size=8).map(sorted)


def judged(stream: Stream) -> list[Verdict]:
    """Supply every missing vector and judge everything."""
    stream.supply(vectors_of(stream.missing()))
    return list(stream.judge())


def pushed(stream: Stream, cuts: list[int]) -> Iterator[None]:
    """Push all records in batches that begin at `cuts`; yield after each."""
    for first, end in zip([0, *cuts], [*cuts, COUNT], strict=True):
        stream.push(batch(RECORDS[first:end], first))
        yield


def whole() -> list[Verdict]:
    stream = Stream(SOURCE, tools())
    stream.push(batch(RECORDS))
    stream.flush(ClosedBy.FLUSH)
    return judged(stream)


def essence(verdicts: list[Verdict]) -> list[tuple[str, list[int], float]]:
    return [(v.id, v.session.positions.tolist(), v.judgement.score) for v in verdicts]


@settings(deadline=None, max_examples=30)
@given(CUTS)
def test_batches_do_not_matter(cuts: list[int]) -> None:
    """The same records give the same verdicts in the same order, however they are cut into batches."""
    stream = Stream(SOURCE, tools())
    verdicts = [verdict for _ in pushed(stream, cuts) for verdict in judged(stream)]
    stream.flush(ClosedBy.FLUSH)

    assert essence(whole()) == essence(verdicts + judged(stream))


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False))
def test_sessions_are_judged_in_the_order_they_close(rng: object) -> None:
    """Vectors may arrive in any order: a session waits for its own and for those of all before it."""
    stream = Stream(SOURCE, tools())
    stream.push(batch(RECORDS))
    stream.flush(ClosedBy.FLUSH)
    patterns = stream.missing()
    rng.shuffle(patterns)  # type: ignore[attr-defined]  # hypothesis has no public name for its Random
    verdicts = list[Verdict]()
    for pattern in patterns:
        stream.supply(vectors_of([pattern]))
        verdicts += stream.judge(limit=2)

    assert essence(whole()) == essence(verdicts + judged(stream))
    assert (0, 0) == (stream.waiting, stream.unsettled)


@settings(deadline=None, max_examples=40)
@given(CUTS, st.integers(0, 8), st.integers(0, 30))
def test_a_checkpoint_accounts_for_every_line_once(cuts: list[int], batches: int, limit: int) -> None:
    """Stopped after any batch and any verdict, and continued elsewhere, each line is in exactly one verdict."""
    stream = Stream(SOURCE, tools())
    before = list[Verdict]()
    for number, _ in enumerate(pushed(stream, cuts)):
        stream.supply(vectors_of(stream.missing()))
        before += stream.judge(limit)
        if number == batches:
            break
    checkpoint = Checkpoint.decode(stream.checkpoint("config").encode())

    again = Stream(SOURCE, tools(), checkpoint)
    again.push(batch(RECORDS[checkpoint.low :], checkpoint.low))
    again.flush(ClosedBy.FLUSH)
    positions = [p for verdict in before + judged(again) for p in verdict.session.positions.tolist()]

    assert [offset << 20 for offset in range(COUNT)] == sorted(positions)
    assert 0 == again.lost


@settings(deadline=None, max_examples=30)
@given(st.sets(st.integers(1, COUNT // 6 - 1), max_size=5).map(sorted), st.integers(0, 5), st.integers(1, 20))
def test_lines_of_crowded_records_are_accounted_for_once(cuts: list[int], batches: int, pinned: int) -> None:
    """Stopped after any batch while the oldest sessions give way, each line of packed records is in one verdict."""
    packed = [b"[" + b",".join(RECORDS[first : first + 6]) + b"]" for first in range(0, COUNT, 6)]
    crowded = tools()
    crowded = replace(crowded, limits=replace(crowded.limits, max_pinned=pinned))
    stream = Stream(SOURCE, crowded)
    before = list[Verdict]()
    for first, end in list(zip([0, *cuts], [*cuts, len(packed)], strict=True))[: batches + 1]:
        stream.push(batch(packed[first:end], first))
        before += judged(stream)
        assert stream.unsettled <= crowded.limits.most_open_lines
    checkpoint = Checkpoint.decode(stream.checkpoint("config").encode())

    again = Stream(SOURCE, replace(tools(), limits=crowded.limits), checkpoint)
    again.push(batch(packed[checkpoint.low :], checkpoint.low))
    again.flush(ClosedBy.FLUSH)
    positions = [p for verdict in before + judged(again) for p in verdict.session.positions.tolist()]

    assert [(offset << 20) + index for offset in range(len(packed)) for index in range(1, 7)] == sorted(positions)


def test_a_checkpoint_in_the_middle_of_a_replay_keeps_what_has_not_returned() -> None:
    """Interrupted while it reads again, a partition keeps the same end and the lines that are still to come."""
    stream = Stream(SOURCE, tools())
    stream.push(batch([record(second, "key", "step") for second in range(10)]))
    first = stream.checkpoint()

    again = Stream(SOURCE, tools(), first)
    again.push(batch([record(second, "key", "step") for second in range(4)]))
    second = again.checkpoint()

    assert first.unsettled.tolist() == second.unsettled.tolist()
    assert (10, first.watermark) == (second.next, second.watermark)


def test_deleted_lines_are_counted_and_no_longer_awaited() -> None:
    """Unsettled records that retention deleted are lost; the stream continues after them."""
    stream = Stream(SOURCE, tools())
    stream.push(batch([record(second, "key", "step") for second in range(10)]))

    again = Stream(SOURCE, tools(), stream.checkpoint())
    again.skip(7)
    again.push(batch([record(second, "key", "step") for second in range(7, 10)], 7))

    assert (7, 10, 3) == (again.lost, again.next, again.unsettled)
    assert np.array_equal(np.array([7, 8, 9]) << 20, again.checkpoint().unsettled)


def test_a_pattern_is_asked_for_once() -> None:
    """Sessions of one pattern share its vector, whether they close together or after it is known."""
    stream = Stream(SOURCE, tools())
    stream.push(batch([record(second, f"key-{second}", "step") for second in range(3)]))
    stream.flush(ClosedBy.FLUSH)
    patterns = stream.missing()
    stream.supply(vectors_of(patterns))
    verdicts = list(stream.judge())
    stream.push(batch([record(100, "key", "step")], 3))
    stream.flush(ClosedBy.FLUSH)

    assert (1, 3) == (len(patterns), len(verdicts))
    assert [] == stream.missing()
    assert 3 == stream.known


def test_the_injected_clock_sees_every_stage() -> None:
    """Whoever measures gets the stages by name, in the order in which a line goes through them."""
    stages = list[str]()

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        stages.append(stage)
        yield

    stream = Stream(SOURCE, replace(tools(), timed=timed))
    stream.push(batch(RECORDS))
    judged(stream)

    assert ["format", "mask", "sessionize", "observe", "render", "cache", "judge"] == list(dict.fromkeys(stages))
