"""Nodes as Java processes on this machine, from Maven Central's own jars.

The jars are fetched once a checkout into `.kafka/`, under a lock and into a folder that gets its name only when it is
complete. Each node is a process group of its own with a folder of its own; the reaper knows both.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from daemon.errors import UnavailableError
from demo.kafka.nodes import HEAP, JVM, VERSION, Node, Plan, PortTakenError, cluster_id, tail
from demo.kafka.reaper import Reaper

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".kafka"
STOP_TIMEOUT = 30.0


def jars(say: Callable[[str], None]) -> Path:
    """Return the folder of Kafka's jars, fetching them with Maven the first time (43 MB). Raises UnavailableError."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise UnavailableError(f"there is no {program} here (a JDK and Maven are wanted)")
    folder = CACHE / f"libs-{VERSION}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            say(f"fetching Apache Kafka {VERSION} with Maven")
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as new:
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={new}/libs"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnavailableError(f"Maven could not fetch Kafka's jars:\n{tail(done.stdout + done.stderr, 8)}")
        (Path(new) / "libs").rename(folder)


class JavaNodes:
    """The nodes of one cluster as Java processes. See `demo.kafka.nodes.Nodes` for what can be done to them."""

    def __init__(self, plan: Plan, data: Path | None, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._command = [
            "java",
            *HEAP,
            *JVM,
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}",
            "-cp",
            f"{jars(say)}/*",
        ]
        self._folder = Path(tempfile.mkdtemp(prefix="kafka-", dir=data))
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._reaper = Reaper()
        self._reaper.tell("folder", str(self._folder))
        try:
            self._format()
        except BaseException:
            self.close()
            raise

    def _format(self) -> None:
        """Write every node's settings and format its storage, side by side."""
        cluster = cluster_id()
        tools = []
        for node in self._plan.nodes:
            properties = self._plan.properties(node, self._own(node))
            text = "".join(f"{key}={value}\n" for key, value in properties.items())
            self._path(node.number, "properties").write_text(text)
            arguments = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c"]
            tools.append(self._java([*arguments, str(self._path(node.number, "properties"))], node.number))
        for node, tool in zip(self._plan.nodes, tools, strict=True):
            if tool.wait():
                raise RuntimeError(
                    f"node {node.number}'s storage could not be formatted:\n{tail(self.logs(node.number))}"
                )
            self._reaper.tell("forget", tool.pid)

    def _own(self, node: Node) -> dict[str, str]:
        listeners = f"CLIENT://127.0.0.1:{node.client},INTERNAL://127.0.0.1:{node.internal}"
        voters = (f"{other.number}@127.0.0.1:{other.controller}" for other in self._plan.nodes)
        return {
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{node.controller}",
            "advertised.listeners": f"CLIENT://{self._plan.address(node)},INTERNAL://127.0.0.1:{node.internal}",
            "controller.quorum.voters": ",".join(voters),
            "log.dirs": str(self._folder / f"node-{node.number}"),
        }

    def _path(self, number: int, kind: str) -> Path:
        return self._folder / f"node-{number}.{kind}"

    def _java(self, arguments: list[str], number: int) -> subprocess.Popen[bytes]:
        with self._path(number, "log").open("ab") as log:
            process = subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._reaper.tell("process", process.pid)
        return process

    def start(self, number: int) -> None:
        """Start the node's process."""
        self._processes[number] = self._java(["kafka.Kafka", str(self._path(number, "properties"))], number)

    def running(self, number: int) -> bool:
        """Return whether the process exists. Raises PortTakenError when it ended because a port was taken."""
        running = self._processes[number].poll() is None
        if not running and "Address already in use" in tail(self.logs(number), 100):
            raise PortTakenError
        return running

    def kill(self, number: int) -> None:
        """Kill the process at once and see it gone."""
        self._end(number, signal.SIGKILL)

    def stop(self, number: int) -> None:
        """Ask the process to stop and see it gone; it is killed when it has not within 30 s."""
        self._end(number, signal.SIGTERM)

    def pause(self, number: int) -> None:
        """Freeze the process."""
        os.killpg(self._processes[number].pid, signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """Thaw the process."""
        os.killpg(self._processes[number].pid, signal.SIGCONT)

    def logs(self, number: int) -> str:
        """Return everything the node has said."""
        return self._path(number, "log").read_text(errors="replace")

    def close(self) -> None:
        """Kill all processes and remove all data."""
        for number in self._processes:
            self.kill(number)
        self._reaper.close()

    def _end(self, number: int, how: signal.Signals) -> None:
        process = self._processes[number]
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._reaper.tell("forget", process.pid)
