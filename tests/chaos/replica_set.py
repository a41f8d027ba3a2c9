"""The replicas of a run: started, killed, frozen, stopped, and started again as a supervisor would."""

from __future__ import annotations

import asyncio
import pickle
import signal
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.chaos.processes import ForkServer, ReplicaProcess

RESTART_DELAY = 1.0
"""Seconds until a replica that ended by itself is started again."""


@dataclass
class ReplicaSlot:
    """One of the places in a set: the process that fills it, and how that process was started."""

    number: int
    folder: Path
    process: ReplicaProcess | None = None
    crash_point: str | None = None
    killed_by_harness: bool = False
    started_at: float = 0.0
    after_kill: bool = False


@dataclass
class ReplicaSet:
    """Keeps `size` replicas running. One that ends is started again, with the next of `crash_points` if there is one.

    `crashes` counts the crash points that were reached, `first_commits` has the seconds from a start after a kill to
    the first commit, `unexpected_exits` the last words of replicas that ended by themselves.
    """

    folder: Path
    config: Path
    size: int
    control: str | None = None
    crash_points: deque[str] = field(default_factory=deque)
    crashes: Counter[str] = field(default_factory=Counter)
    first_commits: list[float] = field(default_factory=list)
    unexpected_exits: list[str] = field(default_factory=list)
    kills: int = 0

    def __post_init__(self) -> None:
        self.slots: list[ReplicaSlot] = []
        self._supervisors: list[asyncio.Task[None]] = []
        self._fork_server = ForkServer()

    async def start(self) -> None:
        """Start all replicas."""
        await self._fork_server.start()
        for number in range(self.size):
            folder = self.folder / f"replica-{number}"
            folder.mkdir(exist_ok=True, parents=True)
            self.slots.append(ReplicaSlot(number, folder))
        self._supervisors = [asyncio.create_task(self._supervise(slot)) for slot in self.slots]

    def kill(self, number: int) -> None:
        """Kill a replica with SIGKILL."""
        slot = self.slots[number]
        slot.killed_by_harness = slot.after_kill = True
        self.send_signal(number, signal.SIGKILL)
        self.kills += 1

    def send_signal(self, number: int, signal_number: signal.Signals) -> None:
        """Send any signal to a replica."""
        process = self.slots[number].process
        if process is not None:
            process.send_signal(signal_number)

    async def terminate(self, numbers: Iterable[int], seconds: float = 45.0) -> None:
        """Send SIGTERM, and wait until those processes have ended. They are started again like all others."""
        processes = [process for n in numbers if (process := self.slots[n].process) is not None]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(process.wait() for process in processes))
        except TimeoutError:
            self.unexpected_exits.append("did not end on SIGTERM")

    async def stop(self, seconds: float = 40.0) -> None:
        """End all replicas with SIGTERM, for good; one that has not ended after `seconds` is killed."""
        for supervisor in self._supervisors:
            supervisor.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        processes = [slot.process for slot in self.slots if slot.process is not None and slot.process.running]
        for process in processes:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(process.wait() for process in processes))
        except TimeoutError:
            if seconds > 0:
                self.unexpected_exits.append("did not end on SIGTERM")
        for process in processes:
            process.send_signal(signal.SIGKILL)
        await asyncio.gather(*(process.wait() for process in processes))
        for slot in self.slots:
            self._collect_first_commit(slot)
        self.slots = []

    async def close(self) -> None:
        """Leave no process behind."""
        await self.stop(0.0)
        await self._fork_server.close()

    async def detector_states(self) -> list[dict[bytes, bytes]]:
        """Return the detector's state of every replica, as key and value of the baseline topic's records."""
        states: list[dict[bytes, bytes]] = []
        for slot in self.slots:
            (slot.folder / "state").unlink(missing_ok=True)
            self.send_signal(slot.number, signal.SIGUSR1)
        async with asyncio.timeout(20):
            for slot in self.slots:
                while not (slot.folder / "state").exists():  # noqa: ASYNC110  # another process makes it
                    await asyncio.sleep(0.05)
                states.append(dict(pickle.loads((slot.folder / "state").read_bytes())))
        return states

    async def _supervise(self, slot: ReplicaSlot) -> None:
        while True:
            await self._spawn(slot)
            assert slot.process is not None
            code = await slot.process.wait()
            self._collect_first_commit(slot)
            slot.after_kill = True
            if code == -signal.SIGKILL and not slot.killed_by_harness and slot.crash_point is not None:
                self.crashes[slot.crash_point.rpartition(":")[0]] += 1
                self.kills += 1
            elif not slot.killed_by_harness and code != 0:
                self.unexpected_exits.append(f"exit {code}: {_last_line(slot.folder / 'log')}")
                await asyncio.sleep(RESTART_DELAY)

    async def _spawn(self, slot: ReplicaSlot) -> None:
        (slot.folder / "first_commit").unlink(missing_ok=True)
        slot.crash_point = self.crash_points.popleft() if self.crash_points else None
        arguments = ["--config", str(self.config), "--reports", str(slot.folder), "--name", slot.folder.name]
        arguments += ["--crash", slot.crash_point] if slot.crash_point else []
        arguments += ["--control", self.control] if self.control else []
        slot.killed_by_harness, slot.started_at = False, monotonic()
        slot.process = await self._fork_server.spawn(slot.number, arguments, slot.folder / "log")

    def _collect_first_commit(self, slot: ReplicaSlot) -> None:
        report = slot.folder / "first_commit"
        if slot.after_kill and report.exists():
            self.first_commits.append(float(report.read_text() or slot.started_at) - slot.started_at)
        report.unlink(missing_ok=True)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1][-400:] if lines else ""
