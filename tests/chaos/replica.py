"""`strayline run` as it is, in a process that can be made to die, to see clocks jump, or to lack a part of the design.

    python -m tests.chaos.replica --config FILE --say FOLDER [--name NAME] [--die before:EndTxn:3]
        [--control group-offset]

Nothing of the daemon knows of this: what is changed here is aiokafka's `send`, Python's clock, and (for the controls,
which must fail the audit) single functions of the daemon. Signals: SIGUSR1 writes the detector's state to FOLDER/dump,
SIGUSR2 makes the wall clock jump. The configuration finds NAME as ${REPLICA}.
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

POINTS = ("InitProducerId", "AddPartitionsToTxn", "Produce", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn")
MOMENTS = ("before", "sent", "after")
CONTROLS = ("own-transactional-id", "group-offset", "all-from-low", "none-below-next")
JUMPS = (3_600.0, -7_200.0, 90_000.0, -90_000.0)
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when the harness is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        sys.exit(1)


def let_the_clock_jump() -> None:
    """Make the wall clock jump at every SIGUSR2; the monotonic clock stays what it is."""
    true_time, jumps, offset = time.time, itertools.cycle(JUMPS), 0.0

    def jump(_signal: int, _frame: object) -> None:
        nonlocal offset
        offset += next(jumps)

    time.time = lambda: true_time() + offset
    signal.signal(signal.SIGUSR2, jump)


def die_at(plan: str) -> None:
    """Kill this process around the n-th request of a kind: before it is sent, just after, or when it is answered."""
    moment, point, count = plan.split(":")
    from aiokafka.client import AIOKafkaClient

    met, plain = itertools.count(1), AIOKafkaClient.send

    async def send(self: Any, node_id: int, request: Any, **options: Any) -> Any:
        if type(request).__name__ != f"{point}Request" or next(met) != int(count):
            return await plain(self, node_id, request, **options)
        if moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = asyncio.ensure_future(plain(self, node_id, request, **options))
        if moment == "sent":
            await asyncio.wait([answer], timeout=0.003)
        else:
            await answer
        return os.kill(os.getpid(), signal.SIGKILL)

    AIOKafkaClient.send = send


def lack(control: str) -> None:
    """Take one part of the design away."""
    from daemon.adapters.kafka import transactions as adapter
    from daemon.core.stream.checkpoint import Checkpoint
    from daemon.runtime.partition import Partition

    if control == "own-transactional-id":
        plain = vars(adapter)["AIOKafkaProducer"]

        def producer(**options: Any) -> Any:
            options["transactional_id"] += f"-{os.getpid()}"
            return plain(**options)

        setattr(adapter, "AIOKafkaProducer", producer)  # noqa: B010  # it is not the adapter's to give
        return

    async def read(self: Partition) -> Checkpoint | None:
        found = await whole(self)
        if found is None or control == "group-offset":
            return None
        nothing = found.unsettled[:0]
        offset = found.low if control == "all-from-low" else found.next
        return Checkpoint(offset, found.watermark, nothing, found.state, found.config)

    whole = Partition._read_checkpoint
    setattr(Partition, "_read_checkpoint", read)  # noqa: B010  # a method is not assigned to otherwise


def tell(folder: Path) -> None:
    """Write to `folder` when the first transaction of this process is through, and the detector's state on SIGUSR1."""
    from daemon import service
    from daemon.adapters.kafka import transactions as adapter

    plain: Callable[..., Any] = adapter.KafkaTransactions.commit
    make: Callable[..., Any] = vars(service)["make_detector"]

    async def commit(self: adapter.KafkaTransactions, *arguments: Any) -> None:
        await plain(self, *arguments)
        if not (said := folder / "useful").exists():
            said.write_text(str(time.monotonic()))

    def make_detector(*arguments: Any) -> Any:
        detector = make(*arguments)

        def dump(_signal: int, _frame: object) -> None:
            part = folder / "dump.part"
            part.write_bytes(pickle.dumps([(u.key, u.value) for u in detector.dump()]))
            part.rename(folder / "dump")

        signal.signal(signal.SIGUSR1, dump)
        return detector

    setattr(adapter.KafkaTransactions, "commit", commit)  # noqa: B010  # as above
    setattr(service, "make_detector", make_detector)  # noqa: B010  # as above


def main() -> int:
    """Change what is to be changed, then run the daemon."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--die")
    parser.add_argument("--control", choices=CONTROLS)
    parser.add_argument("--say", type=Path, required=True)
    parser.add_argument("--name", default="replica")
    options = parser.parse_args()
    os.environ["REPLICA"] = options.name
    die_with_parent()
    let_the_clock_jump()
    if options.die:
        die_at(options.die)
    if options.control:
        lack(options.control)
    tell(options.say)
    from daemon.cli import main as strayline

    return strayline(["run", "--config", options.config])


if __name__ == "__main__":
    sys.exit(main())
