"""`python -m tests.chaos`: three Kafka nodes, replicas, faults, an audit of every line. Exits 1 on any difference.

python -m tests.chaos --minutes 30          everything: the long run, the controls and the special cases
python -m tests.chaos --only "broker killed" --rounds 1 --no-cases
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.cases import Ground, all_cases
from tests.chaos.faults import FAULTS, Scene
from tests.chaos.findings import judge
from tests.chaos.play import STATIC, Run, feeder_for, schedule
from tests.chaos.report import print_run
from tests.chaos.stage import Names, Stage, Times, stage
from tests.chaos.stub import Stub


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the long run")
    parser.add_argument("--rounds", type=int, default=1_000, help="end after so many rounds of all faults")
    parser.add_argument("--only", action="append", default=[], choices=list(FAULTS), help="only this fault; repeatable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=12.0, help="lines a second and partition")
    parser.add_argument("--partitions", type=int, default=6)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--session-timeout", type=float, default=3.0)
    parser.add_argument("--transaction-timeout", type=float, default=10.0)
    parser.add_argument("--static", action="store_true", help="replicas are static members of the group")
    parser.add_argument("--no-cases", action="store_true", help="leave out the controls and the special cases")
    parser.add_argument("--only-cases", action="store_true", help="leave out the long run")
    parser.add_argument("--folder", type=Path, help="keep the replicas' logs here")
    return parser.parse_args()


async def long_run(options: argparse.Namespace, on: Stage, stub: Stub, folder: Path) -> list[str]:
    """Run all faults for as long as asked; return what is wrong."""
    dice = random.Random(options.seed)
    times = times_of(options)
    names = Names("chaos", "chaos-logs", options.partitions)
    await on.make_input(names.input, names.partitions)
    run = Run(on, stub, names, folder / "chaos", times, options.replicas)
    run.changes = STATIC if options.static else {}
    scene = Scene(on, names, run.crew, stub, times, dice)
    feeder = feeder_for(on, names, options.seed, options.rate)
    try:
        await run.open()
        feeder.start()
        await run.progress.reaches(dict.fromkeys(range(names.partitions), 20), 60.0)
        deadline, pressed = time.monotonic() + 60 * options.minutes, pressure()
        for _ in range(options.rounds):
            for name in schedule(dice, options.only):
                if time.monotonic() > deadline:
                    break
                it = await run.harm(scene, name)
                say(f"{name}: {it.kills} kills, moved again after {it.recovery} s")
                await asyncio.sleep(dice.uniform(0.0, 2.0))
        pressed = (pressure() - pressed) / (time.monotonic() - deadline + 60 * options.minutes)
        await feeder.stop()
        say(f"{feeder.sent} lines fed; settling")
        found = await run.close()
    finally:
        await run.abandon()
    calm = Run(on, stub, Names("calm", names.input, names.partitions), folder / "calm", times, 2)
    try:
        await calm.open()
        without = await calm.close()
    finally:
        await calm.abandon()
    verdicts = judge(found, without, [*run.states, *calm.states])
    print_run(run, scene, found)
    print(f"the machine's processors were contended {pressed:.0%} of the time")
    return [*verdicts.problems, *run.stuck, *calm.stuck]


def pressure() -> float:
    """Return for how many seconds, so far, something had to wait for a processor."""
    some = Path("/proc/pressure/cpu")
    return int(some.read_text().split("total=")[1].split()[0]) / 1e6 if some.exists() else 0.0


def times_of(options: argparse.Namespace) -> Times:
    """Return the time-outs asked for."""
    return Times(options.session_timeout, options.transaction_timeout)


def say(text: str) -> None:
    """Tell whoever watches."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


async def perform(options: argparse.Namespace) -> list[str]:
    """Start the cluster and do everything that was asked for."""
    folder = options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    say(f"replicas write to {folder}")
    stub = Stub()
    await stub.start()
    try:
        async with stage() as on:
            say(f"Kafka at {on.true_servers}")
            ground = Ground(on, stub, folder, times_of(options), options.rate, say)
            problems = [] if options.only_cases else await long_run(options, on, stub, folder)
            return problems if options.no_cases else [*problems, *await all_cases(ground)]
    finally:
        await stub.stop()


def main() -> int:
    """Perform, and say how it went."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the harness's own clients suffer too, that is no news
    problems = asyncio.run(perform(arguments()))
    for problem in problems:
        print(f"WRONG: {problem}")
    print("FAILED" if problems else "nothing lost, nothing twice")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
