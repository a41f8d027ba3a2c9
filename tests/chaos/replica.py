"""`strayline run` as it is, in a process that can crash on request, see clocks jump, or lack one part of the design.

    python -m tests.chaos.replica --config FILE --reports FOLDER [--name NAME] [--crash before:EndTxn:3]
        [--control group-offset]

Nothing of the daemon knows of this. What is patched here is aiokafka's `send`, Python's clock, and (for the negative
controls, which must fail the audit) single functions of the daemon. Signals: SIGUSR1 writes the detector's state to
FOLDER/state, SIGUSR2 makes the wall clock jump. The configuration has NAME as ${REPLICA}.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import itertools
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REQUESTS = ("InitProducerId", "AddPartitionsToTxn", "Produce", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn")
MOMENTS = ("before", "sent", "after")
CONTROLS = ("own-transactional-id", "group-offset", "all-from-low", "none-below-next")
CLOCK_JUMPS = (3_600.0, -7_200.0, 90_000.0, -90_000.0)
PR_SET_PDEATHSIG = 1


def exit_with_parent() -> None:
    """Have the kernel kill this process when its parent ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        sys.exit(1)


def jump_clock_on_signal() -> None:
    """Make the wall clock jump at every SIGUSR2; the monotonic clock stays what it is."""
    true_time, jumps, offset = time.time, itertools.cycle(CLOCK_JUMPS), 0.0

    def jump(_signal: int, _frame: object) -> None:
        nonlocal offset
        offset += next(jumps)

    time.time = lambda: true_time() + offset
    signal.signal(signal.SIGUSR2, jump)


def crash_at(crash_point: str) -> None:
    """Kill this process at the n-th request of a kind: before it is sent, just after, or when it is answered."""
    moment, name, count = crash_point.split(":")
    from aiokafka.client import AIOKafkaClient

    requests, original = itertools.count(1), AIOKafkaClient.send

    async def send(self: Any, node_id: int, request: Any, **options: Any) -> Any:
        if type(request).__name__ != f"{name}Request" or next(requests) != int(count):
            return await original(self, node_id, request, **options)
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = asyncio.ensure_future(original(self, node_id, request, **options))
        if moment == "sent":
            await asyncio.wait([answer], timeout=0.003)
        else:
            await answer
        return os.kill(os.getpid(), signal.SIGKILL)

    AIOKafkaClient.send = send


def apply_control(control: str) -> None:
    """Remove one part of the design."""
    from daemon.adapters.kafka import transactions as adapter
    from daemon.core.stream import Checkpoint
    from daemon.runtime.recovery import Recovery

    if control == "own-transactional-id":
        original = vars(adapter)["AIOKafkaProducer"]

        def producer(**options: Any) -> Any:
            options["transactional_id"] += f"-{os.getpid()}"
            return original(**options)

        setattr(adapter, "AIOKafkaProducer", producer)  # noqa: B010  # mypy refuses to assign what a module imports
        return

    async def read(self: Recovery) -> Checkpoint | None:
        stored = await read_checkpoint(self)
        if stored is None or control == "group-offset":
            return None
        nothing = stored.unsettled[:0]
        offset = stored.low if control == "all-from-low" else stored.next
        return Checkpoint(offset, stored.watermark, nothing, stored.config, stored.pieces)

    read_checkpoint = Recovery._read_checkpoint
    setattr(Recovery, "_read_checkpoint", read)  # noqa: B010  # mypy refuses to assign to a method


def report_to(folder: Path) -> None:
    """Write to `folder` the time of this process's first commit, and on SIGUSR1 the detector's state."""
    from daemon import service
    from daemon.adapters.kafka import transactions as adapter

    original_commit: Callable[..., Any] = adapter.KafkaTransactions.commit
    original_make: Callable[..., Any] = vars(service)["make_detector"]

    async def commit(self: adapter.KafkaTransactions, *arguments: Any) -> None:
        await original_commit(self, *arguments)
        if not (report := folder / "first_commit").exists():
            report.write_text(str(time.monotonic()))

    def make_detector(*arguments: Any) -> Any:
        detector = original_make(*arguments)

        def write_state(_signal: int, _frame: object) -> None:
            part = folder / "state.part"
            part.write_bytes(pickle.dumps([(u.key, u.value) for u in detector.dump()]))
            part.rename(folder / "state")

        signal.signal(signal.SIGUSR1, write_state)
        return detector

    setattr(adapter.KafkaTransactions, "commit", commit)  # noqa: B010  # as above
    setattr(service, "make_detector", make_detector)  # noqa: B010  # as above


def main() -> int:
    """Patch what the arguments say, then run the daemon."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--crash")
    parser.add_argument("--control", choices=CONTROLS)
    parser.add_argument("--reports", type=Path, required=True)
    parser.add_argument("--name", default="replica")
    options = parser.parse_args()
    os.environ["REPLICA"] = options.name
    exit_with_parent()
    jump_clock_on_signal()
    if options.crash:
        crash_at(options.crash)
    if options.control:
        apply_control(options.control)
    report_to(options.reports)
    from daemon.cli import main as strayline

    return strayline(["run", "--config", options.config])


if __name__ == "__main__":
    sys.exit(main())
