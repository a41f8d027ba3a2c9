"""Does an alert's first line point at what is wrong? Labelled lines of Thunderbird and BGL through the daemon's core.

    python -m benchmarks.localisation DATA [--misses]

`DATA` is a folder with `thunderbird_19k/Thunderbird.log.xz` and `loghub_2k/BGL_2k.log.xz` (loghub; labels are a column
of each line and are cut off before anything is judged).
Lines of one node within 60 s of each other, 5 minutes at most, are a session. BGL's sample is so thin that all of these
have one line, so it is also cut into blocks of ten lines, whatever their node, where there is something to find.
Every session is judged with the budget wide open, so that all have an explanation. Then, over the windows that hold a
labelled line (those flagged at p <= 0.01, at p <= 0.03, and all of them), the table has the share whose top-ranked line
is a labelled one (hit@1) and the mean reciprocal rank of the first labelled line, beside two naive rankings: the rarest
line first, with all sessions known, and the first line first.
"""

from __future__ import annotations

import argparse
import asyncio
import lzma
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from daemon.building import engine_settings, make_detector, make_tools
from daemon.config import Config
from daemon.core.explaining import explain
from daemon.core.records import Batch, ClosedBy, TopicPartition, Verdict, offset_of
from daemon.core.stream import Stream
from daemon.engines import make_engine
from daemon.ports import Engine

