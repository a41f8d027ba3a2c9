"""What a node is, whichever way it runs: its addresses, its settings and what can be done to it.

A node has three listeners. CLIENT is for clients, on the loopback interface only; INTERNAL is for the other brokers;
CONTROLLER is for the quorum. Nodes count from 1, and the number is Kafka's `node.id`, so that what a client's metadata
names as leader can be killed by that number.
"""

from __future__ import annotations

import base64
import random
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

VERSION = "4.1.1"
STARTED = "Kafka Server started"
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
HEAP = ("-Xms128m", "-Xmx512m")


class PortTakenError(Exception):
    """Another process took a port between its choice and its use; choose again."""


@dataclass(frozen=True, slots=True)
class Node:
    """One broker and controller: its number and the ports of its three listeners on this machine."""

    number: int
    client: int
    internal: int
    controller: int


class Nodes(Protocol):
    """A way to run the nodes of one cluster. Calls are synchronous; a node is named by its number."""

    def start(self, number: int) -> None:
        """Start the node's process, for the first time or again; its data stays. Does not wait."""
        ...

    def running(self, number: int) -> bool:
        """Return whether the process exists; one that is paused does."""
        ...

    def kill(self, number: int) -> None:
        """Kill the process at once (SIGKILL) and see it gone."""
        ...

    def stop(self, number: int) -> None:
        """Ask the process to stop (SIGTERM) and see it gone."""
        ...

    def pause(self, number: int) -> None:
        """Freeze the process."""
        ...

    def resume(self, number: int) -> None:
        """Thaw the process."""
        ...

    def logs(self, number: int) -> str:
        """Return everything the node has said since it was made."""
        ...

    def close(self) -> None:
        """Remove processes and data."""
        ...


def choose(count: int) -> list[Node]:
    """Choose free ports for `count` nodes, below those of outgoing connections: a node that is down keeps its own."""
    ports: set[int] = set()
    while len(ports) < 3 * count:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.add(port)
    taken = iter(ports)
    return [Node(number, next(taken), next(taken), next(taken)) for number in range(1, count + 1)]


def cluster_id() -> str:
    """Return a new cluster's id: 22 characters, none of them one that a command line takes for an option."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")


def common(count: int) -> dict[str, str]:
    """Return the settings that make a cluster of `count` nodes small, quick to start, and safe where it has three."""
    copies, in_sync = str(min(count, 3)), str(min(count, 2))
    return {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INTERNAL",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "auto.create.topics.enable": "false",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "log.segment.bytes": str(64 << 20),
        "offsets.topic.segment.bytes": str(8 << 20),
        "transaction.state.log.segment.bytes": str(8 << 20),
        "log.cleaner.dedupe.buffer.size": str(16 << 20),
    }


def tail(text: str, lines: int = 20) -> str:
    """Return the last `lines` lines of a log, for a message."""
    return "\n".join(text.splitlines()[-lines:])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a cluster: nodes, settings over the common ones, more for single nodes, advertised addresses."""

    nodes: Sequence[Node]
    settings: Mapping[str, str]
    node_settings: Mapping[int, Mapping[str, str]]
    advertised: Mapping[int, str]

    def properties(self, node: Node, own: Mapping[str, str]) -> dict[str, str]:
        """Return the node's complete settings; `own` are those of the way it runs."""
        return {
            **common(len(self.nodes)),
            "node.id": str(node.number),
            **own,
            **self.settings,
            **self.node_settings.get(node.number, {}),
        }

    def address(self, node: Node) -> str:
        """Return what the node tells clients to connect to."""
        return self.advertised.get(node.number, f"127.0.0.1:{node.client}")
