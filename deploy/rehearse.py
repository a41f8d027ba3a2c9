"""The daemon as its service manager would run it, under load: `python -m deploy.rehearse [--seconds N]`.

A real Kafka is started, the topics are made, and `strayline run` starts under the restrictions of strayline.service
(deploy/systemd/sandbox.py) with a real notify socket and the in-process vLLM engine. While several services' logs come
in, with faults and broken records among them, a real Prometheus evaluates every panel of the daemon's boards. Then the
daemon is signalled to reload and to stop. Each promise of the unit is checked; the exit code is 1 when one is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from demo.broker import Cluster
from deploy.evaluate import Evaluation, evaluate_panels, evaluate_rules, table
from deploy.generator import send
from deploy.prometheus_server import prometheus

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / ".venv/lib/python3.11/site-packages"
WATCHDOG_SECONDS = 6.0
START_SECONDS = 600.0
CONFIG = """
kafka: {{bootstrap_servers: ["{servers}"], group_id: rehearsal, session_timeout: 10s}}
sessions: {{gap: 2s, idle_flush: 2s}}
engine: {{model: all-MiniLM-L6-v2, options: {{disable_log_stats: false}}}}
detector: {{warm_up: 150}}
topics: {{verdicts: strayline.verdicts}}
http: {{port: {port}}}
"""


@dataclass
class Manager:
    """The service manager's end of the notify socket: every message with its time."""

    path: str
    heard: list[tuple[float, str]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> None:
        """Collect messages on a thread of its own."""
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        channel.bind(self.path)
        Path(self.path).chmod(0o777)  # the daemon is another user
        threading.Thread(target=self._collect, args=(channel,), daemon=True).start()

    def _collect(self, channel: socket.socket) -> None:
        while True:
            text = channel.recv(4096).decode()
            with self._changed:
                self.heard += [(time.monotonic(), line) for line in text.split("\n")]
                self._changed.notify_all()

    def wait(self, message: str, since: float, seconds: float, alive: Callable[[], bool]) -> float:
        """Return when `message` was first heard after `since`; raises TimeoutError, also when the daemon has ended."""
        give_up = time.monotonic() + seconds
        with self._changed:
            while True:
                times = [when for when, line in self.heard if line == message and when >= since]
                if times:
                    return times[0]
                if time.monotonic() > give_up or not alive():
                    raise TimeoutError(f"no {message} within {seconds:.0f} s; heard {[line for _, line in self.heard]}")
                self._changed.wait(1.0)

    def times(self, message: str) -> list[float]:
        """Return when `message` was heard."""
        with self._changed:
            return [when for when, line in self.heard if line == message]


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise: whether it was kept, and what was seen."""

    promise: str
    kept: bool
    seen: str


@contextmanager
def loading(servers: str) -> Iterator[list[int]]:
    """Send logs from a thread while inside; afterwards the list holds the number of lines sent."""
    stop, sent = threading.Event(), []
    thread = threading.Thread(target=lambda: sent.append(asyncio.run(send(servers, stop.is_set))))
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def start(folder: Path, manager: Manager) -> subprocess.Popen[bytes]:
    """Start the daemon in its sandbox, logging to folder/daemon.log."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{ROOT}:{SITE}",
        "NOTIFY_SOCKET": manager.path,
        "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6)),
    }
    command = ["/usr/bin/python3", "-m", "deploy.systemd.sandbox", "--bind", str(folder), "--"]
    command += ["/usr/bin/python3", "-m", "daemon.cli", "run", "--config", str(folder / "config.yaml")]
    with (folder / "daemon.log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log)  # noqa: S603


def main_process(sandbox: int) -> int:
    """Return the daemon's process id: the last one under the sandbox's own."""
    process = sandbox
    while children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
        if b"daemon.cli" in Path(f"/proc/{process}/cmdline").read_bytes().split(b"--")[0]:
            break
        process = int(children[0])
    return process


def ask(port: int, path: str) -> tuple[float, str]:
    """Return how long a GET took, in seconds, and its body."""
    began = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return time.monotonic() - began, answer.read().decode()


def rehearse(folder: Path, servers: str, seconds: float) -> tuple[list[Finding], list[Evaluation]]:
    """Start, load, watch, reload and stop the daemon; return the findings and what the boards showed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    (folder / "config.yaml").write_text(CONFIG.format(servers=servers, port=port))
    make = [sys.executable, "-m", "daemon.cli", "topics", "create", "--config", str(folder / "config.yaml")]
    subprocess.run([*make, "--replication", "1", "--input-partitions", "4"], cwd=ROOT, check=True)  # noqa: S603
    manager = Manager(str(folder / "notify"))
    manager.listen()
    began = time.monotonic()
    process = start(folder, manager)
    try:
        ready = manager.wait("READY=1", began, START_SECONDS, lambda: process.poll() is None)
        print(f"ready after {ready - began:.1f} s", flush=True)
        findings = [Finding("READY=1 when it runs", True, f"{ready - began:.1f} s after the start")]
        daemon = main_process(process.pid)
        with loading(servers) as sent:
            evaluations, slow = _under_load(port, seconds)
            findings += _while_running(manager, daemon, port, slow)
        findings.append(Finding("logs were sent", sent[0] > 0, f"{sent[0]} lines"))
        stopped = time.monotonic()
        os.kill(daemon, signal.SIGTERM)
        manager.wait("STOPPING=1", stopped, 10, lambda: True)
        code = process.wait(90)
        took = time.monotonic() - stopped
        findings.append(
            Finding("SIGTERM drains within TimeoutStopSec and ends with 0", code == 0, f"{code}, {took:.1f} s")
        )
    finally:
        process.kill()
        process.wait()
    return findings, evaluations


def _under_load(port: int, seconds: float) -> tuple[list[Evaluation], list[float]]:
    slow: list[float] = []
    finished = threading.Event()

    def probe() -> None:
        while not finished.wait(0.5):
            slow.append(ask(port, "/healthz")[0])

    probing = threading.Thread(target=probe)
    probing.start()
    try:
        with prometheus([f"127.0.0.1:{port}"], samples=int(seconds)) as server:
            return [*evaluate_panels(server), *evaluate_rules(server)], slow
    finally:
        finished.set()
        probing.join()


def _while_running(manager: Manager, daemon: int, port: int, slow: list[float]) -> list[Finding]:
    beats = manager.times("WATCHDOG=1")
    longest = max((later - earlier for earlier, later in pairwise(beats)), default=float("inf"))
    status = Path(f"/proc/{daemon}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    slow = sorted(slow)
    reload = time.monotonic()
    os.kill(daemon, signal.SIGHUP)
    manager.wait("RELOADING=1", reload, 10, lambda: True)
    again = manager.wait("READY=1", reload, 10, lambda: True)
    resident = int(fields["VmRSS"].split()[0]) / 1024
    return [
        Finding(
            "the watchdog is fed in time", longest < WATCHDOG_SECONDS, f"{len(beats)} times, at most {longest:.1f} s"
        ),
        Finding("it may gain no privileges", fields["NoNewPrivs"] == "1", f"NoNewPrivs {fields['NoNewPrivs']}"),
        Finding("it has no capabilities", int(fields["CapEff"], 16) == 0, f"CapEff {fields['CapEff']}"),
        Finding("its system calls are filtered", fields["Seccomp"] == "2", f"Seccomp {fields['Seccomp']}"),
        Finding("it is not root", fields["Uid"].split()[0] != "0", f"user {fields['Uid'].split()[0]}"),
        Finding("it is ready", '"ready"' in ask(port, "/readyz")[1], ask(port, "/readyz")[1].strip()),
        Finding(
            "/healthz answers within 100 ms under load",
            slow[len(slow) // 2] < 0.1,
            f"median {slow[len(slow) // 2] * 1e3:.0f} ms, longest {slow[-1] * 1e3:.0f} ms of {len(slow)}",
        ),
        Finding("SIGHUP reloads", True, f"RELOADING to READY {(again - reload) * 1e3:.0f} ms"),
        Finding("memory", resident > 0, f"{resident:.0f} MiB resident, in-process engine included"),
    ]


def main(arguments: list[str]) -> int:
    """Rehearse and print; returns 1 when a promise is broken or a panel is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60, help="how long the load lasts")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the daemon's log, and name it")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="strayline-rehearsal-", dir="/run"))
    folder.chmod(0o777)
    with Cluster() as cluster:
        try:
            findings, evaluations = rehearse(folder, cluster.bootstrap_servers, options.seconds)
        except TimeoutError:
            print((folder / "daemon.log").read_text()[-4000:], file=sys.stderr)
            raise
        finally:
            if options.keep:
                print(f"kept {folder}")
            else:
                shutil.rmtree(folder)
    print(table(evaluations), end="\n\n")
    for one in findings:
        print(f"{'kept  ' if one.kept else 'BROKEN'}  {one.promise}: {one.seen}")
    bad = [one for one in evaluations if one.bad]
    for panel in bad:
        print(f"BROKEN  {panel.board} / {panel.title}: {panel.error or 'no data'}: {panel.expr}")
    return 1 if bad or not all(one.kept for one in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
