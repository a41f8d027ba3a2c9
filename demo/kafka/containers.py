"""Nodes as Docker containers of the image `apache/kafka`, through testcontainers.

Each container publishes its client port on the loopback interface under a fixed number, so that a node that is killed
and started again keeps its address; brokers and controllers talk over a network of the cluster's own. The reaper of
this package cleans up instead of testcontainers' own, which would need a second image and a privileged mount.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from typing import cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.containers import Container
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from daemon.errors import UnavailableError
from demo.kafka.nodes import HEAP, JVM, VERSION, Node, Plan, PortTakenError, cluster_id
from demo.kafka.reaper import Reaper

IMAGE = f"apache/kafka:{VERSION}"
PULL_TIMEOUT = 120
STOP_TIMEOUT = 30


def image(say: Callable[[str], None]) -> None:
    """See that the image is here, pulling it if need be. Raises UnavailableError."""
    try:
        _knock()
        client = docker.from_env(timeout=PULL_TIMEOUT)
        client.ping()
    except (DockerException, OSError) as error:
        raise UnavailableError(f"no daemon answers ({error})") from error
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        say(f"pulling {IMAGE}")
        try:
            client.images.pull(IMAGE)
        except (DockerException, OSError) as error:
            raise UnavailableError(f"the image {IMAGE} is not here and cannot be pulled ({error})") from error
    finally:
        client.close()


def _knock() -> None:
    """Raise OSError when nobody listens on the daemon's socket; the client would leak its own socket there."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(address.removeprefix("unix://"))


def variable(name: str) -> str:
    """Return the environment variable by which the image takes a broker property."""
    return "KAFKA_" + name.replace("-", "___").replace("_", "__").replace(".", "_").upper()


class ContainerNodes:
    """The nodes of one cluster as containers. See `demo.kafka.nodes.Nodes` for what can be done to them."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        image(say)
        testcontainers_config.ryuk_disabled = True
        self._plan = plan
        self._name = f"strayline-{uuid.uuid4().hex[:12]}"
        self._cluster = cluster_id()
        self._containers: dict[int, Container] = {}
        self._reaper = Reaper()
        self._network = Network()
        self._reaper.tell("network", self._network.name)
        try:
            self._network.create()
        except DockerException as error:
            self._reaper.close()
            raise UnavailableError(f"the daemon cannot make a network ({error})") from error

    def _host(self, number: int) -> str:
        return f"{self._name}-{number}"

    def _own(self, node: Node) -> dict[str, str]:
        voters = (f"{other.number}@{self._host(other.number)}:9093" for other in self._plan.nodes)
        internal = f"INTERNAL://{self._host(node.number)}:19092"
        return {
            "listeners": "CLIENT://:9092,INTERNAL://:19092,CONTROLLER://:9093",
            "advertised.listeners": f"CLIENT://{self._plan.address(node)},{internal}",
            "controller.quorum.voters": ",".join(voters),
        }

    def start(self, number: int) -> None:
        """Start the node's container, making it the first time. Raises PortTakenError."""
        if number in self._containers:
            self._containers[number].start()
            return
        node = self._plan.nodes[number - 1]
        host = self._host(number)
        made = DockerContainer(IMAGE).with_name(host).with_network(self._network).with_network_aliases(host)
        # Docker takes an address beside the port, which testcontainers' types do not know.
        made.ports["9092/tcp"] = cast("int", ("127.0.0.1", node.client))
        made = made.with_env("CLUSTER_ID", self._cluster).with_env("KAFKA_HEAP_OPTS", " ".join(HEAP))
        made = made.with_env("KAFKA_JVM_PERFORMANCE_OPTS", " ".join(JVM))
        for key, value in self._plan.properties(node, self._own(node)).items():
            made = made.with_env(variable(key), value)
        self._reaper.tell("container", host)
        try:
            self._containers[number] = made.start().get_wrapped_container()
        except APIError as error:
            if "port is already allocated" in str(error) or "address already in use" in str(error):
                raise PortTakenError from error
            raise

    def running(self, number: int) -> bool:
        """Return whether the container runs; one that is paused does."""
        self._containers[number].reload()
        return self._containers[number].status in {"created", "running", "paused"}

    def kill(self, number: int) -> None:
        """Kill the container's process at once and see it gone."""
        if self.running(number):
            self._containers[number].kill()
            self._containers[number].wait()

    def stop(self, number: int) -> None:
        """Ask the container to stop and see it gone; it is killed when it has not within 30 s."""
        self._containers[number].stop(timeout=STOP_TIMEOUT)

    def pause(self, number: int) -> None:
        """Freeze the container."""
        self._containers[number].pause()

    def resume(self, number: int) -> None:
        """Thaw the container."""
        self._containers[number].unpause()

    def logs(self, number: int) -> str:
        """Return everything the node has said."""
        return self._containers[number].logs().decode(errors="replace")

    def close(self) -> None:
        """Remove containers and network."""
        self._reaper.close()
