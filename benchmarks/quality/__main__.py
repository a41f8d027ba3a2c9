"""Measures every figure of docs/quality.md: python -m benchmarks.quality DATA [--only NAME]

With `peers`, other people's detectors on the same sessions, and nothing else: that needs their packages
(`requirements/benchmarks.txt`) and no engine, so they have an environment of their own. A package that is not there is
named and left out. `--peer NAME` runs one of `packages.SCORERS` or `ahead.AHEAD` alone.

`DATA` is a folder of labelled logs (see `datasets`); what is missing there is named and left out. The embedding engine
is the daemon's own: vLLM with all-MiniLM-L6-v2, or with `--engine lite` the table of token vectors. Nothing is tuned
here: one set of defaults for all, and no label is used but to score.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.ahead import AHEAD, ahead
from benchmarks.quality.datasets import Dataset, Labelled, changed, load
from benchmarks.quality.packages import SCORERS
from benchmarks.quality.protocols import Outcome, beside, protocol_c, protocol_s
from daemon.adapters.engines import EngineSettings, make_engine
from daemon.backtest.evaluation import block_rates
from daemon.backtest.peers import peers
from daemon.backtest.trivial import Beside, trivial
from daemon.core.sessions import make_pattern
from daemon.core.types import Pattern
from daemon.errors import StraylineError
from daemon.ports import Engine

BATCH = 64
MODELS = {"vllm": "all-MiniLM-L6-v2", "lite": "wordllama"}
SINCE = 5000


async def embed(engine: Engine, patterns: Iterable[Pattern]) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of the distinct patterns, by pattern."""
    distinct = sorted({pattern.id: pattern for pattern in patterns}.values(), key=lambda pattern: len(pattern.text))
    vectors: dict[str, NDArray[np.float32]] = {}
    for start in range(0, len(distinct), BATCH):
        batch = distinct[start : start + BATCH]
        rows = await engine.embed([pattern.text for pattern in batch])
        vectors.update(zip((pattern.id for pattern in batch), rows, strict=True))
    return vectors


def row(name: str, outcome: Outcome) -> None:
    r = outcome.row()
    print(
        f"| {name} | {r['ap']:.3f} | {r['f1']:.3f} | {r['f1_3']:.3f} | {r['precision']:.2f} | {r['recall']:.2f} "
        f"| {100 * r['rate']:.2f}% | {100 * r['worst']:.2f}% | {r['ms']:.2f} | {r['memory_mb']:.1f} |",
        flush=True,
    )


