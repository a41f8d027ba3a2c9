"""The openai engine against a server that misbehaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web

from daemon.adapters.engines import embeddings_client, make_engine, openai
from daemon.adapters.engines.openai import OpenAIEngine
from daemon.adapters.engines.registry import CUT_MARK
from daemon.backoff import Backoff
from daemon.errors import ConfigError, EngineError, RefusedTextError, UnavailableError
from tests.support.engines import StubServer, error, stub_server
from tests.support.fakes import FakeEngine

KEY = "sk-very-secret-key"


@pytest.fixture
async def stub() -> AsyncIterator[StubServer]:
    async with stub_server() as server:
        yield server


@pytest.fixture
async def engine(stub: StubServer) -> AsyncIterator[OpenAIEngine]:
    started = OpenAIEngine(stub.settings(api_key=KEY, concurrency=2, timeout_s=5))
    await started.start()
    stub.requests.clear()
    yield started
    await started.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backoff in milliseconds."""
    monkeypatch.setattr(openai, "BACKOFF", Backoff(0.002, 30.0, jitter=0.5))


async def test_learns_the_dimension_and_names_the_model(stub: StubServer, engine: OpenAIEngine) -> None:
    """The first answer tells the dimension, and the key travels in the header only."""
    assert 32 == engine.dimensions
    assert "stub:32" == engine.model
    assert f"Bearer {KEY}" == stub.headers[0]["Authorization"]


async def test_rows_come_in_the_order_of_the_texts(engine: OpenAIEngine) -> None:
    """The server may answer in any order and any length of vector: rows are in ours, and of unit length."""
    texts = ["disk full", "connection refused", "all is well"]
    rows = await engine.embed(texts)
    np.testing.assert_allclose(rows, [FakeEngine(32).vector(text) for text in texts], atol=1e-6)
    assert np.float32 == rows.dtype


async def test_many_texts_go_in_batches(stub: StubServer, engine: OpenAIEngine) -> None:
    """A request holds at most so many texts and so many characters."""
    await engine.embed([f"line {n}" for n in range(300)])
    assert [44, 64, 64, 64, 64] == sorted(len(body["input"]) for body in stub.requests)
    stub.requests.clear()
    await engine.embed(["x" * 30_000] * 20)
    assert max(sum(map(len, body["input"])) for body in stub.requests) <= openai.BATCH_CHARACTERS
    assert 20 == sum(len(body["input"]) for body in stub.requests)


async def keep_busy(stub: StubServer, engine: OpenAIEngine) -> list[asyncio.Task[object]]:
    """Shut the server's gate behind one request of each of the engine's two workers."""
    stub.gate = asyncio.Event()
    calls: list[asyncio.Task[object]] = []
    for number in (1, 2):
        calls.append(asyncio.create_task(engine.embed([f"busy {number}"])))
        await stub.asked(number)
    return calls


async def test_concurrent_calls_share_requests(stub: StubServer, engine: OpenAIEngine) -> None:
    """What waits while all workers are busy goes out together, and no worker more is made."""
    calls = await keep_busy(stub, engine)
    calls += [asyncio.create_task(engine.embed([f"call {n}"])) for n in range(40)]
    await asyncio.sleep(0)
    assert stub.gate is not None
    stub.gate.set()
    await asyncio.gather(*calls)
    assert [1, 1, 40] == [len(body["input"]) for body in stub.requests]
    assert 2 == stub.most_under_way


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_what_passes_is_tried_again(stub: StubServer, engine: OpenAIEngine, status: int) -> None:
    """A few transient answers cost time only."""
    stub.replies = [lambda _: error(status, "later")] * 3
    rows = await engine.embed(["again"])
    np.testing.assert_allclose(rows[0], FakeEngine(32).vector("again"), atol=1e-6)
    assert 4 == len(stub.requests)


