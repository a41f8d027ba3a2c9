"""The replicas: started, killed, frozen, told to stop, and started again by whoever would be their supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pickle
import signal
import sys
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
SUPERVISOR_PAUSE = 1.0


@dataclass
class Child:
    """A replica's process, as the nursery tells of it."""

    pid: int
    ended: asyncio.Future[int]

    @property
    def running(self) -> bool:
        return not self.ended.done()

    def send_signal(self, what: signal.Signals) -> None:
        """Send a signal to what is still there."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, what)

    async def wait(self) -> int:
        """Return the exit code, once it has ended."""
        return await asyncio.shield(self.ended)


class Nursery:
    """The process that replicas are forked from. See `tests.chaos.nursery`."""

    def __init__(self) -> None:
        self._children: dict[int, Child] = {}
        self._born: dict[int, asyncio.Future[Child]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start(self) -> None:
        """Load everything, unless it is loaded."""
        if self._process is not None:
            return
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.chaos.nursery",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._listener = asyncio.create_task(self._listen(self._process))
        await self._ready.wait()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            news = json.loads(line)
            if "ready" in news:
                self._ready.set()
            elif "slot" in news:
                child = self._children[news["pid"]] = Child(news["pid"], asyncio.get_running_loop().create_future())
                self._born.pop(news["slot"]).set_result(child)
            elif (gone := self._children.pop(news["pid"], None)) is not None:
                gone.ended.set_result(news["code"])

    async def spawn(self, number: int, arguments: Sequence[str], log: Path) -> Child:
        """Start a replica that writes to `log`."""
        assert self._process is not None
        assert self._process.stdin is not None
        born = self._born[number] = asyncio.get_running_loop().create_future()
        order = {"slot": number, "arguments": list(arguments), "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await asyncio.shield(born)

    async def close(self) -> None:
        """End it, and with it every replica that is left."""
        if self._process is None or self._listener is None:
            return
        process, self._process = self._process, None
        for child in list(self._children.values()):
            child.send_signal(signal.SIGKILL)
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await self._listener


@dataclass
class Slot:
    """One place in the crew: the process that fills it, and what it was started with."""

    number: int
    folder: Path
    process: Child | None = None
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
        self._nursery = Nursery()

    async def start(self) -> None:
        """Start all of them."""
        await self._nursery.start()
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
        if process is not None:
            process.send_signal(what)

    async def terminate(self, numbers: Iterable[int], seconds: float = 45.0) -> None:
        """SIGTERM, and wait until those processes have ended; they are started again like all others."""
        processes = [process for n in numbers if (process := self.slots[n].process) is not None]
        for process in processes:
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
        children = [slot.process for slot in self.slots if slot.process is not None and slot.process.running]
        for child in children:
            child.send_signal(signal.SIGCONT)
            child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(child.wait() for child in children))
        except TimeoutError:
            if seconds > 0:
                self.ended.append("did not end on SIGTERM")
        for child in children:
            child.send_signal(signal.SIGKILL)
        await asyncio.gather(*(child.wait() for child in children))
        for slot in self.slots:
            self._collect(slot)
        self.slots = []

    async def close(self) -> None:
        """Leave no process behind."""
        await self.stop(0.0)
        await self._nursery.close()

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
        arguments = ["--config", str(self.config), "--say", str(slot.folder), "--name", slot.folder.name]
        arguments += ["--die", slot.plan] if slot.plan else []
        arguments += ["--control", self.control] if self.control else []
        slot.ours, slot.began = False, monotonic()
        slot.process = await self._nursery.spawn(slot.number, arguments, slot.folder / "log")

    def _collect(self, slot: Slot) -> None:
        said = slot.folder / "useful"
        if slot.after_kill and said.exists():
            self.useful.append(float(said.read_text() or slot.began) - slot.began)
        said.unlink(missing_ok=True)
