"""Driving a stream with one engine."""

from __future__ import annotations

from daemon.core.stream import Stream, drive
from daemon.core.types import ClosedBy
from tests.support.fakes import FakeEngine
from tests.support.streams import SOURCE, batch, record, tools


async def test_every_closed_session_is_judged_and_each_pattern_embedded_once() -> None:
    """Patterns go to the engine a few at a time; verdicts come in the order in which sessions closed."""
    engine = FakeEngine()
    await engine.start()
    stream = Stream(SOURCE, tools())
    stream.push(batch([record(number, f"key-{number}", f"step {'abcde'[number % 5]}") for number in range(12)]))
    stream.flush(ClosedBy.FLUSH)

    verdicts = [verdict async for verdict in drive(stream, engine.embed, at_once=2)]

    assert [f"key-{number}" for number in range(12)] == [verdict.session.key for verdict in verdicts]
    assert [2, 2, 1] == engine.calls
    assert 0 == stream.waiting


async def test_nothing_closed_needs_no_engine() -> None:
    """Open sessions are neither embedded nor judged."""
    engine = FakeEngine()
    stream = Stream(SOURCE, tools())
    stream.push(batch([record(0, "key", "step")]))

    assert [] == [verdict async for verdict in drive(stream, engine.embed)]
    assert [] == engine.calls