async def test_retry_after_is_honoured(stub: StubServer, engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's Retry-After, in seconds or as a date, replaces our own pause, within reason."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("daemon.adapters.engines.openai.asyncio.sleep", note)
    stub.replies = [
        lambda _: error(429, "slow down", Retry_After="7"),
        lambda _: error(503, "slow down", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        lambda _: error(503, "slow down", Retry_After="86400"),
        lambda _: error(503, "slow down", Retry_After="soon"),
        lambda _: error(503, "slow down", Retry_After="nan"),
    ]
    await engine.embed(["patience"])
    assert [7.0, 0.0, openai.BACKOFF.longest] == pauses[:3]
    assert all(0 < pause < 0.1 for pause in pauses[3:5])


async def test_a_server_that_stays_away_is_unavailable(stub: StubServer, engine: OpenAIEngine) -> None:
    """After the last attempt the caller learns where and why; the engine lives and serves the next call."""
    stub.replies = [lambda _: error(503, "overloaded")] * openai.ATTEMPTS
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1.*HTTP 503.*overloaded"):
        await engine.embed(["x"])
    engine.check()
    assert (1, 32) == (await engine.embed(["x"])).shape


async def test_silence_ends_in_a_time_out(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts and never answers is unavailable after the time-out."""
    monkeypatch.setattr(openai, "ATTEMPTS", 2)
    engine = OpenAIEngine(stub.settings(timeout_s=0.05))
    stub.gate = asyncio.Event()
    with pytest.raises(UnavailableError, match="TimeoutError"):
        await engine.start()


async def test_nobody_there_is_unavailable(stub: StubServer) -> None:
    """No connection: the message names the address."""
    engine = OpenAIEngine(stub.settings(url="http://127.0.0.1:9/v1"))
    with pytest.raises(UnavailableError, match=r"http://127\.0\.0\.1:9/v1 does not answer"):
        await engine.start()


async def test_a_wrong_key_is_a_wrong_configuration(stub: StubServer, caplog: pytest.LogCaptureFixture) -> None:
    """A refused key at start is named by its place, and never shown, even where the server repeats it."""
    caplog.set_level(logging.DEBUG)
    stub.replies = [lambda _: error(401, f"Incorrect API key provided: {KEY}")] * openai.ATTEMPTS
    with pytest.raises(ConfigError, match=r"engine\.api_key") as caught:
        await OpenAIEngine(stub.settings(api_key=KEY)).start()
    assert openai.ATTEMPTS == len(stub.requests)
    assert KEY not in str(caught.value) + repr(stub.settings(api_key=KEY)) + caplog.text


async def test_an_unknown_model_is_a_wrong_configuration(stub: StubServer) -> None:
    """A model that the server does not have is named."""
    with pytest.raises(ConfigError, match=r"engine\.model \(other\)"):
        await OpenAIEngine(stub.settings(model="other")).start()


@pytest.mark.parametrize("status", [401, 403, 404, 307])
async def test_what_a_person_must_mend_is_waited_for(stub: StubServer, engine: OpenAIEngine, status: int) -> None:
    """While running, a refusal is unavailability with its reason, and the engine lives: it may be fixed meanwhile."""
    stub.replies = [lambda _: error(status, "not now", Location="http://127.0.0.1:9/")] * openai.ATTEMPTS
    with pytest.raises(UnavailableError, match=rf"HTTP {status}.*check engine\."):
        await engine.embed(["x"])
    engine.check()
    assert (1, 32) == (await engine.embed(["x"])).shape


@pytest.mark.parametrize("status", [401, 404])
async def test_a_refusal_that_passes_does_not_keep_it_from_starting(stub: StubServer, status: int) -> None:
    """A server that is starting itself may not know its keys and models yet."""
    stub.replies = [lambda _: error(status, "not yet")] * (openai.ATTEMPTS - 1)
    engine = OpenAIEngine(stub.settings())
    await engine.start()
    await engine.close()


async def test_the_keys_file_is_read_again(stub: StubServer, tmp_path: Path) -> None:
    """A key that changes is used from the next request on; a file that is not there names the setting."""
    file = tmp_path / "key"
    file.write_text("first\n")
    engine = OpenAIEngine(stub.settings(api_key_file=str(file)))
    await engine.start()
    file.write_text("second\n")
    await engine.embed(["x"])
    assert ["Bearer first", "Bearer second"] == [headers["Authorization"] for headers in stub.headers[-2:]]
    file.unlink()
    with pytest.raises(UnavailableError, match=r"engine\.api_key_file: .*key"):
        await engine.embed(["x"])
    await engine.close()


async def test_an_answer_without_end_is_not_read(
    stub: StubServer, engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is longer than any answer can be is let go, and the request is tried again."""
    monkeypatch.setattr(embeddings_client, "LARGEST_ANSWER", 1 << 20)
    stub.replies = [lambda _: web.Response(body=bytes(2 << 20))]
    assert (1, 32) == (await engine.embed(["x"])).shape


async def test_a_vector_that_is_not_finite_is_asked_for_again(stub: StubServer, engine: OpenAIEngine) -> None:
    """NaN and zeros never reach the baseline; the request is tried again."""
    wrong = [web.json_response({"data": [{"index": 0, "embedding": [n] * 32}]}) for n in (float("nan"), 0.0)]
    stub.replies = [lambda _: wrong.pop()] * 2
    assert (1, 32) == (await engine.embed(["x"])).shape
    assert [] == wrong


async def test_dimensions_are_asked_for_and_checked(stub: StubServer) -> None:
    """Matryoshka dimensions go into the request; a server that ignores them is caught at start."""
    engine = OpenAIEngine(stub.settings(dimensions=16))
    await engine.start()
    assert (1, 16) == (await engine.embed(["x"])).shape
    assert "stub:16" == engine.model
    await engine.close()
    stub.replies = [lambda body: stub.answer({**body, "dimensions": 32})]
    with pytest.raises(ConfigError, match="gives 32 dimensions where 16 are expected"):
        await OpenAIEngine(stub.settings(dimensions=16)).start()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"data": []}, "0 vectors for 1 texts"),
        ({"data": [{"index": 0, "embedding": [1.0] * 31}]}, "31 dimensions where 32"),
    ],
)
async def test_a_wrong_answer_is_final(
    stub: StubServer, engine: OpenAIEngine, answer: dict[str, object], words: str
) -> None:
    """Too few vectors or a wrong dimension never reach the baseline."""
    stub.replies = [lambda _: web.json_response(answer)]
    with pytest.raises(EngineError, match=words):
        await engine.embed(["x"])


