"""Credentials that change while the daemon works on a real Kafka, and what is said of those that are wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
import yaml
from aiokafka import AIOKafkaProducer

from tests.support.authorities import Authority
from tests.support.brokers import topics_on, unique
from tests.support.daemons import STRAYLINE, Daemon
from tests.support.guarded_brokers import SCRAM, alter, cluster_with, set_password
from tests.support.identity import IdentityProvider

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"
VALIDATOR = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
REAUTHENTICATION = {"connections.max.reauth.ms": "6000"}
"""The broker ends every login after so long, so that old credentials do not live on in open connections."""


def stores(authority: Authority) -> dict[str, str]:
    """Return a broker's settings: its certificate, and whose certificates it accepts, are one authority's."""
    prefix = "listener.name.client.ssl"
    return {
        f"{prefix}.keystore.location": str(authority.keystore("broker")),
        f"{prefix}.truststore.location": str(authority.ca),
    }


def hand_out(folder: Path, authority: Authority, word: str) -> None:
    """Write what the daemon reads: an authority, a certificate with its key, and a password."""
    certificate, key = authority.sign("strayline")
    for name, content in (
        ("ca.pem", authority.ca.read_bytes()),
        ("client.key", key.read_bytes()),
        ("client.pem", certificate.read_bytes()),
        ("password", f"{word}\n".encode()),
    ):
        (folder / name).write_bytes(content)


class Load:
    """Lines that are sent without a pause, a session each, by a client that the broker asks for nothing."""

    def __init__(self, servers: str, topic: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=servers)
        self._topic = topic
        self._task: asyncio.Task[None] | None = None
        self._enough = False
        self.sent = 0

    async def __aenter__(self) -> Self:
        await self._producer.start()
        self._task = asyncio.create_task(self._send())
        return self

    async def _send(self) -> None:
        while not self._enough:
            line = {"time": time.time(), "scope": "shop", "key": f"k{self.sent}", "message": "GET /cart"}
            await self._producer.send_and_wait(self._topic, orjson.dumps(line))
            self.sent += 1
            await asyncio.sleep(0.1)

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._enough = True  # a line that is on its way is counted too
        await self._task
        await self._producer.stop()


async def made(inside: str, servers: str, folder: Path, security: Mapping[str, Any]) -> Daemon:
    """Make topics and the configuration of a daemon with these credentials."""
    kafka = {
        "bootstrap_servers": [servers],
        "group_id": unique("group"),
        "commit_interval": "100ms",
        "security": dict(security),
    }
    async with topics_on(inside) as topics:
        daemon = await Daemon.make(topics, folder, settings={"engine": {"type": "lite"}, "kafka": kafka})
    daemon.servers = inside
    return daemon


async def judged(daemon: Daemon, sent: int) -> None:
    """Wait until all lines are judged; each is in one verdict, and the daemon is the process that it was."""
    verdicts = await daemon.published("verdicts", sent, 200.0)
    assert daemon.process is not None
    assert daemon.process.poll() is None
    keys = Counter(orjson.loads(record.value)["key"] for record in verdicts)
    assert {f"k{number}": 1 for number in range(sent)} == dict(keys)
    times = sorted(record.timestamp for record in verdicts)
    longest = max(after - before for before, after in pairwise(times)) / 1000
    print(f"{sent} lines, each judged once; the longest time without a verdict was {longest:.1f} s")


async def until_seen(daemon: Daemon, event: str, count: int, seconds: float = 60.0) -> None:
    """Wait until the daemon has logged an event so many times."""
    async with asyncio.timeout(seconds):
        while sum(logged["event"] == event for logged in daemon.events()) < count:  # noqa: ASYNC110  # a process
            await asyncio.sleep(0.5)


async def test_certificates_and_passwords_change_twice_under_load(tmp_path: Path) -> None:
    """The broker's and the daemon's certificates, their authority and the password change; every line is judged once.

    From each change on the broker refuses what was good before. The daemon is told by its files alone, seconds later.
    """
    authorities = [Authority.make(tmp_path, name) for name in ("first", "second", "third")]
    hand_out(tmp_path, authorities[0], "first")
    settings = {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.client.scram-sha-256.sasl.jaas.config": SCRAM,
        "listener.name.client.ssl.keystore.type": "PEM",
        "listener.name.client.ssl.truststore.type": "PEM",
        "listener.name.client.ssl.client.auth": "required",
        **stores(authorities[0]),
        **REAUTHENTICATION,
    }
    security = {
        "protocol": "SASL_SSL",
        "mechanism": "SCRAM-SHA-256",
        "username": "strayline",
        "password_file": str(tmp_path / "password"),
        "ca": str(tmp_path / "ca.pem"),
        "certificate": str(tmp_path / "client.pem"),
        "key": str(tmp_path / "client.key"),
    }
    async with cluster_with(settings) as (cluster, inside):
        await asyncio.to_thread(set_password, inside, "first")
        daemon = await made(inside, cluster.bootstrap_servers, tmp_path, security)
        try:
            await daemon.start()
            async with Load(inside, daemon.logs) as load:
                for number, authority in enumerate(authorities[1:], 1):
                    await asyncio.sleep(5.0)
                    changed = ",".join(f"{key}={value}" for key, value in stores(authority).items())
                    await asyncio.to_thread(alter, inside, "brokers", "1", changed)
                    await asyncio.to_thread(set_password, inside, authority.name)
                    await asyncio.sleep(3.0)
                    hand_out(tmp_path, authority, authority.name)
                    await until_seen(daemon, "credentials_read_again", number)
                    await asyncio.sleep(12.0)
            await judged(daemon, load.sent)
            await said_of_wrong_ones(daemon, tmp_path, authorities)
            (tmp_path / "wrong").write_text("wrong")
            await asyncio.to_thread(checked, daemon, tmp_path, {"password_file": str(tmp_path / "wrong")})
            await said_by_every_verb(tmp_path / "changed.yaml", "refuses the user or the password of kafka.security")
        finally:
            daemon.close()


async def said_of_wrong_ones(daemon: Daemon, folder: Path, authorities: list[Authority]) -> None:
    """`check --online` names what is wrong with each credential, with the exit code of a wrong configuration."""
    strange, strange_key = authorities[0].sign("stranger")
    expired, expired_key = authorities[-1].sign("late", days=-1)
    (folder / "wrong").write_text("wrong")
    for change, said in (
        ({}, "good"),
        ({"password_file": str(folder / "wrong")}, "refuses the user or the password of kafka.security"),
        ({"ca": str(authorities[0].ca)}, "is not signed by kafka.security.ca"),
        ({"certificate": str(strange), "key": str(strange_key)}, "refuses kafka.security.certificate"),
        ({"certificate": str(expired), "key": str(expired_key)}, "refuses kafka.security.certificate"),
        ({"certificate": str(strange)}, "cannot be used together"),
        ({"mechanism": "PLAIN"}, "does not offer kafka.security.mechanism PLAIN"),
    ):
        code, line = await asyncio.to_thread(checked, daemon, folder, change)
        assert said in line
        assert (os.EX_CONFIG if change else 0) == code, line


def checked(daemon: Daemon, folder: Path, change: Mapping[str, Any]) -> tuple[int, str]:
    """Return what `check --online` says of Kafka when some credentials are others, and its exit code."""
    config = yaml.safe_load(daemon.config.read_text())
    config["kafka"]["security"] |= change
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [*STRAYLINE, "check", "--online", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, "\n".join(line for line in done.stdout.splitlines() if line.startswith("kafka:"))


REACH_KAFKA = (
    *("run", "tail", "notify", "topics create", "topics delete --yes", "bench --lines 1000", "top --once --scope shop"),
    *("label --list", f"label {'a' * 16} normal --scope shop", "label shop mute --service --for 4h", "label a note"),
    *("baseline inspect", "baseline export saved.jsonl", "backtest --topic logs", "try --topic logs"),
    "init --topic logs --write new.yaml",
)


def add_route(config: Path) -> None:
    """Give `notify` something to do."""
    (config.parent / "hook").write_text("x" * 32)
    route = {
        "name": "team",
        "type": "webhook",
        "url": "http://127.0.0.1:1/",
        "secret_file": str(config.parent / "hook"),
    }
    whole = yaml.safe_load(config.read_text()) | {"notify": {"port": 0, "routes": [route]}}
    config.write_text(yaml.safe_dump(whole))


async def said_by_every_verb(config: Path, refusal: str) -> None:
    """Each verb that reaches Kafka ends with the sentence and the exit code of a wrong configuration, and soon."""
    add_route(config)
    few = asyncio.Semaphore(3)

    async def ended(verb: str) -> tuple[str, int | None, bool, bool]:
        command = [*STRAYLINE, *verb.split(), "--config", str(config)]
        async with few, asyncio.timeout(180):
            process = await asyncio.create_subprocess_exec(
                *command, cwd=config.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            said = (await process.communicate())[0].decode()
        return verb, process.returncode, refusal in said, "Traceback" in said

    ends = await asyncio.gather(*map(ended, REACH_KAFKA))
    assert [(verb, os.EX_CONFIG, True, False) for verb in REACH_KAFKA] == ends


async def test_tokens_expire_and_the_secret_changes_twice_under_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka validates tokens by an identity provider's keys; they serve for seconds, and every line is judged once."""
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    async with IdentityProvider("first") as provider:
        settings = {
            "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.client.oauthbearer.sasl.jaas.config": OAUTH,
            "listener.name.client.oauthbearer.sasl.server.callback.handler.class": VALIDATOR,
            "listener.name.client.sasl.oauthbearer.jwks.endpoint.url": provider.keys_url,
            "sasl.oauthbearer.jwks.endpoint.url": provider.keys_url,
            "sasl.oauthbearer.expected.audience": "kafka",
            **REAUTHENTICATION,
        }
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={provider.keys_url}"
        monkeypatch.setenv("JDK_JAVA_OPTIONS", allowed)
        oauth = {"token_url": provider.token_url, "client_id": "strayline", "client_secret_file": str(secret)}
        security = {"protocol": "SASL_PLAINTEXT", "mechanism": "OAUTHBEARER", "oauth": oauth}
        async with cluster_with(settings) as (cluster, inside):
            daemon = await made(inside, cluster.bootstrap_servers, tmp_path, security)
            try:
                await daemon.start()
                async with Load(inside, daemon.logs) as load:
                    for word in ("second", "third"):
                        await asyncio.sleep(5.0)
                        provider.secret = word
                        await asyncio.sleep(3.0)
                        secret.write_text(f"{word}\n")
                        await asyncio.sleep(12.0)
                await judged(daemon, load.sent)
                assert {"first", "second", "third"} <= provider.accepted
                assert provider.given > 3

                said = await asyncio.to_thread(checked, daemon, tmp_path, {})
                assert (0, True) == (said[0], "good" in said[1])
                provider.secret = "another"
                code, line = await asyncio.to_thread(checked, daemon, tmp_path, {})
                assert "kafka.security.oauth.token_url answers HTTP 401" in line
                assert os.EX_CONFIG == code
                foreign = {"oauth": {"token_command": ["echo", "aGVhZA.Ym9keQ.c2ln"]}}
                code, line = await asyncio.to_thread(checked, daemon, tmp_path, foreign)
                assert "refuses the token of kafka.security.oauth" in line
                assert os.EX_CONFIG == code
                await said_by_every_verb(tmp_path / "changed.yaml", "refuses the token of kafka.security.oauth")
            finally:
                daemon.close()