BUDGETS = (0.01, 0.03, 1.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A log line without its label."""

    time: int
    node: str
    text: str
    labelled: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled lines and how they are cut; `settings` are the configuration's."""

    name: str
    file: str
    parse: Callable[[str], Line | None]
    settings: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Case:
    """An anomalous window: its p-value and, for each ranking, the rank of the first labelled line (1 is best)."""

    verdict: Verdict
    p_value: float
    ranks: dict[str, int]


def thunderbird(raw: str) -> Line | None:
    parts = raw.split(" ", 9)
    if len(parts) < 10 or not parts[2].isdigit():
        return None
    return Line(int(parts[2]), parts[4], parts[9], parts[1] != "-")


def bgl(raw: str) -> Line | None:
    parts = raw.split(" ", 9)
    return Line(int(parts[1]), parts[3], " ".join(parts[7:]), parts[0] != "-") if len(parts) == 10 else None


def bgl_stream(raw: str) -> Line | None:
    line = bgl(raw)
    return replace(line, node="all") if line else None


NODES = {"gap": "60s", "max_age": "5m"}
BLOCKS = {"gap": "400d", "max_age": "400d", "max_lines": 10}
# BGL's 2,000 lines are a sample of seven months, so its window is as long: seven days of it hold no warm-up.
LONG = "400d"
BGL = "loghub_2k/BGL_2k.log.xz"
DATASETS = (
    Dataset(
        "Thunderbird",
        "thunderbird_19k/Thunderbird.log.xz",
        thunderbird,
        {"sessions": NODES, "detector": {"warm_up": 500}},
    ),
    Dataset("BGL nodes", BGL, bgl, {"sessions": NODES, "detector": {"warm_up": 500, "window": LONG}}),
    Dataset("BGL blocks", BGL, bgl_stream, {"sessions": BLOCKS, "detector": {"warm_up": 50, "window": LONG}}),
)


def read(path: Path, parse: Callable[[str], Line | None]) -> list[Line]:
    with lzma.open(path, "rt", errors="replace") as file:
        lines = [line for raw in file if (line := parse(raw.rstrip("\n"))) is not None]
    return sorted(lines, key=lambda line: line.time)


def batches(lines: Sequence[Line], source: TopicPartition, size: int = 2000) -> Iterator[Batch]:
    for start in range(0, len(lines), size):
        part = lines[start : start + size]
        values = [orjson.dumps({"time": it.time, "key": it.node, "message": it.text}) for it in part]
        yield Batch(source, range(start, start + len(part)), [-1] * len(part), [None] * len(part), values)


async def judge(lines: Sequence[Line], dataset: Dataset, engine: Engine) -> list[Verdict]:
    """Return the verdicts of every session, with evidence for all."""
    config = Config.model_validate({**dataset.settings, "alerts": {"budget": 1}})
    source = TopicPartition("lines", 0)
    stream = Stream(source, make_tools(config, engine, make_detector(config, engine)))
    verdicts: list[Verdict] = []
    for batch in batches(lines, source):
        stream.push(batch)
        verdicts += await drain(stream, engine)
    stream.flush(ClosedBy.FLUSH)
    return verdicts + await drain(stream, engine)


async def drain(stream: Stream, engine: Engine) -> list[Verdict]:
    while patterns := stream.missing(256):
        vectors = await engine.embed([pattern.text for pattern in patterns])
        stream.supply({pattern.id: vector for pattern, vector in zip(patterns, vectors, strict=True)})
    return stream.judge()


def cases(verdicts: Iterable[Verdict], lines: Sequence[Line], seen: Counter[str]) -> Iterator[Case]:
    """Yield the judged windows that hold a labelled line, each with its ranks."""
    for verdict in verdicts:
        if verdict.judgement.p_value is None:
            continue
        # A distinct masked line is labelled as its first example is.
        session = verdict.session.lines
        labelled = {it.masked for it in session if lines[offset_of(it.first)].labelled}
        if not labelled:
            continue
        rankings = {
            "ours": [it.line.masked for it in explain(verdict).lines],
            "rarest": [it.masked for it in sorted(session, key=lambda it: seen[it.masked])],
            "first": [it.masked for it in session],
        }
        ranks = {
            name: next(i for i, line in enumerate(order, 1) if line in labelled) for name, order in rankings.items()
        }
        yield Case(verdict, verdict.judgement.p_value, ranks)


async def evaluate(data: Path, dataset: Dataset, engine: Engine) -> list[Case]:
    lines = read(data / dataset.file, dataset.parse)
    verdicts = await judge(lines, dataset, engine)
    seen = Counter(line.masked for verdict in verdicts for line in verdict.session.lines)
    return list(cases(verdicts, lines, seen))


def table(name: str, found: Sequence[Case]) -> Iterator[str]:
    for budget in BUDGETS:
        flagged = [case for case in found if case.p_value <= budget]
        if not flagged:
            yield f"{name:12s} {budget:6g} {'none':>8s}"
            continue
        figures = []
        for ranking in ("ours", "rarest", "first"):
            hits = sum(case.ranks[ranking] == 1 for case in flagged) / len(flagged)
            reciprocal = sum(1 / case.ranks[ranking] for case in flagged) / len(flagged)
            figures.append(f"{hits:6.3f}/{reciprocal:.3f}")
        several = sum(len(case.verdict.session.lines) > 1 for case in flagged)
        yield f"{name:12s} {budget:6g} {len(flagged):8d} {several:8d}  {'  '.join(figures)}"


def misses(found: Iterable[Case]) -> Iterator[str]:
    for case in found:
        if case.ranks["ours"] > 1:
            yield f"rank {case.ranks['ours']}, p {case.p_value:.4f}:"
            for at, it in enumerate(explain(case.verdict).lines[: case.ranks["ours"]], 1):
                yield f"  {at:2d} {it.why:6s} {it.contribution:.3f} {it.share} {it.line.count} x {it.line.masked[:150]}"


async def main(data: Path, *, show_misses: bool) -> int:
    absent = [dataset.file for dataset in DATASETS if not (data / dataset.file).exists()]
    if absent:
        print(f"not in {data}: {', '.join(absent)}", file=sys.stderr)
        return 66
    engine = make_engine(engine_settings(Config.model_validate({"engine": {"model": "all-MiniLM-L6-v2"}})))
    await engine.start()
    print(
        "hit@1/mean reciprocal rank of the first labelled line, over windows with one (several: of more than one line)"
    )
    print(f"{'':12s} {'p <=':>6s} {'windows':>8s} {'several':>8s}  {'ours':>12s}  {'rarest':>12s}  {'first':>12s}")
    try:
        for dataset in DATASETS:
            began = time.perf_counter()
            found = await evaluate(data, dataset, engine)
            print("\n".join([*table(dataset.name, found), f"{'':12s} {time.perf_counter() - began:.0f} s"]))
            if show_misses:
                print("\n".join(misses(found)))
    finally:
        await engine.close()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--misses", action="store_true", help="show the windows whose top line is not a labelled one")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.data, show_misses=options.misses)))
