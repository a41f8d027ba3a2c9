"""A real Apache Kafka for the demo and the tests, on this machine, of one node or several.

It runs in Docker where the daemon answers and the image can be had, else on Java with the jars from Maven Central;
where neither can be, `start` raises UnavailableError with both reasons. Whatever happens to the process that started
it, SIGKILL included, no broker, container or data outlives it.

    with Cluster(nodes=3) as cluster:
        client = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap_servers)
        cluster.kill(2)
        cluster.start_node(2)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from daemon.errors import UnavailableError
from demo.kafka.java import JavaNodes
from demo.kafka.nodes import STARTED, VERSION, Nodes, Plan, PortTakenError, choose, tail

Backend = Literal["auto", "docker", "java"]
START_TIMEOUT = 90.0
TRIES = 3


class Cluster:
    """A Kafka cluster. Nodes are named by number, from 1, which is their `node.id`.

    `settings` are broker properties for all nodes, `node_settings` for single ones, both over the common ones; the
    listener for clients is called CLIENT (so a `listener.security.protocol.map` of
    `CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT` asks clients to log in).
    `advertised` gives addresses, `host:port`, that clients are told instead of a node's own: a proxy's.
    `data` is a folder for the nodes' data, say a small file system that is to become full; only on Java.
    `backend` may also be set by the environment variable KAFKA_BACKEND.
    """

    def __init__(
        self,
        nodes: int = 1,
        settings: Mapping[str, str] | None = None,
        *,
        node_settings: Mapping[int, Mapping[str, str]] | None = None,
        advertised: Mapping[int, str] | None = None,
        data: Path | None = None,
        backend: Backend = "auto",
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._plan = Plan(choose(nodes), settings or {}, node_settings or {}, advertised or {})
        self._data = data
        chosen = os.environ.get("KAFKA_BACKEND", "auto") if backend == "auto" else backend
        if chosen not in {"auto", "docker", "java"}:
            raise ValueError(f"KAFKA_BACKEND is {chosen!r}: auto, docker and java are known")
        self._backend = "java" if data is not None else chosen
        self._say = say
        self._nodes: Nodes | None = None
        self._marks: dict[int, int] = {}

    @property
    def numbers(self) -> list[int]:
        """The nodes' numbers."""
        return [node.number for node in self._plan.nodes]

    @property
    def bootstrap_servers(self) -> str:
        """What a client is given: `host:port,host:port`."""
        return ",".join(self._plan.address(node) for node in self._plan.nodes)

    def address(self, number: int) -> str:
        """Return where the node itself listens for clients, proxies left out; known before the start."""
        return f"127.0.0.1:{self._plan.nodes[number - 1].client}"

    def start(self) -> str:
        """Start all nodes, wait until they serve, and return `bootstrap_servers`.

        Raises UnavailableError when this machine cannot run a Kafka, RuntimeError when one was started and failed.
        """
        for left in reversed(range(TRIES)):
            try:
                self._nodes = self._make()
                for number in self.numbers:
                    self._launch(number)
                self._wait(self.numbers)
            except PortTakenError:
                self.close()
                if not left:
                    raise RuntimeError("no free ports for Kafka were found") from None
                plan = self._plan
                self._plan = Plan(choose(len(plan.nodes)), plan.settings, plan.node_settings, plan.advertised)
            except BaseException:
                self.close()
                raise
            else:
                break
        return self.bootstrap_servers

    def _make(self) -> Nodes:
        if self._backend == "java":
            return JavaNodes(self._plan, self._data, self._say)
        try:
            # Docker's and testcontainers' modules are imported only where they may serve.
            from demo.kafka.containers import ContainerNodes

            return ContainerNodes(self._plan, self._say)
        except UnavailableError as no_docker:
            if self._backend == "docker":
                raise
            try:
                return JavaNodes(self._plan, None, self._say)
            except UnavailableError as no_java:
                reasons = f"Docker: {no_docker}; Java: {no_java}"
                raise UnavailableError(f"Apache Kafka {VERSION} cannot run here. {reasons}") from None

    @property
    def _made(self) -> Nodes:
        if self._nodes is None:
            raise RuntimeError("the cluster is not started")
        return self._nodes

    def _launch(self, number: int) -> None:
        if self._nodes is not None and number in self._marks:
            self._marks[number] = self._made.logs(number).count(STARTED)
        else:
            self._marks[number] = 0
        self._made.start(number)

    def _wait(self, numbers: Iterable[int]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        for number in numbers:
            while self._made.logs(number).count(STARTED) <= self._marks[number]:
                failed = not self._made.running(number)
                if failed or time.monotonic() > deadline:
                    what = "ended" if failed else f"has not started within {START_TIMEOUT:.0f} s"
                    raise RuntimeError(f"Kafka node {number} {what}:\n{tail(self._made.logs(number))}")
                time.sleep(0.05)

    def start_node(self, number: int) -> None:
        """Start a node that was killed or stopped, with the data it had, and wait until it serves."""
        self._launch(number)
        self._wait([number])

    def kill(self, number: int) -> None:
        """Kill a node as power loss of its process would (SIGKILL)."""
        self._made.kill(number)

    def stop(self, number: int) -> None:
        """Stop a node gracefully; it hands its leaderships on."""
        self._made.stop(number)

    def pause(self, number: int) -> None:
        """Freeze a node: its connections stay open and nothing answers."""
        self._made.pause(number)

    def resume(self, number: int) -> None:
        """Thaw a paused node."""
        self._made.resume(number)

    def running(self, number: int) -> bool:
        """Return whether a node's process exists."""
        return self._made.running(number)

    def logs(self, number: int) -> str:
        """Return what a node has said since the cluster was started."""
        return self._made.logs(number)

    def close(self) -> None:
        """Kill the nodes and remove their data. May be called twice."""
        nodes, self._nodes = self._nodes, None
        self._marks.clear()
        if nodes is not None:
            nodes.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
