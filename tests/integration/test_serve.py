"""`/v1/embeddings` of the engine, asked by the official client and by hand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import openai
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.adapters.engines import EngineSettings, make_engine
from daemon.adapters.web import EmbeddingsServer, Exposition, ServerLimits
from daemon.errors import ConfigError, UnavailableError
from daemon.metrics import PortMetrics
from tests.support.fakes import FakeEngine
from tests.support.ports import free_port

SETTINGS = EngineSettings(type="lite", model="wordllama")
TEXTS = ["the pump failed", "die Pumpe fiel aus", "泵坏了"]


@pytest.fixture
async def server() -> AsyncIterator[EmbeddingsServer]:
    engine = make_engine(SETTINGS)
    await engine.start()
    made = EmbeddingsServer(
        free_port("serve"), engine, "wordllama", lambda token: token == "right", ServerLimits(inputs=5)
    )
    await made.start()
    yield made
    await made.close()
    await engine.close()


@pytest.fixture
async def client(server: EmbeddingsServer) -> AsyncIterator[openai.AsyncOpenAI]:
    url = f"http://127.0.0.1:{server.port}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="right", max_retries=0) as made:
        yield made


async def test_metrics_are_for_those_who_may_embed() -> None:
    """`/metrics` has the port's connections, for known tokens alone."""
    ports = PortMetrics(CollectorRegistry())
    made = EmbeddingsServer(
        free_port("serve"),
        FakeEngine(32),
        "fake",
        lambda token: token == "right",
        None,
        ports,
        Exposition(ports.registry),
    )
    await made.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{made.port}") as session:
        async with session.get("/metrics") as refused:
            assert 401 == refused.status
        async with session.get("/metrics", headers={"Authorization": "Bearer right"}) as answer:
            text = await answer.text()
    await made.close()
    assert 'strayline_port_connections{port="serve"} 1.0' in text
    assert 'strayline_port_max_connections{port="serve"} 64.0' in text


async def test_the_official_client_gets_the_engine_s_vectors(client: openai.AsyncOpenAI) -> None:
    """A text, a list, base64 (its default) and floats give the same unit vectors, in order, with usage."""
    engine = make_engine(SETTINGS)
    await engine.start()
    expected = await engine.embed(TEXTS)

    packed = await client.embeddings.create(model="wordllama", input=TEXTS)
    plain = await client.embeddings.create(model="wordllama", input=TEXTS, encoding_format="float")
    one = await client.embeddings.create(model="wordllama", input=TEXTS[0])

    for answer in (packed, plain):
        assert [0, 1, 2] == [entry.index for entry in answer.data]
        np.testing.assert_allclose(expected, [entry.embedding for entry in answer.data], rtol=0, atol=1e-7)
    np.testing.assert_allclose(expected[0], one.data[0].embedding, rtol=0, atol=1e-7)
    assert "wordllama" == packed.model
    assert 0 < one.usage.prompt_tokens < packed.usage.prompt_tokens == packed.usage.total_tokens


async def test_every_size_from_32_on(client: openai.AsyncOpenAI) -> None:
    """A smaller vector is the beginning of the whole one at unit length; other sizes are refused."""
    whole = np.array((await client.embeddings.create(model="wordllama", input="pump")).data[0].embedding)
    for size in (32, 64, 100, 128, 255, 256):
        answer = await client.embeddings.create(model="wordllama", input="pump", dimensions=size)
        begun = whole[:size] / np.linalg.norm(whole[:size])
        np.testing.assert_allclose(begun, answer.data[0].embedding, rtol=0, atol=1e-6)
    for size in (31, 257, 0):
        with pytest.raises(openai.BadRequestError, match="must be 32 to 256"):
            await client.embeddings.create(model="wordllama", input="pump", dimensions=size)


