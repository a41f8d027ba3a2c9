"""One run of the bench: traffic, the raw client, the stages, the whole daemon."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

from daemon.adapters.kafka import KafkaBroker
from daemon.bench.result import BenchResult, StageFigures
from daemon.bench.stages import Chain
from daemon.bench.standin import StandIn
from daemon.bench.topics import bench_topics, fill
from daemon.bench.traffic import DAY_US, Traffic, TrafficSettings
from daemon.bench.whole import Replica, commit, fetch, read_raw
from daemon.building import kafka_settings, make_detector, make_tools, provenance
from daemon.collecting import seldom_collected
from daemon.config import Config
from daemon.core.records import Batch

WARM_SESSIONS = 8_000
"""Sessions shown before anything is measured: the scope is live and remembers as many recent ones as it ever will."""


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """`lines` are measured, after the patterns were shown, `rounds` times a side; the best counts."""

    lines: int = 200_000
    open_keys: int = 1_000
    patterns: int = 140
    rounds: int = 2
    fresh: bool = False


async def run_bench(config: Config, options: BenchOptions, say: Callable[[str], None] = lambda _: None) -> BenchResult:
    """Measure against the configured Kafka, in topics of its own. Raises UnavailableError without one."""
    start = time.time_ns() // 1000 - DAY_US
    traffic = Traffic(
        TrafficSettings(config.sessions.gap, options.open_keys, options.patterns, fresh=options.fresh), start
    )
    warm = WARM_SESSIONS * 20 + options.open_keys * 20
    async with bench_topics(config, 2) as (own, (first, topic)):
        settings = kafka_settings(own)
        say(f"writing {warm + options.lines:,} lines")
        await fill(settings, first, traffic.lines(warm))
        await fill(settings, topic, traffic.lines(options.lines))
        broker = KafkaBroker(settings)
        await broker.start()
        try:
            engine = StandIn()
            raw, tuned, whole = [], [], []
            for number in range(options.rounds):
                say(f"round {number + 1} of {options.rounds}: the raw client, the daemon")
                raw.append(await read_raw(settings, topic, options.lines))
                with seldom_collected():  # as the daemon runs; the raw client is measured as it comes
                    tuned.append(await read_raw(settings, topic, options.lines))
                    whole.append(await _whole(own, engine, (first, topic), (warm, options.lines), number))
            say("the stages one by one")
            with seldom_collected():
                _, before = await fetch(kafka_settings(_grouped(own, "fetch-warm")), first, warm)
                fetched, batches = await fetch(kafka_settings(_grouped(own, "fetch")), topic, options.lines)
                chain = _stages(own, engine, before, batches)
                spent = dict(chain.clock.spent)
                sent = await commit(broker, topic, chain.commits)
        finally:
            await broker.close()
    count = options.lines
    spent["commit"] = spent.pop("take") + sent
    spent = {"fetch": fetched, **spent}
    rest = min(whole) - sum(spent.values())
    return BenchResult(
        lines=count,
        sessions=chain.sessions,
        patterns=options.patterns,
        open_keys=options.open_keys,
        raw=StageFigures("raw getmany", count, min(raw)),
        tuned=StageFigures("raw, collector as ours", count, min(tuned)),
        stages=tuple(StageFigures(name, count, seconds) for name, seconds in {**spent, "the rest": rest}.items()),
        daemon=StageFigures("whole daemon", count, min(whole)),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _grouped(config: Config, name: str) -> Config:
    """Return the same configuration for a group of its own."""
    kafka = config.kafka.model_copy(update={"group_id": f"{config.kafka.group_id}-{name}"})
    return config.model_copy(update={"kafka": kafka})


async def _whole(
    config: Config,
    engine: StandIn,
    topics: tuple[str, str],
    counts: tuple[int, int],
    number: int,
) -> float:
    """Show one topic to a new daemon, then measure it on the other."""
    config = _grouped(config, str(number))
    broker = KafkaBroker(kafka_settings(config))
    await broker.start()
    replica = Replica(config, broker, make_detector(config, engine), engine)
    try:
        await replica.read(topics[0], counts[0])
        return await replica.read(topics[1], counts[1])
    finally:
        replica.close()
        await broker.close()


def _stages(config: Config, engine: StandIn, before: list[Batch], batches: list[Batch]) -> Chain:
    """Run the chain over what was fetched, after showing it what came before."""
    tools = make_tools(config, engine, make_detector(config, engine))
    about = provenance(config, engine)
    Chain(tools, engine, about).run(before)
    chain = Chain(tools, engine, about)
    chain.run(batches)
    chain.finish()
    return chain
