"""Does an alert's first line point at what is wrong? Labelled lines through the daemon's core.

    python -m benchmarks.localisation [DATA] [--misses]

The demo's recording needs nothing. `DATA` is a folder with `thunderbird_19k/Thunderbird.log.xz` and
`loghub_2k/BGL_2k.log.xz` (loghub; labels are a column of each line and are cut off before anything is judged).

Thunderbird and BGL are cut in two ways: lines of one node near each other in time are a session, or blocks of so many
lines are, whatever their node. BGL's sample is so thin that a node's sessions have one line; blocks have several.
Every session is treated as anomalous, so that all have an explanation. Then, over the windows that hold a
labelled line and more lines than one (those flagged at p <= 0.01, 0.03 and 0.1, and all of them), the table has the
share whose top-ranked line is a labelled one (hit@1) and the mean reciprocal rank of the first labelled line, beside
two naive rankings: the rarest line first, with all sessions known, and the first line first.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import lzma
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from daemon.adapters.engines import make_engine
from daemon.config.loading import load_config
from daemon.config.schema import Config
from daemon.core.alerts.explanation import explain
from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.detection import decision
from daemon.core.positions import offset_of
from daemon.core.stream import Stream, drive
from daemon.core.types import Batch, ClosedBy, TopicPartition, Verdict
from daemon.ports import Engine
from daemon.wiring import engine_settings, make_detector, make_tools

BUDGETS = (0.01, 0.03, 0.1, 1.0)
DEMO = Path(__file__).parents[1] / "demo"


@dataclass(frozen=True, slots=True)
class Line:
    """A log line as the daemon reads it, a JSON record, and its label."""

    time: float
    record: bytes
    labelled: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled lines and how they are cut; `settings` are the configuration; the demo has a file of its own."""

    name: str
    file: str
    parse: Callable[[str], Line | None] | None
    settings: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Case:
    """An anomalous window: its p-value, its labelled lines, and by ranking the rank of the first of them, from 1."""

    verdict: Verdict
    p_value: float
    labelled: frozenset[str]
    ranks: dict[str, int]


def line(time: int, node: str, text: str, *, labelled: bool) -> Line:
    return Line(time, orjson.dumps({"time": time, "key": node, "message": text}), labelled)


def thunderbird(raw: str, node: str = "") -> Line | None:
    parts = raw.split(" ", 9)
    if len(parts) < 10 or not parts[2].isdigit():
        return None
    return line(int(parts[2]), node or parts[4], parts[9], labelled=parts[1] != "-")


def bgl(raw: str, node: str = "") -> Line | None:
    parts = raw.split(" ", 9)
    if len(parts) < 10:
        return None
    return line(int(parts[1]), node or parts[3], " ".join(parts[7:]), labelled=parts[0] != "-")


def in_blocks(parse: Callable[[str, str], Line | None]) -> Callable[[str], Line | None]:
    return lambda raw: parse(raw, "all")


def blocks(lines: int) -> dict[str, object]:
    return {"gap": "400d", "max_age": "400d", "max_lines": lines}


# BGL's 2,000 lines are a sample of seven months, so its window is as long: seven days of it hold no warm-up.
LONG = "400d"
TB = "thunderbird_19k/Thunderbird.log.xz"
BGL = "loghub_2k/BGL_2k.log.xz"
DATASETS = (
    Dataset("Thunderbird, nodes, 60 s", TB, thunderbird, {"sessions": {"gap": "60s"}, "detector": {"warm_up": 500}}),
    Dataset(
        "Thunderbird, nodes, 10 s",
        TB,
        thunderbird,
        {"sessions": {"gap": "10s", "max_age": "60s"}, "detector": {"warm_up": 500}},
    ),
    Dataset(
        "Thunderbird, 10 lines",
        TB,
        in_blocks(thunderbird),
        {"sessions": blocks(10), "detector": {"warm_up": 300}},
    ),
    Dataset(
        "BGL 2k, nodes, 60 s", BGL, bgl, {"sessions": {"gap": "60s"}, "detector": {"warm_up": 500, "window": LONG}}
    ),
    Dataset(
        "BGL 2k, 5 lines", BGL, in_blocks(bgl), {"sessions": blocks(5), "detector": {"warm_up": 100, "window": LONG}}
    ),
    Dataset(
        "BGL 2k, 10 lines", BGL, in_blocks(bgl), {"sessions": blocks(10), "detector": {"warm_up": 50, "window": LONG}}
    ),
)
RECORDING = Dataset("the demo's recording", "recordings/logs.jsonl.xz", None, {})


def read(path: Path, parse: Callable[[str], Line | None]) -> list[Line]:
    with lzma.open(path, "rt", errors="replace") as file:
        lines = [line for raw in file if (line := parse(raw.rstrip("\n"))) is not None]
    return sorted(lines, key=lambda line: line.time)


def recorded() -> list[Line]:
    """Return the demo's lines, in the order of the file."""
    with (DEMO / "recordings" / "lines.csv").open() as file:
        labelled = {int(row["line"]) for row in csv.DictReader(file) if row["label"] == "1"}
    with lzma.open(DEMO / RECORDING.file) as records:
        return [Line(0, record.rstrip(b"\n"), number in labelled) for number, record in enumerate(records, 1)]


