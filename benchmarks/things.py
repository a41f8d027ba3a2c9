"""Quality by what is labelled, where configurations cut other sessions.

    python -m benchmarks.things LOG LABELS PATTERN OUT...

Sessions of two configurations are different, and so are averages over them. What both see are the things that labels
are about: an instance, a job, a block. `PATTERN` has the group `thing`, which names a line's thing; a thing is
anomalous when one of its lines is listed in `LABELS` (`line,label`, as `strayline backtest --labels` reads it), and its
score is the highest of the live sessions that hold one of its lines. Every `OUT` is the folder of a backtest of `LOG`;
figures are over the things that all of them judged.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import orjson

from daemon.backtest.evaluation import curve


def things_of(log: Path, pattern: str) -> list[str | None]:
    """Return the thing of each line, None where the pattern does not occur."""
    found = map(re.compile(pattern).search, log.read_text().splitlines())
    return [match["thing"] if match else None for match in found]


def labelled(labels: Path, things: list[str | None]) -> set[str]:
    """Return the anomalous things. Lines are numbered from 1."""
    with labels.open(newline="") as rows:
        numbers = [int(row["line"]) for row in csv.DictReader(rows) if row["label"] == "1"]
    return {thing for number in numbers if (thing := things[number - 1]) is not None}


def scores(folder: Path, things: list[str | None]) -> dict[str, float]:
    """Return each thing's highest score in a backtest."""
    best: dict[str, float] = {}
    with (folder / "verdicts.jsonl").open("rb") as verdicts:
        for verdict in map(orjson.loads, verdicts):
            if verdict["phase"] == "warm_up":
                continue
            for row in _rows(verdict["source"]["positions"]):
                if (thing := things[row]) is not None:
                    best[thing] = max(best.get(thing, -np.inf), verdict["score"])
    return best


def _rows(ranges: list[str]) -> Iterator[int]:
    for first, _, last in (text.partition("-") for text in ranges):
        yield from range(int(first), int(last or first) + 1)


def table(judged: Mapping[str, Mapping[str, float]], anomalous: set[str]) -> Iterator[str]:
    """Yield a line for each backtest."""
    common = sorted(set.intersection(*(set(best) for best in judged.values())))
    truth = np.array([thing in anomalous for thing in common])
    yield f"{len(common):,} things, {int(truth.sum()):,} anomalous"
    for name, best in judged.items():
        figures = curve(truth, np.array([best[thing] for thing in common]))
        yield f"{name:30} average precision {figures.average_precision:.3f}, best F1 {figures.best_f1:.3f}"


def main(arguments: list[str]) -> int:
    if len(arguments) < 4:
        print(__doc__, file=sys.stderr)
        return 64
    log, labels, pattern, *folders = arguments
    things = things_of(Path(log), pattern)
    judged = {folder: scores(Path(folder), things) for folder in folders}
    for line in table(judged, labelled(Path(labels), things)):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
