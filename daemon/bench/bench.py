"""One run of the bench: traffic, the raw client, the stages, the whole daemon."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from daemon.adapters.kafka import KafkaBroker, KafkaSettings
from daemon.bench.raw_client import measure_raw_client
from daemon.bench.result import BenchResult, StageFigures
from daemon.bench.sources import BenchSource, FileSource
from daemon.bench.stages import Chain
from daemon.bench.standin import StandIn
from daemon.bench.topics import bench_topics, written
from daemon.bench.traffic import DAY_US, LogTraffic, TrafficSettings
from daemon.bench.whole import commit, fetch, replica
from daemon.config import Config
from daemon.core.types import Batch
from daemon.runtime import seldom_collected
from daemon.wiring import incident_settings, kafka_settings, make_detector, make_tools, provenance


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """Each of `rounds` rounds measures `lines` new lines; the best round counts.

    Generated traffic has sessions of `session_lines` lines, and `warm` of them come before those that are measured: by
    then the scope should be live, remember as many recent sessions as it ever will, and have masses that one more
    session hardly moves. With a `file`, its last lines are measured, and those before them come first.
    """

    lines: int = 200_000
    open_keys: int = 1_000
    patterns: int = 140
    rounds: int = 2
    warm: int = 20_000
    session_lines: int = 20
    file: Path | None = None


async def run_bench(config: Config, options: BenchOptions, say: Callable[[str], None] = lambda _: None) -> BenchResult:
    """Measure against the configured Kafka, in topics of its own. Raises UnavailableError without one."""
    traffic, warm = _traffic(config, options)
    count = options.lines
    raw, whole = list[float](), list[float]()
    # Every write is one transaction, and its commit takes an offset too.
    first = warm + 1 if warm else 0
    starts = [first + number * (count + 1) for number in range(options.rounds)]
    async with bench_topics(config) as (own, topic):
        settings, engine = kafka_settings(own), StandIn()
        broker = KafkaBroker(settings)
        await broker.start()
        try:
            async with replica(own, broker, engine) as reading:
                say(f"writing and reading {warm:,} lines")
                if warm:
                    await (await written(settings, topic, traffic.lines(warm)))()
                    await reading.to(warm)
                for number, start in enumerate(starts):
                    say(f"{count:,} lines, round {number + 1} of {options.rounds}: the daemon, the raw client")
                    publish = await written(settings, topic, traffic.lines(count))
                    with seldom_collected():
                        begin = process_time()
                        await publish()
                        await reading.to(start + count)
                        whole.append(process_time() - begin)
                    # Right after, so that both run under the same load of the machine.
                    raw.append(await measure_raw_client(settings, topic, start, count))
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            say("the stages one by one")
            with seldom_collected():
                shown = warm + (options.rounds - 1) * count
                before = (await fetch(_grouped(own, "before"), topic, 0, shown))[1] if shown else []
                fetched, batches = await fetch(_grouped(own, "stages"), topic, starts[-1], count)
                chain = await _stages(own, engine, before, batches)
                spent = dict(chain.clock.spent)
                sent = await commit(broker, topic, [*chain.commits, *chain.told])
        finally:
            await broker.close()
    spent["commit"] = spent.pop("take") + sent
    spent = {"fetch": fetched, **spent}
    rest = min(whole) - sum(spent.values())
    return BenchResult(
        lines=count,
        sessions=chain.sessions,
        traffic=_described(options),
        raw=StageFigures("raw getmany", count, min(raw)),
        stages=tuple(StageFigures(name, count, seconds) for name, seconds in {**spent, "the rest": rest}.items()),
        daemon=StageFigures("whole daemon", count, min(whole)),
        peak_mb=peak_mb,
    )


def _traffic(config: Config, options: BenchOptions) -> tuple[BenchSource, int]:
    """Return the source of the lines, and how many come before those that are measured."""
    start_us = time.time_ns() // 1000 - DAY_US
    if options.file is not None:
        source = FileSource(options.file, options.lines * options.rounds, start_us)
        return source, source.warm
    made = TrafficSettings(config.sessions.gap, options.open_keys, options.patterns, options.session_lines)
    return LogTraffic(made, start_us), (options.warm + options.open_keys) * options.session_lines


def _described(options: BenchOptions) -> str:
    if options.file is not None:
        return f"lines of {options.file.name}"
    return (
        f"made lines, sessions of {options.session_lines} lines in {options.patterns:,} patterns, "
        f"about {options.open_keys:,} open"
    )


def _grouped(config: Config, name: str) -> KafkaSettings:
    """Return the Kafka settings with a consumer group of its own."""
    group = f"{config.kafka.group_id}-{name}"
    return kafka_settings(config.model_copy(update={"kafka": config.kafka.model_copy(update={"group_id": group})}))


async def _stages(config: Config, engine: StandIn, before: list[Batch], batches: list[Batch]) -> Chain:
    """Run the chain over the fetched batches, after it has learned from those before."""
    tools = make_tools(config, engine, make_detector(config, engine))
    about = provenance(config, engine)
    chain = Chain(batches[0].source, tools, engine, about, incident_settings(config))
    await chain.run(before)
    chain.finish()
    chain.forget()
    await chain.run(batches)
    chain.finish()
    return chain