def batches(lines: Sequence[Line], source: TopicPartition, size: int = 2000) -> Iterator[Batch]:
    for start in range(0, len(lines), size):
        values = [entry.record for entry in lines[start : start + size]]
        count = len(values)
        yield Batch(source, range(start, start + count), [-1] * count, [None] * count, values)


def configured(dataset: Dataset) -> Config:
    return (
        load_config(DEMO / "config.yaml", os.environ)
        if dataset is RECORDING
        else Config.model_validate(dataset.settings)
    )


async def judge(lines: Sequence[Line], dataset: Dataset, engine: Engine) -> list[Verdict]:
    """Return the verdicts of every session, with evidence for all."""
    decision.USUAL, decision.STRANGE = float("inf"), 1.0
    config = configured(dataset)
    source = TopicPartition("lines", 0)
    stream = Stream(source, make_tools(config, engine, make_detector(config, engine)))
    verdicts: list[Verdict] = []
    for batch in batches(lines, source):
        stream.push(batch)
        verdicts += [verdict async for verdict in drive(stream, engine.embed)]
    stream.flush(ClosedBy.FLUSH)
    return verdicts + [verdict async for verdict in drive(stream, engine.embed)]


def cases(verdicts: Iterable[Verdict], lines: Sequence[Line], seen: Counter[str]) -> Iterator[Case]:
    """Yield the judged windows that hold a labelled line, each with its ranks."""
    for verdict in verdicts:
        if verdict.judgement.p_value is None:
            continue
        # A distinct masked line is labelled as its first example is.
        session = verdict.session.lines
        labelled = frozenset(entry.masked for entry in session if lines[offset_of(entry.first)].labelled)
        if not labelled:
            continue
        rankings = {
            "ours": [entry.masked for entry in explain(JudgedLines.of(verdict)).lines],
            "rarest": [entry.masked for entry in sorted(session, key=lambda entry: seen[entry.masked])],
            "first": [entry.masked for entry in session],
        }
        ranks = {
            name: next(i for i, line in enumerate(order, 1) if line in labelled) for name, order in rankings.items()
        }
        yield Case(verdict, verdict.judgement.p_value, labelled, ranks)


async def evaluate(data: Path, dataset: Dataset, engine: Engine) -> list[Case]:
    lines = read(data / dataset.file, dataset.parse) if dataset.parse else recorded()
    verdicts = await judge(lines, dataset, engine)
    seen = Counter(line.masked for verdict in verdicts for line in verdict.session.lines)
    return list(cases(verdicts, lines, seen))


def table(name: str, found: Sequence[Case]) -> Iterator[str]:
    """Yield a row a budget. Where windows have one line only, there is nothing to find, but it is counted."""
    several = [case for case in found if len(case.verdict.session.lines) > 1]
    for budget in BUDGETS:
        flagged = [case for case in several if case.p_value <= budget]
        alone = sum(case.p_value <= budget for case in found) - len(flagged)
        figures = []
        for ranking in ("ours", "rarest", "first") if flagged else ():
            hits = sum(case.ranks[ranking] == 1 for case in flagged) / len(flagged)
            reciprocal = sum(1 / case.ranks[ranking] for case in flagged) / len(flagged)
            figures.append(f"{hits:6.3f}/{reciprocal:.3f}")
        yield f"{name:25s} {budget:6g} {len(flagged):8d} {alone:8d}  {'  '.join(figures)}"


def misses(found: Iterable[Case]) -> Iterator[str]:
    for case in found:
        if case.ranks["ours"] > 1:
            yield f"rank {case.ranks['ours']}, p {case.p_value:.4f}:"
            for at, entry in enumerate(explain(JudgedLines.of(case.verdict)).lines[: case.ranks["ours"]], 1):
                line = f"{entry.count} x {entry.masked[:150]}"
                yield f"  {at:2d} {entry.why:6s} {entry.contribution:.3f} {entry.share} {line}"


async def main(data: Path | None, *, show_misses: bool) -> int:
    absent = [dataset.file for dataset in DATASETS if data is not None and not (data / dataset.file).exists()]
    if absent:
        print(f"not in {data}: {', '.join(absent)}", file=sys.stderr)
        return 66
    engine = make_engine(engine_settings(Config.model_validate({"engine": {"model": "all-MiniLM-L6-v2"}})))
    await engine.start()
    print("hit@1/mean reciprocal rank of the first labelled line, over windows with one and more lines than one")
    print(f"{'':25s} {'p <=':>6s} {'windows':>8s} {'one line':>8s}  {'ours':>12s}  {'rarest':>12s}  {'first':>12s}")
    try:
        for dataset in (RECORDING, *(DATASETS if data is not None else ())):
            began = time.perf_counter()
            found = await evaluate(data or Path(), dataset, engine)
            print("\n".join([*table(dataset.name, found), f"{'':25s} {time.perf_counter() - began:.0f} s"]), flush=True)
            if show_misses:
                print("\n".join(misses(found)))
    finally:
        await engine.close()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--misses", action="store_true", help="show the windows whose top line is not a labelled one")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.data, show_misses=options.misses)))
