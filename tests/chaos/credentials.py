"""A run under brokers that refuse: the password changes on them first and in its file later, rights go and come back.

    python -m tests.chaos.credentials [--rounds 2] [--seed 1]

It has a cluster of its own, whose listener for clients wants a login (SCRAM) and grants each user what it was given.
The harness itself comes in by the brokers' own listener, and is never refused. The audit is the one of all other runs.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from daemon.config import load_config
from deploy.acls import Acl, daemon_acls
from tests.chaos.cluster import RunTopics, Timeouts
from tests.chaos.guarded_cluster import GuardedCluster, guarded_cluster
from tests.chaos.load_generator import LoadGenerator
from tests.chaos.run import RECOVERY_LIMIT, SCATTERED, Run, now_ms
from tests.chaos.run_audit import RunAudit, problems_of, sessions_cut
from tests.support.embedding_server import EmbeddingServer
from tests.support.guarded import allow, take_away
from tests.support.guarded_brokers import set_password

USER = "strayline"
PARTITIONS = 3
REFUSED = 8.0
"""Seconds for which the brokers refuse."""


@dataclass
class Guard:
    """What changes hands: the password's file, the rights of a run, and who may change them."""

    cluster: GuardedCluster
    admin: AIOKafkaAdminClient
    password: Path
    run: Run
    random: random.Random
    words: int = 0

    async def next_word(self) -> str:
        """Give the user another password on the brokers, and return it."""
        self.words += 1
        word = f"word-{self.words}"
        await asyncio.to_thread(set_password, self.cluster.direct_servers, word)
        return word


async def change_password(guard: Guard) -> None:
    """Logins with the password of the file are refused, also of a replica that starts anew; then it changes."""
    word = await guard.next_word()
    guard.run.replicas.kill(guard.random.randrange(guard.run.size))
    await asyncio.sleep(REFUSED)
    guard.password.write_text(f"{word}\n")


def without(acl_of: Callable[[RunTopics], Acl]) -> Callable[[Guard], Awaitable[None]]:
    """Return the fault that takes a right away, and gives it back."""

    async def fault(guard: Guard) -> None:
        acl = acl_of(guard.run.topics)
        await take_away(guard.admin, USER, [acl])
        await asyncio.sleep(REFUSED)
        await allow(guard.admin, USER, [acl])

    return fault


FAULTS: Mapping[str, Callable[[Guard], Awaitable[None]]] = {
    "password changed, a replica killed": change_password,
    "no right to write verdicts": without(lambda topics: Acl("topic", topics.by_role["verdicts"], ("Write",))),
    "no right to write checkpoints": without(lambda topics: Acl("topic", topics.by_role["checkpoints"], ("Write",))),
    "no right to read the input": without(lambda topics: Acl("topic", topics.input, ("Read",))),
    "no right to the group": without(lambda topics: Acl("group", topics.run, ("Read",))),
}
BETWEEN: Mapping[str, Callable[[Guard], Awaitable[None]]] = {
    "no right to send lines on": without(lambda topics: Acl("topic", topics.by_role["repartition"], ("Write",))),
    "no right to read what was sent on": without(lambda topics: Acl("topic", topics.by_role["repartition"], ("Read",))),
}
"""Where lines go through a topic between."""


async def start(guard: Guard) -> None:
    """Start a run with the rights that it needs."""
    run, security = guard.run, {"protocol": "SASL_PLAINTEXT", "mechanism": "SCRAM-SHA-256", "username": USER}
    run.changes = {
        "kafka": {"security": {**security, "password_file": str(guard.password)}},
        **(SCATTERED if run.topics.between else {}),
    }
    run.write_configuration(run.changes)
    await allow(guard.admin, USER, daemon_acls(load_config(run.config)))
    await run.start()


async def inject(guard: Guard, name: str) -> float | None:
    """Inject a fault; return after how many seconds all partitions committed again."""
    await {**FAULTS, **BETWEEN}[name](guard)
    over = now_ms()
    recovery = await guard.run.recovery(over, RECOVERY_LIMIT + 30.0)
    if recovery is None or recovery > RECOVERY_LIMIT:
        guard.run.too_slow.append(f"{name}: not all partitions committed within {RECOVERY_LIMIT:.0f} s ({recovery})")
    return recovery


async def refused_run(guard: Guard, rounds: int, rate: float) -> tuple[RunAudit, int]:
    """Write lines and inject every fault `rounds` times; return the audit, and how many lines were written."""
    run, started = guard.run, now_ms() - 12 * 3_600_000
    servers = guard.cluster.direct_servers
    between, faults = bool(run.topics.between), [*FAULTS, *(BETWEEN if run.topics.between else ())]
    generator = LoadGenerator(
        servers, run.topics.input, PARTITIONS, seed=7, start_ms=started, rate=rate, scattered=between
    )
    try:
        await start(guard)
        generator.start()
        await run.progress.reach(dict.fromkeys(range(PARTITIONS), 20), 120.0)
        for _ in range(rounds):
            for name in guard.random.sample(faults, len(faults)):
                log(f"{name}: all partitions committed again after {await inject(guard, name)} s")
        await generator.stop()
        return await run.finish(), generator.sent
    finally:
        await run.close()


async def calm_run(guard: Guard) -> RunAudit:
    """Read the same input without faults."""
    try:
        await start(guard)
        return await guard.run.finish()
    finally:
        await guard.run.close()


async def run_all(options: argparse.Namespace) -> list[str]:
    """Run everything; return what is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-credentials-"))
    engine, chance = EmbeddingServer(), random.Random(options.seed)
    await engine.start()
    try:
        async with guarded_cluster() as (cluster, admin):
            topics = RunTopics("refused", "refused-logs", PARTITIONS, options.repartition)
            await cluster.create_input(topics.input, PARTITIONS)
            run = Run(cluster, engine, topics, folder / "refused", Timeouts(), 2)
            guard = Guard(cluster, admin, folder / "password", run, chance)
            guard.password.write_text(f"{await guard.next_word()}\n")
            audited, sent = await refused_run(guard, options.rounds, options.rate)
            if topics.between:
                log(f"{sent} lines, {guard.words - 1} passwords, {run.replicas.kills} kills: {audited.audit}")
                return [*problems_of(audited, None, run.states), *sessions_cut(audited), *run.too_slow]
            calm = Run(cluster, engine, RunTopics("calm", topics.input, PARTITIONS), folder / "calm", Timeouts(), 1)
            reference = await calm_run(replace(guard, run=calm))
    finally:
        await engine.stop()
    log(f"{sent} lines, {guard.words - 1} passwords, {run.replicas.kills} kills: {audited.audit}")
    return [*problems_of(audited, reference, [*run.states, *calm.states]), *run.too_slow, *calm.too_slow]


def log(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> int:
    """Run, and print the outcome."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.credentials", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="how often every fault comes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repartition", type=int, default=0, help="partitions of a topic between; 0: without one")
    parser.add_argument("--rate", type=float, default=12.0, help="lines a second and partition")
    problems = asyncio.run(run_all(parser.parse_args()))
    for problem in problems:
        print(f"WRONG: {problem}")
    print("FAILED" if problems else "nothing lost, nothing twice")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