@pytest.mark.parametrize("text", ["<html>busy</html>", '{"object": "list"}', '{"data": [{"index": 0}]}', "[]", "null"])
async def test_an_answer_without_embeddings_is_tried_again(stub: StubServer, engine: OpenAIEngine, text: str) -> None:
    """A proxy's page in place of the answer is a transient failure."""
    stub.replies = [lambda _: web.Response(text=text)]
    assert (1, 32) == (await engine.embed(["x"])).shape


async def test_one_refused_text_takes_no_others_with_it(stub: StubServer, engine: OpenAIEngine) -> None:
    """A batch with a text too long for the server is halved until that text stands alone, and that one is cut."""

    def too_long(body: dict[str, list[str]]) -> web.Response | None:
        return error(400, "maximum context length") if any(len(text) > 300 for text in body["input"]) else None

    stub.replies = [too_long] * 20
    texts = [f"short {n}" for n in range(7)] + ["long " * 200]
    rows = await engine.embed(texts)
    np.testing.assert_allclose(rows[:7], [FakeEngine(32).vector(text) for text in texts[:7]], atol=1e-6)
    assert any(body["input"][0].endswith(CUT_MARK) for body in stub.requests)


async def test_a_text_refused_in_every_length_is_the_texts_fault(stub: StubServer, engine: OpenAIEngine) -> None:
    """Where the server embeds others, the engine lives, and the message says the status and nothing of the text."""

    def picky(body: dict[str, list[str]]) -> web.Response | None:
        return error(422, "no <tag>") if any("<tag" in text for text in body["input"]) else None

    stub.replies = [picky] * 20
    with pytest.raises(RefusedTextError, match=r"^the embedding server refuses the text in every length \(HTTP 422\)$"):
        await engine.embed(["<tag" * 20])
    assert (1, 32) == (await engine.embed(["x"])).shape


