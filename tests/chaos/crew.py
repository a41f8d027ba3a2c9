"""The replicas: started, killed, frozen, told to stop, and started again by whoever would be their supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import sys
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parent.parent.parent
SUPERVISOR_PAUSE = 1.0


@dataclass
class Slot:
    """One place in the crew: the process that fills it, and what it was started with."""

    number: int
    folder: Path
    process: asyncio.subprocess.Process | None = None
    plan: str | None = None
    ours: bool = False
    began: float = 0.0
    after_kill: bool = False


@dataclass
class Crew:
    """Keeps `size` replicas running. A process that ends is started again, with the next of `plans` if there is one."""

    folder: Path
    config: Path
    size: int
    control: str | None = None
    plans: deque[str] = field(default_factory=deque)
    deaths: Counter[str] = field(default_factory=Counter)
    useful: list[float] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    kills: int = 0

    def __post_init__(self) -> None:
        self.slots: list[Slot] = []
        self._minders: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start all of them."""
        for number in range(self.size):
            folder = self.folder / f"replica-{number}"
            folder.mkdir(exist_ok=True, parents=True)
            self.slots.append(Slot(number, folder))
        self._minders = [asyncio.create_task(self._mind(slot)) for slot in self.slots]

    def kill(self, number: int) -> None:
        """kill -9."""
        slot = self.slots[number]
        slot.ours = slot.after_kill = True
        self.signal(number, signal.SIGKILL)
        self.kills += 1

    def signal(self, number: int, what: signal.Signals) -> None:
        """Send any signal."""
        process = self.slots[number].process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(what)

    async def terminate(self, numbers: Iterable[int], seconds: float = 45.0) -> None:
        """SIGTERM, and wait until those processes have ended; they are started again like all others."""
        processes = [process for n in numbers if (process := self.slots[n].process) is not None]
        for process in processes:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(process.wait() for process in processes))
        except TimeoutError:
            self.ended.append("did not end on SIGTERM")

    async def stop(self, seconds: float = 40.0) -> None:
        """End all of them as an operator would, with SIGTERM; what has not ended in time is killed."""
        for minder in self._minders:
            minder.cancel()
        await asyncio.gather(*self._minders, return_exceptions=True)
        running = [slot for slot in self.slots if slot.process is not None and slot.process.returncode is None]
        for slot in running:
            self.signal(slot.number, signal.SIGCONT)
            self.signal(slot.number, signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                for slot in running:
                    assert slot.process is not None
                    await slot.process.wait()
        except TimeoutError:
            self.ended.append("did not end on SIGTERM")
        finally:
            for slot in running:
                assert slot.process is not None
                if slot.process.returncode is None:
                    slot.process.kill()
                    await slot.process.wait()
                self._collect(slot)
            self.slots = []

    async def dumps(self) -> list[dict[bytes, bytes]]:
        """Return the detector's state of every replica."""
        states: list[dict[bytes, bytes]] = []
        for slot in self.slots:
            (slot.folder / "dump").unlink(missing_ok=True)
            self.signal(slot.number, signal.SIGUSR1)
        async with asyncio.timeout(20):
            for slot in self.slots:
                while not (slot.folder / "dump").exists():  # noqa: ASYNC110  # another process makes it
                    await asyncio.sleep(0.05)
                states.append(dict(pickle.loads((slot.folder / "dump").read_bytes())))
        return states

    async def _mind(self, slot: Slot) -> None:
        while True:
            await self._spawn(slot)
            assert slot.process is not None
            code = await slot.process.wait()
            self._collect(slot)
            slot.after_kill = True
            if code == -signal.SIGKILL and not slot.ours and slot.plan is not None:
                self.deaths[slot.plan.rpartition(":")[0]] += 1
                self.kills += 1
            elif not slot.ours and code != 0:
                self.ended.append(f"exit {code}: {self.last_words(slot)}")
                await asyncio.sleep(SUPERVISOR_PAUSE)

    def last_words(self, slot: Slot) -> str:
        """Return the end of a replica's log."""
        lines = (slot.folder / "log").read_text(errors="replace").splitlines()
        return lines[-1][-400:] if lines else ""

    async def _spawn(self, slot: Slot) -> None:
        (slot.folder / "useful").unlink(missing_ok=True)
        slot.plan = self.plans.popleft() if self.plans else None
        command = ["-m", "tests.chaos.replica", "--config", str(self.config), "--say", str(slot.folder)]
        command += ["--die", slot.plan] if slot.plan else []
        command += ["--control", self.control] if self.control else []
        with (slot.folder / "log").open("ab") as log:
            slot.ours, slot.began = False, monotonic()
            slot.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )

    def _collect(self, slot: Slot) -> None:
        said = slot.folder / "useful"
        if slot.after_kill and said.exists():
            self.useful.append(float(said.read_text() or slot.began) - slot.began)
        said.unlink(missing_ok=True)
