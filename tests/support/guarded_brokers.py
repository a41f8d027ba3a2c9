"""A real broker that wants a password."""

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


@asynccontextmanager
async def guarded(settings: Mapping[str, str] | None = None) -> AsyncIterator[tuple[Cluster, str]]:
    """Yield a broker that wants a password (SCRAM-SHA-256), and an address of it that wants none."""
    cluster = Cluster(
        1,
        {
            "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "listener.name.client.scram-sha-256.sasl.jaas.config": SCRAM,
            **(settings or {}),
        },
        backend="java",
    )
    try:
        await asyncio.to_thread(cluster.start)
    except UnavailableError as error:
        conftest.lacking(str(error))
    try:
        yield cluster, f"127.0.0.1:{cluster._plan.nodes[0].internal}"
    finally:
        await asyncio.to_thread(cluster.close)


def set_password(servers: str, password: str) -> None:
    """Give the user another password by Kafka's own tool; logins with the one before are refused from now on."""
    change = ["--alter", "--add-config", f"SCRAM-SHA-256=[iterations=4096,password={password}]"]
    user = ["--bootstrap-server", servers, "--entity-type", "users", "--entity-name", "strayline"]
    java = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars(print)}/*", "kafka.admin.ConfigCommand", *user, *change]
    subprocess.run(java, check=True, capture_output=True, timeout=60)
