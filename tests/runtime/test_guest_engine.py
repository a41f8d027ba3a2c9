"""The engine is offered to others, and the stream goes first."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from daemon.adapters.engines import EngineSettings, make_engine
from daemon.core.types import Pattern
from daemon.errors import UnavailableError
from daemon.metrics import Metrics
from daemon.ports import TokenEngine
from daemon.runtime import Embedder, guest_of
from daemon.runtime.guest_engine import AT_ONCE, GuestEngine
from tests.support.fakes import FakeEngine

TEXTS = [f"text {number}" for number in range(3 * AT_ONCE)]


def pattern(number: int) -> Pattern:
    return Pattern(f"{number:016x}", "shop", ((f"line {number}", 1),))


@pytest.fixture
async def engine() -> FakeEngine:
    made = FakeEngine()
    await made.start()
    return made


async def test_a_guest_gets_the_engine_s_vectors(engine: FakeEngine) -> None:
    """In the order of its texts, whatever pieces they are embedded in; no texts give no rows."""
    metrics = Metrics(CollectorRegistry())
    guest = guest_of(engine, Embedder(engine, metrics).idle, metrics)

    np.testing.assert_array_equal(np.stack([engine.vector(text) for text in TEXTS]), await guest.embed(TEXTS))
    assert [AT_ONCE] * 3 == engine.calls
    assert (0, engine.dimensions) == (await guest.embed([])).shape
    assert len(TEXTS) == metrics.registry.get_sample_value("strayline_guest_texts_total")


async def test_the_stream_waits_for_one_piece_at_most_and_guests_wait_for_the_stream(engine: FakeEngine) -> None:
    """A pattern that comes during a guest's request is embedded before the guest's next piece."""
    metrics = Metrics(CollectorRegistry())
    embedder = Embedder(engine, metrics)
    guest = guest_of(engine, embedder.idle, metrics)
    engine.delay_s = 0.02
    guests = [asyncio.create_task(guest.embed(TEXTS)) for _ in range(4)]
    await asyncio.sleep(0.01)  # the first piece is in the engine
    await embedder.embed([pattern(number) for number in range(5)])

    assert [AT_ONCE, 5] == engine.calls[:2]
    await asyncio.gather(*guests)
    assert [5] == [size for size in engine.calls if size != AT_ONCE]
    assert 12 == engine.calls.count(AT_ONCE)


async def test_a_guest_is_refused_when_the_stream_leaves_no_room(engine: FakeEngine) -> None:
    """After its patience, so that it may try again; later it is served."""
    metrics = Metrics(CollectorRegistry())
    embedder = Embedder(engine, metrics)
    guest = GuestEngine(engine, embedder.idle, metrics, patience=0.05)
    engine.gate = asyncio.Event()
    stream = asyncio.create_task(embedder.embed([pattern(1)]))
    await asyncio.sleep(0)

    with pytest.raises(UnavailableError, match="the stream needs the engine"):
        await guest.embed(TEXTS[:1])
    engine.gate.set()
    await stream
    assert (1, engine.dimensions) == (await guest.embed(TEXTS[:1])).shape
    assert 1 == metrics.registry.get_sample_value("strayline_guest_refusals_total")


async def test_tokens_are_taken_where_the_engine_takes_them(engine: FakeEngine) -> None:
    """An engine without a tokenizer takes text only, also for guests."""
    metrics = Metrics(CollectorRegistry())
    real = make_engine(EngineSettings(type="lite", model="wordllama"))
    await real.start()
    embedder = Embedder(real, metrics)
    guest = guest_of(real, embedder.idle, metrics)

    assert isinstance(guest, TokenEngine)
    assert isinstance(real, TokenEngine)
    assert not isinstance(guest_of(engine, embedder.idle, metrics), TokenEngine)
    np.testing.assert_array_equal(await real.embed_tokens([[5, 6], [7]]), await guest.embed_tokens([[5, 6], [7]]))
    assert [2, 1] == [len(guest.tokens_of(texts)) for texts in (["a", "b"], ["c"])]
