"""How soon what the daemon publishes is committed, on a real Kafka: verdicts, and told incidents.

    python -m benchmarks.latency [verdicts|incidents|guests] [--seconds 60] [--partitions 2] [--servers HOST:PORT]

`verdicts`: from a session's close to its verdict, at `--load` times the greatest rate, which a backlog of `--lines`
gives. `incidents`: from a grave line that nobody has seen to its told incident, beside `--rate` other lines a second.
`guests`: as `verdicts`, at `--rate` lines a second of sessions that each need a vector, while others ask the daemon's
engine for as much as it gives, and while they do not; the engine embeds `--pace` tokens a second. Kafka is started for
it, unless `--servers` names one; the engine is a stub server. Exits 1 when p99 is above the goal: 1 s for verdicts, 2 s
for incidents, 1.1 times what it is without guests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.latency import guests, incidents, verdicts
from benchmarks.million import kafka

WAYS = {
    "verdicts": (verdicts.measure, "p99 s", 1.0),
    "incidents": (incidents.measure, "p99 s", 2.0),
    "guests": (guests.measure, "p99 with guests to p99 without", 1.1),
}
"""What measures, and the figure that has a goal, with the goal."""


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=list(WAYS), default="verdicts")
    parser.add_argument("--lines", type=int, default=300_000, help="backlog, for verdicts")
    parser.add_argument("--load", type=float, default=0.5, help="share of the greatest rate, for verdicts")
    parser.add_argument("--rate", type=float, default=500, help="lines a second, for incidents and guests")
    parser.add_argument("--pace", type=float, default=20_000, help="tokens a second, for guests")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--servers", help="a Kafka that runs already")
    options = parser.parse_args()
    with kafka(options.servers) as servers, tempfile.TemporaryDirectory() as folder:
        measure, figure, goal = WAYS[options.what]
        result = asyncio.run(measure(options, servers, Path(folder)))
    print(json.dumps(result, indent=1))
    return 0 if result[figure] <= goal else 1


if __name__ == "__main__":
    sys.exit(main())
