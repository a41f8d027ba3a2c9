"""Three Kafka nodes that want a login of their clients and grant them rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from demo.broker import Cluster
from tests.chaos.cluster import ProxiedCluster
from tests.support.guarded_brokers import PASSWORDS

RIGHTS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "connections.max.reauth.ms": "5000",
}
"""Users have the rights that they were given, and log in again every five seconds."""


class GuardedCluster(ProxiedCluster):
    """A cluster that wants a login of its clients. The harness itself comes in by the brokers' own listener."""

    @property
    def direct_servers(self) -> str:
        return internal_servers(self.nodes)


def internal_servers(cluster: Cluster) -> str:
    """Return the addresses of the brokers' own listeners, which want no login."""
    return ",".join(f"127.0.0.1:{node.internal}" for node in cluster._plan.nodes)


@asynccontextmanager
async def guarded_cluster(nodes: int = 3) -> AsyncIterator[tuple[GuardedCluster, AIOKafkaAdminClient]]:
    """Start a cluster that wants a login and grants rights, and an administrator's client; stop both at the end."""
    cluster = Cluster(nodes, {**PASSWORDS, **RIGHTS}, backend="java")
    try:
        await asyncio.to_thread(cluster.start)
        admin = AIOKafkaAdminClient(bootstrap_servers=internal_servers(cluster))
        await admin.start()
        try:
            yield GuardedCluster(cluster, {}, admin), admin
        finally:
            await admin.close()
    finally:
        await asyncio.to_thread(cluster.close)
