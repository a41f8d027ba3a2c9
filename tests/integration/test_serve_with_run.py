"""`/v1/embeddings` beside `strayline run`, on a real Kafka, asked by the official client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import openai
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from daemon.adapters.engines import EngineSettings, make_engine
from tests.support.brokers import Topics
from tests.support.daemons import Daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
TEXTS = [f"the pump {number} failed" for number in range(70)]


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    users = tmp_path / "users.yaml"
    token = sha256(b"right").hexdigest()
    users.write_text(f"tokens:\n  - {{name: webui, role: viewer, sha256: {token}}}\n", encoding="utf-8")
    serve = {"with_run": True, "port": 0, "users": str(users)}
    running = await Daemon.make(topics, tmp_path, 1, {"engine": {"type": "lite"}, "serve": serve})
    await running.start()
    try:
        yield running
    finally:
        running.close()


async def test_the_official_client_gets_the_daemon_s_vectors_while_it_judges(daemon: Daemon) -> None:
    """At every size, with a known token only; lines are judged meanwhile, and what was served is counted."""
    engine = make_engine(EngineSettings(type="lite", model="wordllama"))
    await engine.start()
    expected = await engine.embed(TEXTS)
    [port] = [event["port"] for event in daemon.events() if event["event"] == "embeddings_listen"]
    url = f"http://127.0.0.1:{port}/v1"
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers) as producer:
        for number in range(20):
            line = {"time": 1_780_000_000 + 60 * number, "scope": "shop", "key": "host", "message": f"step {number}"}
            await producer.send_and_wait(daemon.logs, orjson.dumps(line))
        async with openai.AsyncOpenAI(base_url=url, api_key="right", max_retries=0) as client:
            for size in (32, 64, 128, 256):
                answer = await client.embeddings.create(model="wordllama", input=TEXTS, dimensions=size)
                begun = expected[:, :size] / np.linalg.norm(expected[:, :size], axis=1, keepdims=True)
                np.testing.assert_allclose(begun, [each.embedding for each in answer.data], rtol=0, atol=1e-6)
        async with openai.AsyncOpenAI(base_url=url, api_key="wrong", max_retries=0) as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.embeddings.create(model="wordllama", input="x")

    verdicts = [json.loads(record.value) for record in await daemon.published("verdicts", 20)]
    assert 20 == len(verdicts)
    assert 4 * len(TEXTS) == daemon.metric("guest_texts_total")
