"""The faults: of replicas, brokers, the network, the engine and the clocks.

A fault is a coroutine that injects it and returns when it is over. A kill is over at once.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from daemon.adapters.kafka import KafkaMembership, KafkaSettings
from daemon.core.types import TopicPartition
from tests.chaos.cluster import ProxiedCluster, RunTopics, Timeouts
from tests.chaos.replica import MOMENTS, REQUESTS
from tests.chaos.replica_set import ReplicaSet
from tests.support.embedding_server import EmbeddingServer

CRASHES = 15
"""How many crash points one fault goes through."""


@dataclass
class Targets:
    """What faults act on, and the random source of their choices. `broker_kills` counts brokers killed with SIGKILL."""

    cluster: ProxiedCluster
    topics: RunTopics
    replicas: ReplicaSet
    engine: EmbeddingServer
    timeouts: Timeouts
    random: random.Random
    broker_kills: int = 0
    node: int = 0
    crash_points: list[str] = field(default_factory=list)

    def next_node(self) -> int:
        """Return every broker in turn: each is the coordinator of something."""
        self.node = self.node % len(self.cluster.proxies) + 1
        return self.node

    def next_crash_points(self, count: int) -> list[str]:
        """Return crash points, every request and moment in turn, as `replica.crash_at` takes them."""
        while len(self.crash_points) < count:
            new = [f"{moment}:{request}" for request in REQUESTS for moment in MOMENTS]
            self.random.shuffle(new)
            self.crash_points += new
        taken, self.crash_points = self.crash_points[:count], self.crash_points[count:]
        return [f"{point}:{self.random.randint(1, 2 if 'InitProducerId' in point else 6)}" for point in taken]

    def any_replica(self) -> int:
        return self.random.randrange(self.replicas.size)


async def kill_one(targets: Targets) -> None:
    targets.replicas.kill(targets.any_replica())


async def kill_all(targets: Targets) -> None:
    for number in range(targets.replicas.size):
        targets.replicas.kill(number)


async def crash_in_transactions(targets: Targets) -> None:
    """Every replica crashes again and again, each time at another request of a transaction."""
    crash_points = targets.next_crash_points(CRASHES)
    targets.replicas.crash_points.extend(crash_points)
    before = sum(targets.replicas.crashes.values())
    for number in range(targets.replicas.size):
        targets.replicas.kill(number)
    for _ in range(450):
        await asyncio.sleep(0.1)
        if sum(targets.replicas.crashes.values()) - before >= CRASHES:
            break
    targets.replicas.crash_points.clear()
    for slot in targets.replicas.slots:  # no replica may take its crash point into the next fault
        if slot.crash_point is not None and not slot.killed_by_harness:
            targets.replicas.kill(slot.number)


async def crash_in_transactions_during_failover(targets: Targets) -> None:
    """The same while a broker is killed and comes back."""
    crashing = asyncio.create_task(crash_in_transactions(targets))
    await asyncio.sleep(targets.random.uniform(2.0, 8.0))
    await kill_broker(targets)
    await crashing


async def freeze_replica(targets: Targets) -> None:
    """Stopped past the session time-out, so that others take over, then continued with a transaction still open."""
    number = targets.any_replica()
    targets.replicas.send_signal(number, signal.SIGSTOP)
    await asyncio.sleep(targets.timeouts.session + targets.random.uniform(1.0, 4.0))
    targets.replicas.send_signal(number, signal.SIGCONT)


async def terminate_one(targets: Targets) -> None:
    await targets.replicas.terminate([targets.any_replica()])


async def terminate_all(targets: Targets) -> None:
    await targets.replicas.terminate(range(targets.replicas.size))


async def kill_broker(targets: Targets) -> None:
    node = targets.next_node()
    await asyncio.to_thread(targets.cluster.nodes.kill, node)
    targets.broker_kills += 1
    await asyncio.sleep(targets.random.uniform(0.0, 6.0))
    await targets.cluster.restart_node(node)


async def kill_brokers_in_turn(targets: Targets) -> None:
    """Kill each broker, the next one as soon as the last one answers again."""
    for _ in targets.cluster.proxies:
        await kill_broker(targets)


async def kill_broker_and_replica(targets: Targets) -> None:
    node = targets.next_node()
    await asyncio.to_thread(targets.cluster.nodes.kill, node)
    targets.broker_kills += 1
    await asyncio.sleep(targets.random.uniform(0.0, 2.0))
    targets.replicas.kill(targets.any_replica())
    await asyncio.sleep(targets.random.uniform(0.0, 3.0))
    await targets.cluster.restart_node(node)


async def stop_broker(targets: Targets) -> None:
    node = targets.next_node()
    await asyncio.to_thread(targets.cluster.nodes.stop, node)
    await asyncio.sleep(targets.random.uniform(0.0, 4.0))
    await targets.cluster.restart_node(node)


async def freeze_broker(targets: Targets) -> None:
    node = targets.next_node()
    await asyncio.to_thread(targets.cluster.nodes.pause, node)
    await asyncio.sleep(12.0)
    await asyncio.to_thread(targets.cluster.nodes.resume, node)


async def isolate_leader(targets: Targets) -> None:
    """No client reaches a broker, but the other brokers do, so it stays a leader."""
    proxy = targets.cluster.proxies[targets.next_node()]
    proxy.block()
    await asyncio.sleep(targets.random.uniform(5.0, 12.0))
    proxy.unblock()


class _IdleMember:
    """A member of the group that is assigned partitions and does not read them."""

    async def revoked(self) -> None:
        pass

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        return dict.fromkeys(partitions)


async def rebalance_storm(targets: Targets) -> None:
    """One more member joins and leaves, every two seconds."""
    settings = KafkaSettings(
        targets.cluster.servers.split(","), targets.topics.run, session_timeout=targets.timeouts.session, topics={}
    )
    for _ in range(6):
        member = KafkaMembership(settings, [targets.topics.input, targets.topics.by_role["feedback"]])
        starting = asyncio.create_task(member.start(_IdleMember()))
        await asyncio.sleep(2.0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await member.close()


async def alerts_refused(targets: Targets) -> None:
    """The alerts topic requires more in-sync replicas than there are: no produce request to it succeeds."""
    topic = targets.topics.by_role["alerts"]
    await targets.cluster.configure_topic(topic, {"min.insync.replicas": "4"})
    await asyncio.sleep(6.0)
    await targets.cluster.configure_topic(topic, {"min.insync.replicas": "2"})


async def engine_hangs(targets: Targets) -> None:
    targets.engine.set_mode("hang")
    await asyncio.sleep(8.0)
    targets.engine.set_mode("ok")


async def engine_fails(targets: Targets) -> None:
    targets.engine.set_mode("error")
    await asyncio.sleep(6.0)
    targets.engine.set_mode("ok")


async def engine_gone(targets: Targets) -> None:
    await targets.engine.stop()
    await asyncio.sleep(5.0)
    await targets.engine.start()


async def clock_jumps(targets: Targets) -> None:
    for number in range(targets.replicas.size):
        targets.replicas.send_signal(number, signal.SIGUSR2)
        await asyncio.sleep(0.5)


Fault = Callable[[Targets], Awaitable[None]]
FAULTS: Mapping[str, tuple[Fault, int]] = {
    "replica killed": (kill_one, 2),
    "all replicas killed": (kill_all, 1),
    "replicas killed at steps of transactions": (crash_in_transactions, 2),
    "the same while a broker is killed": (crash_in_transactions_during_failover, 4),
    "replica frozen, then thawed": (freeze_replica, 2),
    "replica told to stop": (terminate_one, 1),
    "all replicas told to stop": (terminate_all, 1),
    "broker killed": (kill_broker, 1),
    "brokers killed in turn": (kill_brokers_in_turn, 2),
    "broker and replica killed": (kill_broker_and_replica, 1),
    "broker stopped": (stop_broker, 1),
    "broker frozen": (freeze_broker, 1),
    "leader cut off from clients": (isolate_leader, 1),
    "rebalance storm": (rebalance_storm, 1),
    "alerts topic refuses (min ISR)": (alerts_refused, 1),
    "engine hangs": (engine_hangs, 1),
    "engine fails": (engine_fails, 1),
    "engine gone": (engine_gone, 1),
    "clocks jump": (clock_jumps, 1),
}
"""Every fault by its name in the report, and how often it comes in one round."""
