"""What every engine promises (ports.Engine), held against the fake, a server, a table, and vLLM in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from daemon.adapters.engines.lite import LiteEngine
from daemon.adapters.engines.openai import OpenAIEngine
from daemon.adapters.engines.registry import EngineSettings
from daemon.errors import EngineError
from daemon.ports import Engine
from tests.support.engines import minilm, stub_server
from tests.support.fakes import FakeEngine

pytestmark = pytest.mark.timeout(300)  # the first test with the real engine waits for it to load
TEXTS = ["1 x disk full on <PATH>", "12 x connection to <IP> refused", "1 x [SEP] <|endoftext|> \x00 \r\n\r\n 漢字 🙂"]


@pytest.fixture(params=["fake", "server", "lite", pytest.param("vllm", marks=pytest.mark.engine)])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    match request.param:
        case "fake":
            fake = FakeEngine(max_tokens=100)
            await fake.start()
            yield fake
            await fake.close()
        case "server":
            async with stub_server() as server:
                remote = OpenAIEngine(server.settings())
                await remote.start()
                yield remote
                await remote.close()
        case "lite":
            lite = LiteEngine(EngineSettings(type="lite", model="wordllama"))
            await lite.start()
            yield lite
            await lite.close()
        case _:
            yield await minilm()


async def test_a_started_engine_knows_itself(engine: Engine) -> None:
    """Its model names the dimension, both stay what they are, and the probe is content."""
    engine.check()
    assert engine.model.endswith(f":{engine.dimensions}")
    assert engine.max_tokens > 0
    await engine.embed(TEXTS)
    assert engine.model.endswith(f":{engine.dimensions}")


async def test_every_text_gets_one_unit_row(engine: Engine) -> None:
    """Rows are float32, of unit length, in the order of the texts; no texts give no rows."""
    rows = await engine.embed(TEXTS)
    assert (len(TEXTS), engine.dimensions) == rows.shape
    assert np.float32 == rows.dtype
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    reordered = await engine.embed(TEXTS[::-1])
    np.testing.assert_allclose(rows[::-1], reordered, atol=1e-5)
    assert (0, engine.dimensions) == (await engine.embed([])).shape


async def test_equal_texts_have_equal_vectors_and_others_do_not(engine: Engine) -> None:
    """A vector depends on its text alone, not on what is embedded beside it."""
    alone = (await engine.embed([TEXTS[0]]))[0]
    among = await engine.embed([*TEXTS, TEXTS[0]])
    np.testing.assert_allclose(among[0], alone, atol=1e-5)
    np.testing.assert_allclose(among[3], alone, atol=1e-5)
    assert float(alone @ among[1]) < 0.99


async def test_concurrent_calls_do_not_mix(engine: Engine) -> None:
    """Each of many calls at once gets its own rows."""
    texts = [f"worker {number} lost its lease" for number in range(50)]
    answers = await asyncio.gather(*(engine.embed([text]) for text in texts))
    np.testing.assert_allclose(np.concatenate(answers), await engine.embed(texts), atol=1e-5)


async def test_counts_are_one_a_line(engine: Engine) -> None:
    """Counts are int32, at least one a line, grow with the line, and may be asked for from any thread."""
    lines = ["a", "a b c d e f", "a b c d e f " * 10]
    here = engine.count_tokens(lines)
    there = await asyncio.to_thread(engine.count_tokens, lines)
    assert np.int32 == here.dtype
    assert here.tolist() == there.tolist()
    assert 1 <= here[0] < here[1] < here[2]
    assert (0,) == engine.count_tokens([]).shape


async def test_long_texts_are_cut(engine: Engine) -> None:
    """A text far longer than the model is embedded by its beginning; what follows the cut changes nothing."""
    head = "retry after time out\n" * engine.max_tokens
    rows = await engine.embed([head + "one end", head + "quite another end"])
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


async def test_a_blank_text_is_embedded(engine: Engine) -> None:
    """A text of blanks has a vector too."""
    np.testing.assert_allclose(np.linalg.norm(await engine.embed(["", " \n"]), axis=1), 1, atol=1e-6)


async def test_a_cancelled_call_harms_nobody(engine: Engine) -> None:
    """Cancelling one call leaves the others and the engine as they were."""
    calls = [asyncio.create_task(engine.embed([f"call {number} " * 20])) for number in range(10)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert 5 == sum(isinstance(answer, asyncio.CancelledError) for answer in answers)
    assert 5 == sum(isinstance(answer, np.ndarray) for answer in answers)
    engine.check()


@pytest.mark.parametrize("kind", ["fake", "server", "lite"])
async def test_before_start_and_after_close_it_is_dead(kind: str) -> None:
    """Outside its life an engine refuses calls and probes with EngineError; closing twice is fine."""
    async with stub_server() as server:
        engines: dict[str, Engine] = {
            "fake": FakeEngine(),
            "server": OpenAIEngine(server.settings()),
            "lite": LiteEngine(EngineSettings(type="lite", model="wordllama")),
        }
        engine = engines[kind]
        with pytest.raises(EngineError, match="not been started"):
            engine.check()
        await engine.start()
        await engine.close()
        await engine.close()
        with pytest.raises(EngineError, match="closed"):
            engine.check()
        with pytest.raises(EngineError, match="closed"):
            await engine.embed(["late"])


async def test_the_fake_dies_and_stays_away_as_told() -> None:
    """FakeEngine's knobs: errors one a call, a gate, and death that reaches the waiters."""
    fake = FakeEngine()
    await fake.start()
    fake.stay_away()
    with pytest.raises(Exception, match="stays away"):
        await fake.embed(["x"])
    fake.gate = asyncio.Event()
    call = asyncio.create_task(fake.embed(["x"]))
    await asyncio.sleep(0)
    fake.kill()
    with pytest.raises(EngineError, match="died"):
        await call
    with pytest.raises(EngineError, match="died"):
        fake.check()