def headline(datasets: list[Dataset], vectors: dict[str, NDArray[np.float32]]) -> None:
    print("\n## Protocol S, p-values of at most 1%\n")
    print("| set | AP | best F1 | F1 at p <= 0.03 | precision | recall | flagged | worst block | ms | MB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    outcomes = {dataset.name: protocol_s(dataset, vectors) for dataset in datasets}
    for name, outcome in outcomes.items():
        row(name, outcome)
    print("\nFlagged in every block of 1,000 live sessions (10 on average, if p-values are what they say):\n")
    for name, outcome in outcomes.items():
        rates = block_rates(np.array(outcome.alerts, bool))
        print(f"* {name}: {' '.join(f'{1000 * rate:.0f}' for rate in rates)}")
    hdfs = next((dataset for dataset in datasets if dataset.name == "hdfs"), None)
    if hdfs is not None:
        print("\nHDFS at p-values of at most 3% (what is anomalous there is 2.7% of traffic), then shuffled:\n")
        row("hdfs, 3%", protocol_s(hdfs, vectors, share=0.03))
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(len(hdfs.sessions))
            ends = [session.end for session in hdfs.sessions]
            shuffled = [
                Labelled(hdfs.sessions[place].pattern, end, hdfs.sessions[place].anomalous)
                for place, end in zip(order, ends, strict=True)
            ]
            row(f"hdfs, shuffled {seed}", protocol_s(Dataset("hdfs", shuffled, hdfs.warm_up), vectors))


def curated(dataset: Dataset, vectors: dict[str, NDArray[np.float32]]) -> None:
    print("\n## Protocol C: four fifths of HDFS's normal sessions taught, the rest judged\n")
    print("| split | AP | best F1 | F1 at p <= 0.002 |")
    print("|---|---|---|---|")
    for seed in range(3):
        r = protocol_c(dataset, vectors, seed=seed).row()
        print(f"| {seed} | {r['ap']:.4f} | {r['f1']:.4f} | {r['f1_02']:.4f} |", flush=True)


def feedback(datasets: list[Dataset], vectors: dict[str, NDArray[np.float32]]) -> None:
    print("\n## A person answers: questions asked against quality reached\n")
    print("| set | asked at | questions | AP | best F1 | precision at 1% |")
    print("|---|---|---|---|---|---|")
    for dataset in datasets:
        for asked in (0.0, 0.003, 0.01, 0.03):
            r = protocol_s(dataset, vectors, asked=asked).row()
            at = f"p <= {asked}" if asked else "never"
            print(
                f"| {dataset.name} | {at} | {r['asked']} | {r['ap']:.3f} | {r['f1']:.3f} | {r['precision']:.2f} |",
                flush=True,
            )


async def drifts(engine: Engine, datasets: list[Dataset], vectors: dict[str, NDArray[np.float32]]) -> None:
    sets = {dataset.name: dataset for dataset in datasets}
    hdfs = sets.get("hdfs")
    if hdfs is None:
        return
    print(f"\n## P-values over breaks: flagged in every block of 1,000; the break is at live session {SINCE - 1000}\n")
    for name, sessions in splices(hdfs.sessions, sets.get("thunderbird")).items():
        known = dict(vectors)
        known.update(await embed(engine, (s.pattern for s in sessions if s.pattern.id not in known)))
        outcome = protocol_s(Dataset(name, sessions, 1000), known)
        rates = block_rates(np.array(outcome.alerts, bool))
        r = outcome.row()
        after = [odd for odd, alert in zip(outcome.anomalous, outcome.alerts, strict=True) if alert]
        print(
            f"* {name}: {' '.join(f'{1000 * rate:.0f}' for rate in rates)} "
            f"(precision {r['precision']:.2f}, AP {r['ap']:.3f}, true ones {sum(after)})",
            flush=True,
        )


def splices(sessions: list[Labelled], other: Dataset | None) -> dict[str, list[Labelled]]:
    """Return HDFS's sessions with one break each."""
    flood = make_pattern("quality", {"FATAL cache node unreachable, falling back": 3, "retrying connection": 5})
    made = {"a deployment rewords a third of the lines": changed(sessions, 1 / 3, SINCE)}
    flooded: list[Labelled] = []
    doubled: list[Labelled] = []
    joined: list[Labelled] = []
    waiting = iter(other.sessions if other is not None else ())
    for number, session in enumerate(sessions):
        for into in (flooded, doubled, joined):
            into.append(session)
        if SINCE <= number < SINCE + 1000:
            flooded.append(Labelled(flood, session.end, False))
        if number >= SINCE and not session.anomalous:
            doubled.append(session)
        if number >= SINCE and number % 4 == 0 and (guest := next(waiting, None)) is not None:
            joined.append(Labelled(guest.pattern, session.end, guest.anomalous))
    made["a flood: every second session is one new failure"] = flooded
    made["traffic doubles"] = doubled
    if other is not None:
        made["a new service joins the scope (Thunderbird)"] = joined
    slow = sessions
    for step in range(1, 9):
        slow = changed(slow, 0.04, SINCE + 500 * step, seed=step)
    made["a slow trend: one line in 25 reworded every 500 sessions"] = slow
    return made


def others(datasets: list[Dataset], families: list[Callable[[], Beside]]) -> None:
    print("\n## The same sessions, other scores: AP / best F1\n")
    for dataset in datasets:
        for family in families:
            try:
                rows = beside(dataset, family)
            except StraylineError as error:
                print(f"* {error}")
                continue
            for name, (ap, f1, ms) in rows.items():
                print(f"| {dataset.name} | {name} | {ap:.3f} / {f1:.3f} | {ms:.2f} ms together |", flush=True)


def everybody(datasets: list[Dataset], only: list[str]) -> None:
    """Print the trivial scores and other people's; `only` those named, when any are."""
    families = [SCORERS[name] for name in only if name in SCORERS] if only else [trivial, peers, *SCORERS.values()]
    others(datasets, families)
    for dataset in datasets:
        for name in only or AHEAD:
            if name not in AHEAD:
                continue
            try:
                ap, f1, ms = ahead(dataset, AHEAD[name])
            except StraylineError as error:
                print(f"* {error}")
            else:
                print(f"| {dataset.name} | {name}, looks ahead | {ap:.3f} / {f1:.3f} | {ms:.2f} ms |", flush=True)


def chosen(folder: Path, only: list[str]) -> list[Dataset]:
    """Return the sets that are there, and print a line for each; `only` those named, when any are."""
    datasets: list[Dataset] = []
    for loaded in load(folder):
        if isinstance(loaded, str):
            print(loaded)
        elif not only or loaded.name in only:
            datasets.append(loaded)
    for dataset in datasets:
        odd = sum(session.anomalous for session in dataset.sessions[dataset.warm_up :])
        patterns = len({session.pattern.id for session in dataset.sessions})
        lines = len({line for session in dataset.sessions for line, _ in session.pattern.lines})
        live = len(dataset.sessions) - dataset.warm_up
        print(f"{dataset.name}: {live} live sessions after {dataset.warm_up}, {odd} anomalous; ", end="")
        print(f"{patterns} patterns of {lines} lines")
    return datasets


async def run(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    datasets = chosen(arguments.data, arguments.only)
    if not datasets:
        print(f"nothing to measure: {arguments.data} holds none of the logs that benchmarks/quality/datasets.py names")
        return 66
    if arguments.extra == "peers":
        everybody(datasets, arguments.peer)
        return 0
    engine = make_engine(EngineSettings(type=arguments.engine, model=MODELS[arguments.engine]))
    await engine.start()
    try:
        vectors = await embed(engine, (session.pattern for dataset in datasets for session in dataset.sessions))
        print(f"embedded {len(vectors)} patterns; {time.monotonic() - started:.0f} s so far", flush=True)
        headline(datasets, vectors)
        if any(dataset.name == "hdfs" for dataset in datasets):
            curated(next(dataset for dataset in datasets if dataset.name == "hdfs"), vectors)
        others(datasets, [trivial])
        feedback([dataset for dataset in datasets if dataset.name != "mix"], vectors)
        await drifts(engine, datasets, vectors)
    finally:
        await engine.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\n{time.monotonic() - started:.0f} s, peak memory {peak:.1f} GiB with the engine, ", end="")
    print(f"Python {platform.python_version()}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.quality", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("extra", nargs="?", choices=["peers"], help="other people's detectors instead")
    parser.add_argument("--only", action="append", default=[], help="measure this set only")
    parser.add_argument("--engine", choices=MODELS, default="vllm", help="what embeds (default: vllm)")
    names = [*SCORERS, *AHEAD]
    parser.add_argument("--peer", action="append", default=[], choices=names, help="with peers: this one only")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
