"""What grows: CPU per line and memory of the chain (format to judge) as lines, open keys and novelty grow.

    python -m benchmarks.growth [--lines 1000000] [--open-keys 1000] [--fresh] [--batch 10000]

Without `--fresh` the traffic has 140 patterns and ever-new keys; with it every session has lines of its own besides:
ever-new keys, patterns and masked lines. Prints a row of JSON every tenth: CPU seconds a million lines of each stage in
that tenth, resident memory, what is left of it when freed memory was given back, and what the detector holds.
No Kafka, no model. Set POLARS_MAX_THREADS=1 and OPENBLAS_NUM_THREADS=1, as the daemon does, or threads that spin count.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
from itertools import islice
from pathlib import Path

from daemon.bench.stages import Chain
from daemon.bench.standin import StandIn
from daemon.bench.traffic import LogTraffic, TrafficSettings, as_batch
from daemon.config.schema import Config
from daemon.core.types import TopicPartition, Update
from daemon.runtime import seldom_collected
from daemon.runtime.cold_scopes import give_back
from daemon.wiring import incident_settings, make_detector, make_tools, provenance

START_US = 1_790_000_000_000_000
SOURCE = TopicPartition("growth", 0)


def resident_mb() -> float:
    match = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--open-keys", type=int, default=1_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--max-patterns", type=int, default=10_000)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    config = Config.model_validate({"detector": {"max_patterns": options.max_patterns}})
    engine = StandIn()
    detector = make_detector(config, engine)
    chain = Chain(
        SOURCE, make_tools(config, engine, detector), engine, provenance(config, engine), incident_settings(config)
    )
    settings = TrafficSettings(config.sessions.gap, options.open_keys, fresh=options.fresh)
    rows = LogTraffic(settings, START_US).lines(options.lines)
    spent, shown, tenth = dict[str, float](), 0, max(options.batch, options.lines // 10)
    for at in range(0, options.lines, options.batch):
        part = list(islice(rows, options.batch))
        await chain.run([as_batch(SOURCE, at, part)])
        chain.finish()  # half a second of a busy replica: `kafka.commit_interval`
        for records, _ in chain.commits:  # as a replica reads back what it committed
            detector.apply([Update(r.key or b"", r.value) for r in records if r.role == "baseline"])
        chain.commits.clear()
        chain.told.clear()
        done, part = at + len(part), []
        if done - shown >= tenth:
            gc.collect()
            now = dict(chain.clock.spent)
            cost = {name: round(1e6 * (now[name] - spent.get(name, 0.0)) / (done - shown), 2) for name in now}
            spent, shown = now, done
            held = {s.scope: (s.patterns, s.lines, round(s.memory_bytes / 1e6, 1)) for s in detector.scopes()}
            most = round(resident_mb())
            give_back()
            print(
                json.dumps({"lines": done, "mb": most, "kept": round(resident_mb()), "held": held, **cost}), flush=True
            )


if __name__ == "__main__":
    with seldom_collected():  # as the daemon runs
        asyncio.run(main())
