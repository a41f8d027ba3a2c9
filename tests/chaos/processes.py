"""The client of the fork server: replica processes that are started, signalled and waited for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class ReplicaProcess:
    """A replica's process, as the fork server reports it."""

    pid: int
    ended: asyncio.Future[int]

    @property
    def running(self) -> bool:
        return not self.ended.done()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal if the process still runs."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self) -> int:
        """Return the exit code once the process has ended."""
        return await asyncio.shield(self.ended)


class ForkServer:
    """Runs `tests.chaos.fork_server` and starts replicas through it."""

    def __init__(self) -> None:
        self._running: dict[int, ReplicaProcess] = {}
        self._starting: dict[int, asyncio.Future[ReplicaProcess]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start(self) -> None:
        """Start the server and wait until it has its modules loaded; nothing happens if it already runs."""
        if self._process is not None:
            return
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.chaos.fork_server",
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
            event = json.loads(line)
            if "ready" in event:
                self._ready.set()
            elif "slot" in event:
                ended = asyncio.get_running_loop().create_future()
                started = self._running[event["pid"]] = ReplicaProcess(event["pid"], ended)
                self._starting.pop(event["slot"]).set_result(started)
            elif (gone := self._running.pop(event["pid"], None)) is not None:
                gone.ended.set_result(event["code"])

    async def spawn(self, slot: int, arguments: Sequence[str], log: Path) -> ReplicaProcess:
        """Start a replica that writes to `log`."""
        assert self._process is not None
        assert self._process.stdin is not None
        started = self._starting[slot] = asyncio.get_running_loop().create_future()
        request = {"slot": slot, "arguments": list(arguments), "log": str(log)}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return await asyncio.shield(started)

    async def close(self) -> None:
        """Kill all replicas that are left, and end the server."""
        if self._process is None or self._listener is None:
            return
        process, self._process = self._process, None
        for replica in list(self._running.values()):
            replica.send_signal(signal.SIGKILL)
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await self._listener
