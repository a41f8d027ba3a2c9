"""Real brokers that require a login, and credentials that change while they run."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from daemon.errors import UnavailableError
from demo.broker import Cluster
from demo.kafka.java import jars
from tests import conftest

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PASSWORDS = {
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "SCRAM-SHA-256",
    "listener.name.client.scram-sha-256.sasl.jaas.config": SCRAM,
}
"""Settings of a broker that requires a password."""


@asynccontextmanager
async def cluster_with(settings: Mapping[str, str]) -> AsyncIterator[tuple[Cluster, str]]:
    """Start a broker; yield it with the address of its listener without a login."""
    cluster = Cluster(1, settings, backend="java")
    try:
        await asyncio.to_thread(cluster.start)
    except UnavailableError as error:
        conftest.lacking(str(error))
    try:
        yield cluster, f"127.0.0.1:{cluster._plan.nodes[0].internal}"
    finally:
        await asyncio.to_thread(cluster.close)


def alter(servers: str, kind: str, name: str, config: str) -> None:
    """Change the configuration of a user or a broker by Kafka's own tool."""
    change = ["--alter", "--add-config", config, "--entity-type", kind, "--entity-name", name]
    java = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars(print)}/*", "kafka.admin.ConfigCommand"]
    done = subprocess.run(
        [*java, "--bootstrap-server", servers, *change], capture_output=True, timeout=120, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def set_password(servers: str, password: str) -> None:
    """Give the user `strayline` another password; logins with the old one are refused from now on."""
    alter(servers, "users", "strayline", f"SCRAM-SHA-256=[iterations=4096,password={password}]")
