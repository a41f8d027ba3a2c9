"""`python -m tests.chaos`: three Kafka nodes, replicas, faults, an audit of every line. Exits 1 on any difference.

python -m tests.chaos --minutes 30          everything: the long run, the scenarios and the controls
python -m tests.chaos --repartition 4 --no-cases         the long run, through the topic between
python -m tests.chaos --shared-out --no-cases            the long run, with the baselines shared out
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

from tests.chaos.cluster import RunTopics, Timeouts, proxied_cluster
from tests.chaos.faults import FAULTS, Targets
from tests.chaos.load_generator import SCOPES
from tests.chaos.report import print_run
from tests.chaos.run import SCATTERED, SHARED_OUT, STATIC, Run, load_generator, schedule
from tests.chaos.run_audit import problems_of, sessions_cut
from tests.chaos.scenarios import Environment, run_scenarios
from tests.support.embedding_server import EmbeddingServer


def arguments() -> argparse.Namespace:
    """Parse the command line."""
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
    parser.add_argument(
        "--repartition",
        type=int,
        default=0,
        metavar="PARTITIONS",
        help="scatter the lines of sessions and of stack traces' sources, and let them go through a topic of so many",
    )
    parser.add_argument(
        "--shared-out", action="store_true", help="a scope a partition, and replicas have the baselines that they serve"
    )
    parser.add_argument("--no-cases", action="store_true", help="leave out the scenarios and the controls")
    parser.add_argument("--only-cases", action="store_true", help="leave out the long run")
    parser.add_argument("--folder", type=Path, help="keep the replicas' logs here")
    return parser.parse_args()


async def long_run(options: argparse.Namespace, environment: Environment) -> list[str]:
    """Inject all faults for as long as asked; return what is wrong."""
    cluster, source = environment.cluster, random.Random(options.seed)
    topics = RunTopics("chaos", "chaos-logs", options.partitions, options.repartition)
    await cluster.create_input(topics.input, topics.partitions)
    run = environment.new_run(topics, options.replicas)
    shared = options.shared_out
    run.changes = {
        **(STATIC if options.static else {}),
        **(SCATTERED if topics.between else {}),
        **(SHARED_OUT if shared else {}),
    }
    targets = Targets(cluster, topics, run.replicas, environment.engine, environment.timeouts, source)
    generator = load_generator(cluster, topics, options.seed, options.rate, topics.partitions if shared else SCOPES)
    try:
        await run.start()
        generator.start()
        await run.progress.reach(dict.fromkeys(range(topics.partitions), 20), 60.0)
        began, waited = time.monotonic(), cpu_pressure()
        await inject_rounds(options, run, targets)
        contended = (cpu_pressure() - waited) / (time.monotonic() - began)
        await generator.stop()
        log(f"{generator.sent} lines written; settling")
        audited = await run.finish()
    finally:
        await run.close()
    print_run(run, targets, audited)
    print(f"the machine's processors were contended {contended:.0%} of the time")
    if topics.between:
        return [*problems_of(audited, None, run.states), *sessions_cut(audited), *run.too_slow]
    reference_run = environment.new_run(RunTopics("calm", topics.input, topics.partitions), 2)
    try:
        await reference_run.start()
        reference = await reference_run.finish()
    finally:
        await reference_run.close()
    problems = [
        *problems_of(audited, reference, run.states, shared_out=shared),
        *problems_of(reference, None, reference_run.states),
    ]
    return [*problems, *run.too_slow, *reference_run.too_slow]


async def inject_rounds(options: argparse.Namespace, run: Run, targets: Targets) -> None:
    """Inject round after round of all faults until the time or the number of rounds is over."""
    deadline = time.monotonic() + 60 * options.minutes
    for _ in range(options.rounds):
        for name in schedule(targets.random, options.only):
            if time.monotonic() > deadline:
                return
            fault = await run.inject(targets, name)
            log(f"{name}: {fault.kills} kills, all partitions committed again after {fault.recovery} s")
            await asyncio.sleep(targets.random.uniform(0.0, 2.0))


def cpu_pressure() -> float:
    """Return for how many seconds, so far, something had to wait for a processor."""
    some = Path("/proc/pressure/cpu")
    return int(some.read_text().split("total=")[1].split()[0]) / 1e6 if some.exists() else 0.0


def log(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


async def run_all(options: argparse.Namespace) -> list[str]:
    """Start the cluster and run everything that was asked for; return what is wrong."""
    folder = options.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    log(f"replicas write to {folder}")
    timeouts = Timeouts(options.session_timeout, options.transaction_timeout)
    engine = EmbeddingServer()
    await engine.start()
    try:
        async with proxied_cluster() as cluster:
            log(f"Kafka at {cluster.direct_servers}")
            environment = Environment(cluster, engine, folder, timeouts, options.rate, log)
            problems = [] if options.only_cases else await long_run(options, environment)
            return problems if options.no_cases else [*problems, *await run_scenarios(environment)]
    finally:
        await engine.stop()


def main() -> int:
    """Run, and print the outcome."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the harness's own clients meet the faults too
    problems = asyncio.run(run_all(arguments()))
    for problem in problems:
        print(f"WRONG: {problem}")
    print("FAILED" if problems else "nothing lost, nothing twice")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