async def test_a_server_that_refuses_every_text_is_unavailable(stub: StubServer, engine: OpenAIEngine) -> None:
    """Where the server refuses a word that it embedded before too, no text is to blame: its words are passed on."""
    stub.replies = [lambda _: error(422, "no such encoding")] * 5
    with pytest.raises(UnavailableError, match=r"HTTP 422.*no such encoding"):
        await engine.embed(["x"])
    assert (1, 32) == (await engine.embed(["x"])).shape


async def test_a_server_that_refuses_every_text_at_the_start_is_misconfigured(stub: StubServer) -> None:
    """Nobody waits for a server that does not embed at all."""
    stub.replies = [lambda _: error(400, "not an embedding model")] * 20
    with pytest.raises(ConfigError, match="not an embedding model"):
        await OpenAIEngine(stub.settings()).start()


async def test_long_texts_are_cut_with_a_mark(stub: StubServer) -> None:
    """The longest text comes from the server's model card; longer ones are cut before they are sent."""
    stub.max_model_len = 100
    engine = OpenAIEngine(stub.settings(instruction="Find odd logs:\n"))
    await engine.start()
    assert 100 - 4 - openai.SPECIAL_TOKENS == engine.max_tokens
    await engine.embed(["word " * 1000])
    sent = stub.requests[-1]["input"][0]
    assert sent.startswith("Find odd logs:\nword word")
    assert sent.endswith(CUT_MARK)
    assert engine.count_tokens([sent])[0] <= 100
    assert engine.model.startswith("stub:32:")
    await engine.close()


async def test_token_counts_lean_high(engine: OpenAIEngine) -> None:
    """Digits and signs count one each, letters by fours, the newline one."""
    assert [3, 5, 6, 1] == engine.count_tokens(["word odd", "1234", "[a=b]", ""]).tolist()
    assert np.int32 == engine.count_tokens(["x"]).dtype


async def test_a_cancelled_call_leaves_the_line(stub: StubServer, engine: OpenAIEngine) -> None:
    """Texts of a cancelled call that have not been sent are never sent."""
    busy = await keep_busy(stub, engine)
    late = asyncio.create_task(engine.embed(["late"]))
    await asyncio.sleep(0)
    late.cancel()
    assert stub.gate is not None
    stub.gate.set()
    await asyncio.gather(*busy)
    with pytest.raises(asyncio.CancelledError):
        await late
    await engine.embed(["after"])
    assert "late" not in [text for body in stub.requests for text in body["input"]]


async def test_closing_refuses_who_waits(stub: StubServer, engine: OpenAIEngine) -> None:
    """Callers under way get EngineError when the engine is closed, and nobody hangs."""
    stub.gate = asyncio.Event()
    call = asyncio.create_task(engine.embed([f"x {n}" for n in range(200)]))
    await stub.asked(1)
    await engine.close()
    with pytest.raises(EngineError, match="closed"):
        await call


def test_an_address_is_needed() -> None:
    """An openai engine without an address, or with a strange one, is refused with its place."""
    for url in (None, "", "localhost:8000"):
        with pytest.raises(ConfigError, match=r"engine\.url"):
            make_engine(StubServer(url=url or "").settings())


def test_credentials_in_the_address_are_not_shown(stub: StubServer) -> None:
    """User and password of an address stay out of messages."""
    engine = OpenAIEngine(StubServer(url="http://user:hunter2@host:1/v1?token=hunter3").settings())
    assert "http://host:1/v1" == engine._client._shown
