"""Protocol Q: what is told in hours without a fault, and how the faults that follow are told.

    python -m benchmarks.quiet [--recording demo] [--modes plain,deploy] [--budgets 20/day] [--repetitions 30] [--lines]
    python -m benchmarks.quiet --kafka [--modes plain,deploy] [--repetitions 30] [--partitions 1,12]

The streams go through the daemon's own formats, masks, observer and incidents stage: the quiet hours in steps of 30
seconds of event time, the faults in steps of one second, as a daemon that keeps up would read them. With `--lines` all
told incidents are printed. Beside it stand two simple rules: a never-seen line with a failure word,
and any never-seen line, at most 20 a day and scope. Sessions are not judged here, so no model is needed: what is told
rests on lines, times and keys.

With `--kafka`, each stream goes through `strayline run` on a real Kafka as well, once for each number of input
partitions, at 20 a day. What it tells stands beside what the core by itself tells.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.quiet.on_kafka import incidents_told, score_of
from benchmarks.quiet.recordings import DEMO, PARCELS, Recording, Row, recording
from benchmarks.quiet.scores import Score, Stream, observe, ours, rule
from benchmarks.quiet.streams import BEGIN, Maker, Mode
from daemon.config.values import rate_of
from daemon.core.incidents import Ceiling, IncidentSettings
from daemon.core.observations import Gravity
from daemon.core.text import many
from demo.broker import Cluster
from tests.support.brokers import topics_on


def settings_for(budget: str, warm_up: int) -> IncidentSettings:
    """Return the stage's settings for a budget such as ``20/day`` or ``0.01``."""
    per_day = rate_of(budget)
    ceiling = Ceiling(per_day) if per_day is not None else Ceiling(None, float(budget))
    return replace(IncidentSettings(), ceiling=ceiling, warm_up=warm_up)


RECORDINGS = {"demo": DEMO, "parcels": PARCELS}
AS_RECORDED = "recorded"


def lines_of(recorded: Recording, mode: str, repetitions: int) -> tuple[Iterable[tuple[float, Row]], float, int]:
    """Return the lines of a stream, when its faults begin, and its warm-up: of the recording as it is, or of a mode."""
    if mode == AS_RECORDED:
        return ((BEGIN + row.at, row) for row in recorded.rows), BEGIN + recorded.quiet_span, 300
    maker = Maker(recorded, Mode(mode), repetitions)
    return maker, maker.faults_from, 1000


def streams(recorded: Recording, modes: list[str], repetitions: int) -> Iterator[tuple[str, Stream, int]]:
    """Yield name, stream and warm-up of each mode."""
    for mode in modes:
        lines, faults_from, warm_up = lines_of(recorded, mode, repetitions)
        yield mode, observe(iter(lines), recorded.shown, faults_from), warm_up


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quiet", description=__doc__)
    parser.add_argument("--recording", choices=RECORDINGS, default="demo")
    parser.add_argument("--modes", help="default: all; with --kafka plain,deploy")
    parser.add_argument("--budgets", default="5/day,20/day,100/day")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--lines", action="store_true", help="print every told incident")
    parser.add_argument("--kafka", action="store_true", help="through a daemon on a real Kafka as well")
    parser.add_argument("--partitions", default="1,12", help="numbers of input partitions, with --kafka")
    options = parser.parse_args()
    if options.kafka:
        asyncio.run(on_kafka(options))
    else:
        by_itself(options)


def by_itself(options: argparse.Namespace) -> None:
    """Print the table of the core by itself and the two rules."""
    recorded = recording(RECORDINGS[options.recording])
    modes = (options.modes or ",".join([AS_RECORDED, *Mode])).split(",")
    faults = len(set(recorded.shown.values()))
    print(
        f"| stream, rule | told in quiet hours (a day and scope) | faults told of {faults} | told in the faulty part ",
        end="",
    )
    print("| false | median delay s | longest s |\n|---|---|---|---|---|---|---|")
    for name, stream, warm_up in streams(recorded, modes, options.repetitions):
        for budget in options.budgets.split(","):
            score = ours(stream, settings_for(budget, warm_up))
            print(score.row(f"{name}, {budget}"), flush=True)
            for line in (*score.quiet, *score.faulty) if options.lines else ():
                print(f"    {line}")
        print(rule(stream, Gravity.WARNING, warm_up).row(f"{name}, first line with a failure word"))
        print(rule(stream, Gravity.HARMLESS, warm_up).row(f"{name}, first line at all"))


async def on_kafka(options: argparse.Namespace) -> None:
    """Print the table of the core by itself and of daemons on a real Kafka."""
    recorded = recording(RECORDINGS[options.recording])
    numbers = recorded.shown
    of = f"faults told of {len(set(numbers.values()))}"
    print(f"| stream | through | told in quiet hours | {of} | told in the faulty part | false |")
    print("|---|---|---|---|---|---|")
    for mode in (options.modes or "plain,deploy").split(","):
        stream, faults_from, warm_up = lines_of(recorded, mode, options.repetitions)
        lines = list(stream)
        core = ours(observe(iter(lines), numbers, faults_from), settings_for("20/day", warm_up))
        print_row(mode, "the core by itself", core, len(core.delays), lines=options.lines)
        shown = {(row.scope, round(1000 * at)): numbers[row.number] for at, row in lines if row.number in numbers}
        with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
            async with topics_on(cluster.bootstrap_servers) as topics:
                for partitions in map(int, options.partitions.split(",")):
                    told = await incidents_told(topics, Path(folder), partitions, lines, warm_up, faults_from)
                    score, faults = score_of(told, shown, faults_from)
                    through = f"Kafka, {many(partitions, 'partition')}"
                    print_row(mode, through, score, len(faults), lines=options.lines)


def print_row(mode: str, through: str, score: Score, faults: int, *, lines: bool) -> None:
    """Print one row, and with `lines` what was told."""
    print(f"| {mode} | {through} | {len(score.quiet)} | {faults} | {len(score.faulty)} | {score.false} |", flush=True)
    for line in (*score.quiet, *score.faulty) if lines else ():
        print(f"    {line}")


if __name__ == "__main__":
    main()
