"""The engine is offered to others, and the stream goes first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from daemon.adapters.engines import EngineSettings, make_engine
from daemon.core.types import Pattern
from daemon.errors import UnavailableError
from daemon.metrics import Metrics
from daemon.ports import TokenEngine
from daemon.runtime import Embedder, guest_of
from daemon.runtime.guest_engine import FEWEST_TOKENS, PIECE_S, GuestEngine
from tests.support.fakes import FakeEngine

TEXTS = [f"text {number}" for number in range(200)]


def pattern(number: int) -> Pattern:
    return Pattern(f"{number:016x}", "shop", ((f"line {number}", 1),))


@pytest.fixture
async def engine() -> FakeEngine:
    made = FakeEngine()
    await made.start()
    return made


class PacedEngine(FakeEngine):
    """Takes `seconds` a token, by a clock of its own."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.now = 0.0
        self.pieces: list[int] = []
        self.began = asyncio.Event()

    def clock(self) -> float:
        return self.now

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.began.set()
        self.pieces.append(int(self.count_tokens(texts).sum()))
        self.now += self.seconds * self.pieces[-1]
        return await super().embed(texts)


async def test_a_guest_gets_the_engine_s_vectors(engine: FakeEngine) -> None:
    """In the order of its texts, whatever pieces they are embedded in; no texts give no rows."""
    metrics = Metrics(CollectorRegistry())
    guest = guest_of(engine, Embedder(engine, metrics).idle, metrics)

    np.testing.assert_array_equal(np.stack([engine.vector(text) for text in TEXTS]), await guest.embed(TEXTS))
    assert len(engine.calls) > 1
    assert (0, engine.dimensions) == (await guest.embed([])).shape
    assert len(TEXTS) == metrics.registry.get_sample_value("strayline_guest_texts_total")


@pytest.mark.parametrize("fitting", [FEWEST_TOKENS // 4, 3 * FEWEST_TOKENS, 50 * FEWEST_TOKENS])
async def test_a_piece_has_the_tokens_that_the_engine_embeds_in_its_time(fitting: int) -> None:
    """However long the texts are: few tokens for a slow engine, many for a fast one, and never a part of a text."""
    engine = PacedEngine(PIECE_S / fitting)
    await engine.start()
    metrics = Metrics(CollectorRegistry())
    guest = GuestEngine(engine, Embedder(engine, metrics).idle, metrics, clock=engine.clock)
    long = " ".join(["word"] * 20)
    await guest.embed([long, "word"] * 2_000)

    settled = engine.pieces[len(engine.pieces) // 2 : -1]
    wanted = max(fitting, FEWEST_TOKENS)
    assert all(0.7 * wanted - 20 <= piece <= 1.01 * wanted for piece in settled)


async def test_the_stream_waits_for_one_piece_at_most_and_guests_wait_for_the_stream() -> None:
    """A pattern that comes during a guest's request is embedded before the guest's next piece."""
    engine = PacedEngine(0.001)
    await engine.start()
    metrics = Metrics(CollectorRegistry())
    embedder = Embedder(engine, metrics)
    guest = guest_of(engine, embedder.idle, metrics)
    engine.gate = asyncio.Event()
    guests = [asyncio.create_task(guest.embed(TEXTS[:40])) for _ in range(4)]
    await engine.began.wait()
    stream = asyncio.create_task(embedder.embed([pattern(number) for number in range(5)]))
    await asyncio.sleep(0)
    engine.gate.set()
    await stream

    first = engine.calls[0]
    assert [pattern(number).text for number in range(5)] == engine.texts[first : first + 5]
    await asyncio.gather(*guests)
    assert 4 * 40 + 5 == len(engine.texts)


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
