"""`strayline try --topic` and `strayline init`, on a real Kafka."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from daemon.cli import main
from daemon.config import load_config
from tests.discovery.samples import sample
from tests.support.brokers import Topics


@pytest.fixture
async def logs(topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic that holds a shop's log; the test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    topic = await topics.make("shop")
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, linger_ms=20)
    await producer.start()
    try:
        for line in sample("zap"):
            await producer.send(topic, line.encode())
        await producer.flush()
    finally:
        await producer.stop()
    return topic


async def run(*arguments: str) -> int:
    """Run the command line beside the event loop of the test."""
    return await asyncio.to_thread(main, arguments)


async def test_a_topic_is_tried(topics: Topics, logs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a topic holds is looked at and judged."""
    assert 0 == await run("try", "--topic", logs, "--bootstrap-servers", topics.bootstrap_servers)
    told = capsys.readouterr().out
    assert "session   by trace_id" in told
    assert "600 lines, 120 sessions" in told


async def test_init_writes_a_configuration_that_checks(
    topics: Topics, logs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration is of the topic and the broker, its topics are made, and the next commands are named."""
    arguments = ("init", "--bootstrap-servers", topics.bootstrap_servers, "--topic", logs)
    assert 0 == await run(*arguments, "--create")
    told = capsys.readouterr().out
    assert f"topic     {logs}: 600 records" in told
    assert "next 1    strayline check --config strayline.yaml --online" in told
    config = load_config(Path("strayline.yaml"))
    assert ([logs], "trace_id") == (config.input.topics, config.input.fields.key)
    assert [topics.bootstrap_servers] == config.kafka.bootstrap_servers
    assert 0 == await run("check", "--config", "strayline.yaml", "--online")

    assert 78 == await run(*arguments)
    assert "is there already; --force writes over it" in capsys.readouterr().err


async def test_init_names_the_topics_there_are(topics: Topics, logs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A topic that is not there is told with those that are."""
    assert 65 == await run("init", "--bootstrap-servers", topics.bootstrap_servers, "--topic", "nowhere")
    assert logs in capsys.readouterr().err


async def test_a_broker_that_is_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing listens there: exit code 69."""
    assert 69 == await run("init", "--bootstrap-servers", "127.0.0.1:1", "--write", "unwritten.yaml")
    assert "no Kafka at 127.0.0.1:1" in capsys.readouterr().err
