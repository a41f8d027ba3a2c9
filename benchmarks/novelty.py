"""Does an embedding tell how new a line is, and which known line it resembles, better than the words it shares?

    python -m benchmarks.novelty [DATA]

The windows are those of `benchmarks.localisation` that are flagged at p <= 0.1 and hold a labelled line. Their new
lines are compared with the lines of the nearest normal patterns, as an alert does it, once by shared words
(`core.alerts.line_similarity`) and once by the cosine of the daemon's own embeddings. Over the windows with several new
lines, one of them labelled, the table has how often the most novel line is a labelled one (hit@1/mean reciprocal rank),
beside the order in which they were written. Over all new lines it has how often both name the same known line, and
which of the two known lines has the longer beginning in common with the new one, in words. CPU time is that of
embedding.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import numpy as np

from benchmarks.localisation import DATASETS, RECORDING, Case, Dataset, evaluate
from daemon.adapters.engines import make_engine
from daemon.config.schema import Config
from daemon.core.alerts.line_similarity import LineIndex
from daemon.core.types import Vector, Verdict
from daemon.ports import Engine
from daemon.wiring import engine_settings

BUDGET = 0.1
Near = tuple[float, str | None]


@dataclass(slots=True)
class Tally:
    """What is counted of one set: ranks of the first labelled line by ranking, and the nearest lines compared."""

    ranks: dict[str, list[int]] = field(default_factory=lambda: {"words": [], "embedding": [], "written": []})
    lines: int = 0
    same: int = 0
    longer: dict[str, int] = field(default_factory=lambda: {"words": 0, "embedding": 0})
    embedded: int = 0
    seconds: float = 0.0


class Vectors:
    """Embeddings of lines, each made once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Vector] = {}

    async def of(self, lines: Sequence[str], tally: Tally) -> list[Vector]:
        new = [line for line in dict.fromkeys(lines) if line not in self._known]
        began = time.process_time()
        if new:
            self._known |= zip(new, await self._engine.embed(new), strict=True)
        tally.seconds += time.process_time() - began
        tally.embedded += len(new)
        return [self._known[line] for line in lines]


def new_lines(verdict: Verdict, known: Sequence[str]) -> list[str]:
    """Return the lines that no session of the window has had, in the order written."""
    seen = {piece.line for piece in verdict.judgement.evidence if piece.share > 0} | set(known)
    return [line.masked for line in verdict.session.lines if line.masked not in seen]


def shared_beginning(line: str, known: str | None) -> int:
    pairs = zip(line.split(), (known or "").split(), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def rank(order: Sequence[str], labelled: Iterable[str]) -> int:
    wanted = set(labelled)
    return next(at for at, line in enumerate(order, 1) if line in wanted)


async def compare(case: Case, vectors: Vectors, tally: Tally) -> None:
    """Count one window."""
    known = list(dict.fromkeys(line for near in case.verdict.judgement.nearest for line, _ in near.lines))
    new = new_lines(case.verdict, known)
    if not known or not new:
        return
    relatives = LineIndex(known)
    words: dict[str, Near] = {line: relatives.novelty(line) for line in new}
    embedded = np.stack(await vectors.of([*new, *known], tally))
    cosines = embedded[: len(new)] @ embedded[len(new) :].T
    embedding: dict[str, Near] = {
        line: (1.0 - float(row.max()), known[int(row.argmax())]) for line, row in zip(new, cosines, strict=True)
    }
    for line in new:
        by_words, by_embedding = words[line][1], embedding[line][1]
        tally.lines += 1
        tally.same += by_words == by_embedding
        gain = shared_beginning(line, by_words) - shared_beginning(line, by_embedding)
        if gain:
            tally.longer["words" if gain > 0 else "embedding"] += 1
    if len(new) > 1 and case.labelled & set(new):
        tally.ranks["written"].append(rank(new, case.labelled))
        for name, novelty in (("words", words), ("embedding", embedding)):
            tally.ranks[name].append(rank(sorted(new, key=lambda line: -novelty[line][0]), case.labelled))


def row(name: str, windows: int, tally: Tally) -> str:
    count = len(tally.ranks["words"])
    shown = [
        f"{sum(place == 1 for place in ranks) / count:.3f}/{sum(1 / place for place in ranks) / count:.3f}"
        if count
        else "-"
        for ranks in tally.ranks.values()
    ]
    each = 1000 * tally.seconds / max(tally.embedded, 1)
    return (
        f"{name:25s} {count:4d} {shown[0]:>11s} {shown[1]:>11s} {shown[2]:>11s}  {tally.lines:5d} {tally.same:5d}"
        f" {tally.longer['words']:6d} {tally.longer['embedding']:6d}  {each:6.1f}"
        f" {tally.embedded / max(windows, 1):6.1f}"
    )


async def measure(data: Path, dataset: Dataset, engine: Engine, vectors: Vectors) -> str:
    cases = [case for case in await evaluate(data, dataset, engine) if case.p_value <= BUDGET]
    several, tally = [case for case in cases if len(case.verdict.session.lines) > 1], Tally()
    for case in several:
        await compare(case, vectors, tally)
    return row(dataset.name, len(several), tally)


async def main(data: Path | None) -> int:
    engine = make_engine(engine_settings(Config.model_validate({"engine": {"model": "all-MiniLM-L6-v2"}})))
    await engine.start()
    print(f"{'':25s} {'':4s} {'most novel line is labelled':^35s}  {'new':>5s} {'same':>5s} {'longer beginning':^13s}")
    print(
        f"{'':25s} {'n':>4s} {'words':>11s} {'embedding':>11s} {'as written':>11s}  {'lines':>5s} {'line':>5s}"
        f" {'words':>6s} {'emb.':>6s}  {'ms/line':>6s} {'lines/window':>6s}"
    )
    vectors = Vectors(engine)
    try:
        for dataset in (RECORDING, *(DATASETS if data is not None else ())):
            print(await measure(data or Path(), dataset, engine, vectors), flush=True)
    finally:
        await engine.close()
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    sys.exit(asyncio.run(main(parser.parse_args().data)))
