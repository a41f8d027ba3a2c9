"""Rebalances of a large group on the fake broker: what moves, what that costs, and that nothing is lost.

    python -m benchmarks.rebalances [--replicas 100] [--partitions 200] [--assignor kept|round-robin] [--seed 1]

Every replica is the daemon's real pipeline, partitions, processors and detector in this one process; only the broker
and the engine are stand-ins. The assignor `kept` is the daemon's, `round-robin` is aiokafka's. Replicas join, leave and
are killed, always while sessions are open in every partition. After each event all lines are judged before the next
one. No clock of this process means anything for a group of that size, so cost is counted in requests: those to the
coordinators, and those that a partition makes one after the other until its first commit.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import orjson
import structlog

from daemon.core.stream import Pace
from daemon.core.types import TopicPartition
from daemon.runtime import Patience, WorkerThread
from tests.support.audit import Audit, Place, audit, places_of
from tests.support.fake_broker import FakeCluster
from tests.support.fake_group import Assignor, CountedBroker, FakeGroup, Requests, kept, round_robin
from tests.support.replica import TOPICS, Replica, until

P = ParamSpec("P")
T = TypeVar("T")

ASSIGNORS: dict[str, Assignor] = {"kept": kept, "round-robin": round_robin}
LINES, KEYS = 12, 2
"""Lines that a partition gets before each event, and their keys."""
IDLE_S, GIVE_UP_S = 0.5, 3600.0
PAUSE_S = 0.01
"""How long a replica that finds nothing new leaves the fake broker alone."""
WORDS = ("started", "read file", "wrote file", "ERROR disk full", "ended")
HEADINGS = ("event", "members", "moved", "again", "to coordinators", "in a row: median", "most")


class OnTheLoop(WorkerThread):
    """Runs what belongs in a replica's thread on the event loop: a hundred threads would wait for one another."""

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` now and return its result."""
        await asyncio.sleep(0)
        return function(*args, **kwargs)


class Member(Replica):
    """A replica that looks for stalls seldom, since a hundred of them share this process's time."""

    pace = Pace(commit_interval=0.25, checkpoint_interval=0.5)
    init_timeout = GIVE_UP_S
    look_for_stalls = 5.0

    def __init__(self, cluster: FakeCluster, requests: Requests) -> None:
        broker = CountedBroker(cluster, requests)
        super().__init__(cluster, idle=IDLE_S, patience=Patience(look=GIVE_UP_S), stall=GIVE_UP_S, broker=broker)
        self.thread = OnTheLoop()

    @property
    def lines(self) -> float:
        """How many lines it has taken in."""
        samples = (sample for metric in self.metrics.lines.collect() for sample in metric.samples)
        return sum(sample.value for sample in samples if sample.name.endswith("_total"))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one event cost: of the `partitions` of the group, `moved` have another owner; `again` lines were read twice.

    `in_a_row` are the requests of each input partition until its first commit, ascending.
    """

    event: str
    members: int
    moved: int
    again: int
    calls: int
    in_a_row: list[int]


class Simulation:
    """A group on a cluster of `partitions` input partitions."""

    def __init__(self, partitions: int, assign: Assignor, seed: int = 1) -> None:
        shared = dict.fromkeys(("logs", "checkpoints", "baseline"), partitions)
        self.cluster = FakeCluster(TOPICS | shared)
        self.cluster.pause = PAUSE_S
        self.group = FakeGroup(self.cluster, ["logs", "feedback", "observations"], assign)
        self._requests = self.cluster.faults = Requests(self.group.calls, "logs")
        self._partitions = partitions
        self._random = random.Random(seed)
        self._members: list[Member] = []
        self._gone_lines = 0.0
        self._written: list[Place] = []
        self._settled = self._read = self._again = 0

    async def join(self, count: int) -> None:
        """Let `count` replicas start and ask for their share."""
        new = [Member(self.cluster, self._requests) for _ in range(count)]
        for member in new:
            await member.start()
        self._members += new
        await until(lambda: len(self.cluster.members) == len(self._members), GIVE_UP_S)

    async def leave(self, count: int) -> None:
        """Let `count` replicas finish what they have read and leave."""
        gone = self._take(count)
        await asyncio.gather(*(member.stop() for member in gone))
        self.group.calls["LeaveGroup"] += count

    async def kill(self, count: int) -> None:
        """Let `count` replicas vanish; the coordinator misses their heartbeats."""
        await asyncio.gather(*(member.kill() for member in self._take(count)))

    async def event(self, kind: str, count: int) -> Cost:
        """Let `count` replicas join, leave or be killed while sessions are open; return the cost once all is judged."""
        self._feed()
        if self._members:
            await until(lambda: self._taken_in >= len(self._written) + self._again, GIVE_UP_S)
        self.group.calls.clear()
        await {"join": self.join, "leave": self.leave, "kill": self.kill}[kind](count)
        moved = await self.group.rebalance()
        self._requests.begin()
        self._feed()
        await until(lambda: self._judged == len(self._written) and self._all_committed, GIVE_UP_S)
        again, self._again = self._again, int(self._taken_in) - len(self._written)
        in_a_row = sorted(n for place, n in self._requests.committed.items() if place.topic == "logs")
        calls = self.group.calls.total()
        return Cost(f"{count} {kind}", len(self._members), moved, self._again - again, calls, in_a_row)

    async def end(self) -> Audit:
        """Stop everything; return what the audit of all that was published says."""
        await self.leave(len(self._members))
        published = {role: self.cluster.values(role) for role in ("verdicts", "alerts", "dead_letters", "observations")}
        values = {role: [record.value or b"" for record in records] for role, records in published.items()}
        dead_letters = [dict(record.headers) for record in published["dead_letters"]]
        return audit(self._written, values["verdicts"], values["alerts"], dead_letters, values["observations"])

    @property
    def _taken_in(self) -> float:
        return self._gone_lines + sum(member.lines for member in self._members)

    @property
    def _judged(self) -> int:
        """How many lines are in committed verdicts; those counted before are not read again."""
        verdicts = self.cluster.values("verdicts")
        self._settled += sum(
            sum(1 for _ in places_of(orjson.loads(record.value or b""))) for record in verdicts[self._read :]
        )
        self._read = len(verdicts)
        return self._settled

    @property
    def _all_committed(self) -> bool:
        return all(TopicPartition("logs", n) in self._requests.committed for n in range(self._partitions))

    def _feed(self) -> None:
        """Write lines of new keys to every partition; their times go on from those before."""
        begin = len(self._written)
        for partition in range(self._partitions):
            for number in range(LINES):
                line = {
                    "time": 1_700_000_000 + 60 * begin / self._partitions + number,
                    "scope": f"service-{partition % 20}",
                    "key": f"{begin}-{partition}-{number % KEYS}",
                    "message": f"worker {number} {self._random.choice(WORDS)}",
                }
                offset = self.cluster.append("logs", orjson.dumps(line), partition=partition)
                self._written.append(("logs", partition, offset, 0))

    def _take(self, count: int) -> list[Member]:
        gone = self._random.sample(self._members, count)
        self._members = [member for member in self._members if member not in gone]
        self._gone_lines += sum(member.lines for member in gone)
        return gone


async def simulate(
    replicas: int,
    simulation: Simulation,
    events: Iterable[tuple[str, int]],
    show: Callable[[Cost], None] = lambda _cost: None,
) -> tuple[list[Cost], Audit]:
    """Start `replicas` at once, then let the events happen; return what each cost, the start first, and the audit."""
    costs = []
    for kind, count in [("join", replicas), *events]:
        costs.append(await simulation.event(kind, count))
        show(costs[-1])
    return costs, await simulation.end()


def show(cost: Cost) -> None:
    """Print a row."""
    median, most = statistics.median(cost.in_a_row), cost.in_a_row[-1]
    row = (cost.event, cost.members, cost.moved, cost.again, cost.calls, f"{median:g}", most)
    print(" | ".join(map(str, row)), flush=True)


def several(replicas: int) -> Iterator[tuple[str, int]]:
    """One replica and a tenth of them leave, join, are killed, and join."""
    for count in (1, max(2, replicas // 10)):
        yield from ((kind, count) for kind in ("leave", "join", "kill", "join"))


def main() -> int:
    """Print a row for each event, and the audit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, default=100)
    parser.add_argument("--partitions", type=int, default=200)
    parser.add_argument("--assignor", choices=list(ASSIGNORS), default="kept")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

    async def run() -> Audit:
        simulation = Simulation(options.partitions, ASSIGNORS[options.assignor], options.seed)
        print(" | ".join(HEADINGS))
        _, found = await simulate(options.replicas, simulation, several(options.replicas), show)
        return found

    found = asyncio.run(run())
    print(found)
    return 0 if found.clean else 1


if __name__ == "__main__":
    sys.exit(main())