async def test_tokens_are_embedded_as_they_are(client: openai.AsyncOpenAI) -> None:
    """The model's own tokens of a text give its vector; a token that it does not have is refused."""
    from daemon.adapters.engines.lite import LiteEngine

    engine = LiteEngine(SETTINGS)
    await engine.start()
    assert engine._model is not None
    ids = engine._model._encode(["the pump failed"])[0]

    of_text = await client.embeddings.create(model="wordllama", input="the pump failed")
    of_tokens = await client.embeddings.create(model="wordllama", input=[ids, ids])
    flat = await client.embeddings.create(model="wordllama", input=ids)

    assert of_text.data[0].embedding == of_tokens.data[1].embedding == flat.data[0].embedding
    assert (len(ids), 2 * len(ids)) == (flat.usage.prompt_tokens, of_tokens.usage.prompt_tokens)
    with pytest.raises(openai.BadRequestError, match="has no token 999999"):
        await client.embeddings.create(model="wordllama", input=[999_999])


async def test_an_instruction_is_a_prefix(client: openai.AsyncOpenAI) -> None:
    """The vector is that of prefix and text."""
    asked = await client.embeddings.create(model="wordllama", input="pump", extra_body={"instruction": "find: "})
    whole = await client.embeddings.create(model="wordllama", input="find: pump")

    assert asked.data[0].embedding == whole.data[0].embedding


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    """The one model is listed and described; another is not found."""
    assert ["wordllama"] == [model.id for model in (await client.models.list()).data]
    assert "wordllama" == (await client.models.retrieve("wordllama")).id
    with pytest.raises(openai.NotFoundError):
        await client.embeddings.create(model="other", input="x")


async def test_who_may_ask(server: EmbeddingsServer) -> None:
    """Without the right token there is no answer, but for the health probe."""
    async with openai.AsyncOpenAI(
        base_url=f"http://127.0.0.1:{server.port}/v1", api_key="wrong", max_retries=0
    ) as wrong:
        with pytest.raises(openai.AuthenticationError):
            await wrong.embeddings.create(model="wordllama", input="x")
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{server.port}/healthz") as answer:
        assert 200 == answer.status


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"no json", 400, "is not JSON"),
        (b'{"model": "wordllama"}', 400, "input: must be a text"),
        (b'{"model": "wordllama", "input": ""}', 400, "input: must be a text"),
        (b'{"model": "wordllama", "input": []}', 400, "input: holds nothing"),
        (b'{"model": "wordllama", "input": ["a", ""]}', 400, "input: must be a text"),
        (b'{"model": "wordllama", "input": [[-1]]}', 400, "input: must be a text"),
        (b'{"model": "wordllama", "input": {"a": 1}}', 400, "input: must be a text"),
        (b'{"model": "wordllama", "input": "a", "encoding_format": "hex"}', 400, "encoding_format: "),
        (b'{"model": "wordllama", "input": "a", "surprise": 1}', 400, "surprise: "),
        (b'{"model": "wordllama", "input": ["a", "a", "a", "a", "a", "a"]}', 400, "has 6 entries, at most 5"),
        (b'{"model": "wordllama", "input": [[1], [2]], "instruction": "a"}', 400, "instruction goes with text only"),
    ],
)
async def test_what_is_wrong_is_said(server: EmbeddingsServer, body: bytes, status: int, message: str) -> None:
    """Every refusal has OpenAI's shape, and names the place."""
    found, answer = await _post(server, body)

    assert status == found
    assert message in answer["error"]["message"]
    assert "invalid_request_error" == answer["error"]["type"]


async def test_a_long_text_is_refused_not_cut(server: EmbeddingsServer) -> None:
    """More tokens than the model reads are an error that says how many."""
    status, answer = await _post(server, b'{"model": "wordllama", "input": "%s"}' % (b"pump " * 40_000))

    assert 400 == status
    assert "tokens, the model reads 32,768" in answer["error"]["message"]


async def test_too_many_at_once_are_told_to_come_again() -> None:
    """With one place, one request works, one waits, and the third gets 429."""
    engine = FakeEngine(32)
    await engine.start()
    begun, gate, embed = asyncio.Event(), asyncio.Event(), engine.embed

    async def slowly(texts: Any) -> Any:
        begun.set()
        await gate.wait()
        return await embed(texts)

    engine.embed = slowly  # type: ignore[method-assign]
    made = EmbeddingsServer(free_port("serve"), engine, "fake", None, ServerLimits(at_once=1))
    await made.start()
    body = b'{"model": "fake", "input": "a"}'
    waiting = [asyncio.create_task(_post(made, body)) for _ in range(2)]
    await begun.wait()
    await asyncio.sleep(0.2)  # the second one arrives and waits
    third = await _post(made, body)
    gate.set()
    first = await asyncio.gather(*waiting)
    await made.close()

    assert (429, [200, 200]) == (third[0], [status for status, _ in first])


