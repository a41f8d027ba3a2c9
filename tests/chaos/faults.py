"""What is done to the replicas, the brokers, the network, the engine and the clocks.

A fault is a coroutine that does harm and returns when the harm has passed; a kill has passed at once.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from daemon.adapters.kafka.client import KafkaSettings
from daemon.adapters.kafka.membership import KafkaMembership
from daemon.core.types import TopicPartition
from tests.chaos.crew import Crew
from tests.chaos.replica import MOMENTS, POINTS
from tests.chaos.stage import Names, Stage, Times
from tests.chaos.stub import Stub

STEPS = 15


@dataclass
class Scene:
    """What faults work on. `broker_kills` counts brokers that were killed with SIGKILL."""

    stage: Stage
    names: Names
    crew: Crew
    stub: Stub
    times: Times
    dice: random.Random
    broker_kills: int = 0
    node: int = 0
    steps: list[str] = field(default_factory=list)

    def next_node(self) -> int:
        """Every broker in turn: each is coordinator of something."""
        self.node = self.node % len(self.stage.proxies) + 1
        return self.node

    def next_steps(self, count: int) -> list[str]:
        """Return plans of death, every point and moment in turn."""
        while len(self.steps) < count:
            new = [f"{moment}:{point}" for point in POINTS for moment in MOMENTS]
            self.dice.shuffle(new)
            self.steps += new
        taken, self.steps = self.steps[:count], self.steps[count:]
        return [f"{step}:{self.dice.randint(1, 2 if 'InitProducerId' in step else 6)}" for step in taken]

    def anyone(self) -> int:
        return self.dice.randrange(self.crew.size)


async def kill_one(scene: Scene) -> None:
    scene.crew.kill(scene.anyone())


async def kill_all(scene: Scene) -> None:
    for number in range(scene.crew.size):
        scene.crew.kill(number)


async def die_in_steps(scene: Scene) -> None:
    """Every replica dies again and again, each time at another step of a transaction."""
    plans = scene.next_steps(STEPS)
    scene.crew.plans.extend(plans)
    died = sum(scene.crew.deaths.values())
    for number in range(scene.crew.size):
        scene.crew.kill(number)
    for _ in range(450):
        await asyncio.sleep(0.1)
        if sum(scene.crew.deaths.values()) - died >= STEPS:
            break
    scene.crew.plans.clear()
    for slot in scene.crew.slots:  # nobody carries a plan into what comes next
        if slot.plan is not None and not slot.ours:
            scene.crew.kill(slot.number)


async def die_in_steps_of_a_failover(scene: Scene) -> None:
    """The same while a broker is killed and comes back."""
    dying = asyncio.create_task(die_in_steps(scene))
    await asyncio.sleep(scene.dice.uniform(2.0, 8.0))
    await kill_broker(scene)
    await dying


async def zombie(scene: Scene) -> None:
    """Frozen past the session time-out, so that others take over, then thawed with a transaction in its hands."""
    number = scene.anyone()
    scene.crew.signal(number, signal.SIGSTOP)
    await asyncio.sleep(scene.times.session + scene.dice.uniform(1.0, 4.0))
    scene.crew.signal(number, signal.SIGCONT)


async def terminate_one(scene: Scene) -> None:
    await scene.crew.terminate([scene.anyone()])


async def terminate_all(scene: Scene) -> None:
    await scene.crew.terminate(range(scene.crew.size))


async def kill_broker(scene: Scene) -> None:
    node = scene.next_node()
    await asyncio.to_thread(scene.stage.cluster.kill, node)
    scene.broker_kills += 1
    await asyncio.sleep(scene.dice.uniform(0.0, 6.0))
    await scene.stage.restart_node(node)


async def kill_brokers_in_turn(scene: Scene) -> None:
    """Each of them, the next one as soon as the last one serves again."""
    for _ in scene.stage.proxies:
        await kill_broker(scene)


async def kill_broker_and_replica(scene: Scene) -> None:
    node = scene.next_node()
    await asyncio.to_thread(scene.stage.cluster.kill, node)
    scene.broker_kills += 1
    await asyncio.sleep(scene.dice.uniform(0.0, 2.0))
    scene.crew.kill(scene.anyone())
    await asyncio.sleep(scene.dice.uniform(0.0, 3.0))
    await scene.stage.restart_node(node)


async def stop_broker(scene: Scene) -> None:
    node = scene.next_node()
    await asyncio.to_thread(scene.stage.cluster.stop, node)
    await asyncio.sleep(scene.dice.uniform(0.0, 4.0))
    await scene.stage.restart_node(node)


async def freeze_broker(scene: Scene) -> None:
    node = scene.next_node()
    await asyncio.to_thread(scene.stage.cluster.pause, node)
    await asyncio.sleep(12.0)
    await asyncio.to_thread(scene.stage.cluster.resume, node)


async def cut_off_leader(scene: Scene) -> None:
    """No client reaches a broker that the other brokers still take for alive: it goes on leading."""
    proxy = scene.stage.proxies[scene.next_node()]
    proxy.cut()
    await asyncio.sleep(scene.dice.uniform(5.0, 12.0))
    proxy.mend()


class _Nobody:
    """A member of the group that takes partitions and does nothing with them."""

    async def revoked(self) -> None:
        pass

    def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        return dict.fromkeys(partitions)


async def rebalance_storm(scene: Scene) -> None:
    """A further member joins and leaves, every two seconds."""
    settings = KafkaSettings(
        scene.stage.servers.split(","), scene.names.run, session_timeout=scene.times.session, topics={}
    )
    for _ in range(6):
        member = KafkaMembership(settings, [scene.names.input, scene.names.topics["feedback"]])
        starting = asyncio.create_task(member.start(_Nobody()))
        await asyncio.sleep(2.0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await member.close()


async def alerts_refused(scene: Scene) -> None:
    """The alerts topic wants more copies in sync than there are: no produce request to it succeeds."""
    topic = scene.names.topics["alerts"]
    await scene.stage.configure(topic, {"min.insync.replicas": "4"})
    await asyncio.sleep(6.0)
    await scene.stage.configure(topic, {"min.insync.replicas": "2"})


async def engine_hangs(scene: Scene) -> None:
    scene.stub.turn("hang")
    await asyncio.sleep(8.0)
    scene.stub.turn("ok")


async def engine_fails(scene: Scene) -> None:
    scene.stub.turn("error")
    await asyncio.sleep(6.0)
    scene.stub.turn("ok")


async def engine_gone(scene: Scene) -> None:
    await scene.stub.stop()
    await asyncio.sleep(5.0)
    await scene.stub.start()


async def clock_jumps(scene: Scene) -> None:
    for number in range(scene.crew.size):
        scene.crew.signal(number, signal.SIGUSR2)
        await asyncio.sleep(0.5)


Fault = Callable[[Scene], Awaitable[None]]
FAULTS: Mapping[str, tuple[Fault, int]] = {
    "replica killed": (kill_one, 2),
    "all replicas killed": (kill_all, 1),
    "replicas killed at steps of transactions": (die_in_steps, 2),
    "the same while a broker is killed": (die_in_steps_of_a_failover, 4),
    "replica frozen, then thawed": (zombie, 2),
    "replica told to stop": (terminate_one, 1),
    "all replicas told to stop": (terminate_all, 1),
    "broker killed": (kill_broker, 1),
    "brokers killed in turn": (kill_brokers_in_turn, 2),
    "broker and replica killed": (kill_broker_and_replica, 1),
    "broker stopped": (stop_broker, 1),
    "broker frozen": (freeze_broker, 1),
    "leader cut off from clients": (cut_off_leader, 1),
    "rebalance storm": (rebalance_storm, 1),
    "alerts topic refuses (min ISR)": (alerts_refused, 1),
    "engine hangs": (engine_hangs, 1),
    "engine fails": (engine_fails, 1),
    "engine gone": (engine_gone, 1),
    "clocks jump": (clock_jumps, 1),
}
"""Every fault with how often it comes in one round."""
