"""The rights in deploy/acls.py, given to the daemon on a broker that refuses everything else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from daemon.config.loading import load_config
from demo.broker import Cluster
from deploy.acls import Acl, commands, creator_acls, daemon_acls
from tests.deploy.tools import ROOT
from tests.support.engines import stub_server
from tests.support.guarded import allow, login, take_away

CONFIG = """
kafka:
  bootstrap_servers: ["{servers}"]
  group_id: anomalies
  security: {{protocol: SASL_PLAINTEXT, mechanism: PLAIN, username: {user}, password: sham}}
sessions: {{gap: 1s, idle_flush: 1s}}
engine: {{type: openai, url: "{url}", model: stub}}
detector: {{warm_up: 0}}
alerts: {{budget: 1000/day}}
topics: {{verdicts: strayline.verdicts}}
http: {{port: 0}}
logging: {{format: json}}
"""
LACKING = (
    (
        [
            Acl("topic", "strayline.observations", ("Write",)),
            Acl("topic", "strayline.feedback", ("Read",)),
            Acl("group", "anomalies", ("Read",)),
        ],
        ["topic strayline.feedback does not exist, or we may not see it"],
    ),
    (
        [Acl("topic", "strayline.observations", ("Write",)), Acl("group", "anomalies", ("Read",))],
        ["no right to write to topic strayline.observations", "no right to read with the group anomalies"],
    ),
    (
        [Acl("transactional-id", "anomalies-", ("Write",), prefixed=True)],
        ["no right to write with the transactional ids anomalies-*"],
    ),
)
"""Rights that are taken away from the daemon, and what `check --online` says then."""


async def _strayline(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "daemon.cli",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _ready(process: asyncio.subprocess.Process) -> str:
    """Read the daemon's log until it is ready; returns the address of its HTTP."""
    assert process.stderr is not None
    address, event = "", {"event": "nothing was logged"}
    async for line in process.stderr:
        event = json.loads(line)
        if event["event"] == "http_listens":
            address = f"http://127.0.0.1:{event['port']}"
        if event["event"] == "ready":
            return address
        if event["event"] == "stopped":
            break
    raise AssertionError(f"it did not become ready: {event}")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_daemon_works_with_the_rights_it_is_given_and_no_others(
    guarded: Cluster, admin: AIOKafkaAdminClient, tmp_path: Path
) -> None:
    """With deploy/acls.py's rights alone topics are made, and lines become alerts, verdicts and dead letters."""
    async with stub_server() as stub:
        servers = guarded.bootstrap_servers
        for user in ("creator", "strayline"):
            (tmp_path / f"{user}.yaml").write_text(CONFIG.format(servers=servers, user=user, url=stub.url))
        path = tmp_path / "strayline.yaml"
        config = load_config(path, {})

        refused = await _strayline("topics", "create", "--config", str(path), "--input-partitions=1", "--replication=1")
        await refused.communicate()
        assert 0 != refused.returncode

        await allow(admin, "creator", creator_acls(config))
        creator = str(tmp_path / "creator.yaml")
        create = await _strayline("topics", "create", "--config", creator, "--input-partitions=1", "--replication=1")
        _, errors = await create.communicate()
        assert 0 == create.returncode, errors

        await allow(admin, "strayline", daemon_acls(config))
        for rights, said in LACKING:
            await take_away(admin, "strayline", rights)
            code, printed = await _checked(path)
            assert (os.EX_UNAVAILABLE, said) == (code, printed)
            await allow(admin, "strayline", rights)
        assert (0, []) == await _checked(path)

        daemon = await _strayline("run", "--config", str(path))
        try:
            address = await _ready(daemon)
            sent = await _send(servers)
            alerts = await _read(servers, config.topics.alerts, 1)
            verdicts = await _read(servers, "strayline.verdicts", sent)
            dead = await _read(servers, config.topics.dead_letters, 1)
            async with aiohttp.ClientSession() as client, client.get(f"{address}/metrics") as response:
                text = await response.text()
            daemon.send_signal(signal.SIGTERM)
            await daemon.communicate()
        finally:
            if daemon.returncode is None:
                daemon.kill()
        assert (1, sent, [b"{broken"]) == (len(alerts), len(verdicts), dead)
        assert 0 == daemon.returncode
        restarts = [line for line in text.splitlines() if line.startswith("strayline_partition_restarts_total{")]
        assert [] == [line for line in restarts if not line.endswith(" 0.0")]


async def _checked(path: Path) -> tuple[int | None, list[str]]:
    """Return the exit code of `check --online`, and which rights it misses."""
    check = await _strayline("check", "--online", "--config", str(path))
    output, _ = await check.communicate()
    lines = output.decode().splitlines()
    said = [line.removeprefix("kafka: ").split(";")[0] for line in lines if line.startswith("kafka: ")]
    return check.returncode, [sentence for sentence in said if not sentence.startswith("good")]


async def _send(servers: str) -> int:
    async with AIOKafkaProducer(bootstrap_servers=servers, **login("admin")) as producer:
        for number in range(5):
            line = {"scope": "shop", "key": f"k{number}", "message": f"request {number} failed"}
            await producer.send_and_wait("logs", json.dumps(line).encode())
        await producer.send_and_wait("logs", b"{broken")
    return 5


async def _read(servers: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        **login("admin"),
    )
    async with consumer:
        async with asyncio.timeout(60):
            return [(await consumer.getone()).value for _ in range(count)]


def test_the_commands_are_kafkas_own() -> None:
    """A right is printed as the kafka-acls.sh command that gives it."""
    acl = Acl("transactional-id", "strayline-", ("Write",), prefixed=True)
    expected = (
        "kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:s --operation Write "
        "--transactional-id strayline- --resource-pattern-type prefixed"
    )
    assert [expected] == list(commands([acl], "User:s", "b:9092"))