async def test_a_request_that_does_not_arrive_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head alone, and then nothing: 408, and the place is another guest's."""
    monkeypatch.setattr("daemon.adapters.web.embeddings.LONGEST_TRANSFER", 0.2)
    made = EmbeddingsServer(free_port("serve"), FakeEngine(32), "fake", None, ServerLimits(at_once=1))
    await made.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    writer.write(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    await made.close()

    assert (b"HTTP/1.1 408 Request Timeout\r\n", 0) == (status, made._present)


async def test_an_answer_that_is_not_read_keeps_its_place_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are large: a guest who asks again and again without reading gets 429, not memory."""
    monkeypatch.setattr("daemon.adapters.web.embeddings.LONGEST_TRANSFER", 2.0)
    engine = FakeEngine(1024)
    await engine.start()
    made = EmbeddingsServer(free_port("serve"), engine, "fake", None, ServerLimits(at_once=1))
    await made.start()
    body = b'{"model": "fake", "input": [' + b",".join([b'"a"'] * 1_000) + b"]}"
    deaf = [await asyncio.open_connection("127.0.0.1", made.port, limit=1_000) for _ in range(2)]
    for _, writer in deaf:
        writer.write(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    async with asyncio.timeout(20):
        while made._present < 2:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)
        assert 429 == (await _post(made, b'{"model": "fake", "input": "a"}'))[0]
        while made._present:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)
        assert 200 == (await _post(made, b'{"model": "fake", "input": "a"}'))[0]
    for _, writer in deaf:
        writer.close()
    await made.close()


async def test_what_is_no_http_is_one_quiet_line(server: EmbeddingsServer) -> None:
    """As on the daemon's own port: an answer, one line of the log, and no traceback."""
    with capture_logs() as logs:
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.0 400")
            writer.close()
    assert ["bad_requests"] == [line["event"] for line in logs]


async def test_a_taken_port_is_named(server: EmbeddingsServer) -> None:
    """A second server on a port ends with a sentence."""
    second = EmbeddingsServer(free_port("serve", number=server.port), FakeEngine(32), "fake", None)
    with pytest.raises(UnavailableError, match=r"set serve\.host or serve\.port"):
        await second.start()


async def test_the_verb_serves_with_a_users_file(tmp_path: Path) -> None:
    """As typed in a terminal: the address is printed, the token of the file is the key, and SIGTERM ends it with 0."""
    token = sha256(b"sesame").hexdigest()
    (tmp_path / "users.yaml").write_text(f"tokens:\n  - {{name: webui, role: viewer, sha256: {token}}}\n")
    (tmp_path / "config.yaml").write_text("engine: {type: lite}\nserve: {users: users.yaml}\n")
    command = [sys.executable, "-m", "daemon.cli", "serve", "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        async with openai.AsyncOpenAI(base_url=line.split()[-1], api_key="sesame", max_retries=0) as client:
            answer = await client.embeddings.create(model="wordllama", input="pump", dimensions=64)
    finally:
        process.terminate()
        code = await asyncio.wait_for(process.wait(), 30)

    assert (64, 0) == (len(answer.data[0].embedding), code)


def test_other_machines_need_a_users_file() -> None:
    """Serving beyond this machine without a users file is a mistake of the configuration."""
    from daemon.config import parse_config

    with pytest.raises(ConfigError, match="name a users file before you serve the engine"):
        parse_config("serve: {host: 0.0.0.0}", {})


async def _post(server: EmbeddingsServer, body: bytes) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": "Bearer right"}
    url = f"http://127.0.0.1:{server.port}/v1/embeddings"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=body) as response:
        return response.status, await response.json()
