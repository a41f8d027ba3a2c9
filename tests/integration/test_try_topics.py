"""`strayline try --topic` and `strayline init`, on a real Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from daemon.cli import main
from daemon.config import load_config
from tests.discovery.samples import sample
from tests.support.brokers import Topics, topics_on
from tests.support.guarded_brokers import PASSWORDS, cluster_with, set_password

LOGIN = ("protocol=SASL_PLAINTEXT", "mechanism=SCRAM-SHA-256", "username=strayline")


@pytest.fixture
async def logs(topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic that holds a shop's log; the test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    topic = await topics.make("shop")
    await fill(topics.bootstrap_servers, topic)
    return topic


async def fill(servers: str, topic: str) -> None:
    """Send a shop's log to a topic."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=20)
    await producer.start()
    try:
        for line in sample("zap"):
            await producer.send(topic, line.encode())
        await producer.flush()
    finally:
        await producer.stop()


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


@pytest.fixture
async def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, str]]:
    """The servers of a broker that wants a login, and a topic with a shop's log."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text("open sesame\n")
    (tmp_path / "wrong").write_text("open barley\n")
    async with cluster_with(PASSWORDS) as (cluster, inside):
        await asyncio.to_thread(set_password, inside, "open sesame")
        async with topics_on(inside) as topics:
            topic = await topics.make("shop")
            await fill(inside, topic)
            yield cluster.bootstrap_servers, topic


async def test_a_broker_that_wants_a_login_is_reached(
    locked: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By flags or by a configuration's section; what is written logs in by itself, and holds no secret."""
    servers, topic = locked
    flags = ["--bootstrap-servers", servers, "--topic", topic, *(f"--security={pair}" for pair in LOGIN)]
    assert 0 == await run("init", *flags, "--security=password_file=password", "--create"), capsys.readouterr().err
    security = load_config(Path("strayline.yaml")).kafka.security
    assert ("SASL_PLAINTEXT", Path("password")) == (security.protocol, security.password_file)
    assert 0 == await run("check", "--config", "strayline.yaml", "--online")

    pairs = ", ".join(pair.replace("=", ": ") for pair in (*LOGIN, "password=open sesame"))
    (tmp_path / "mine.yaml").write_text(f"kafka: {{bootstrap_servers: ['{servers}'], security: {{{pairs}}}}}\n")
    assert 0 == await run("try", "--topic", topic, "--config", "mine.yaml", "--write", "tried.yaml")
    assert "600 lines, 120 sessions" in capsys.readouterr().out
    written = (tmp_path / "tried.yaml").read_text()
    assert "open sesame" not in written
    assert "${KAFKA_PASSWORD}" in written

    assert 78 == await run("try", *flags, "--security=password_file=wrong")
    assert "refuses the user or the password of kafka.security" in capsys.readouterr().err


async def test_a_password_is_not_taken_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Others could see it; the two other ways are named, and so is what cannot be read."""
    assert 78 == await run("init", "--security", "password=hush", "--security", "protocol", "--write", "unwritten.yaml")
    told = capsys.readouterr().err
    assert "password_file=FILE" in told
    assert "hush" not in told
    assert "--security protocol: write it as KEY=VALUE" in told


async def test_init_names_the_topics_there_are(topics: Topics, logs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A topic that is not there is told with those that are."""
    assert 65 == await run("init", "--bootstrap-servers", topics.bootstrap_servers, "--topic", "nowhere")
    assert logs in capsys.readouterr().err


async def test_a_broker_that_is_away_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing listens there: exit code 69."""
    assert 69 == await run("init", "--bootstrap-servers", "127.0.0.1:1", "--write", "unwritten.yaml")
    assert "127.0.0.1:1 refuses connections: no Kafka listens there" in capsys.readouterr().err
