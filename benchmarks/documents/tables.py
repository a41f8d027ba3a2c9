"""What the protocols print."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks.documents.contestants import Scores
from benchmarks.documents.planted import Judged


def print_contest(truth: NDArray[np.bool_], scores: Sequence[Scores]) -> float:
    """Print average precision and recall of every contestant; return our threshold at 1% harmless alarms."""
    print(f"{truth.sum()} to be found, {(~truth).sum()} harmless\n")
    print("| | AP | recall at 1% harmless alarms |\n|---|---|---|")
    threshold = 0.0
    for name in scores[0]:
        figures = np.array([one[name] for one in scores])
        calm = np.sort(figures[~truth])[::-1]
        limit = float(calm[int(0.01 * len(calm))])
        threshold = limit if name == "strayline" else threshold
        recall = (figures[truth] > limit).mean()
        print(f"| {name} | {average_precision_score(truth, figures):.3f} | {recall:.3f} |")
    return threshold


def print_planted(judged: Sequence[Judged]) -> None:
    """Print the table of contestants, and ours by kind."""
    truth = np.array([one.planted.substantive for one in judged])
    threshold = print_contest(truth, [one.scores for one in judged])
    places = [one.place for one in judged if one.planted.substantive]
    top = np.mean([place == 1 for place in places])
    print(f"\ntop-1 {top:.3f}, MRR {np.mean([1 / place if place else 0.0 for place in places]):.3f}\n")
    print("| kind | texts | alarmed at that threshold | top-1 |\n|---|---|---|---|")
    kinds: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        kinds[one.planted.kind].append(one)
    for kind, ones in kinds.items():
        alarmed = np.mean([one.scores["strayline"] > threshold for one in ones])
        first = f"{np.mean([one.place == 1 for one in ones]):.3f}" if ones[0].planted.substantive else ""
        print(f"| {kind} | {len(ones)} | {alarmed:.3f} | {first} |")


def print_wrong(judged: Sequence[Judged]) -> None:
    """Print what was judged wrongly: a changed clause that is not shown first, a harmless edit with a departure."""
    for one in judged:
        if (one.place != 1) if one.planted.substantive else one.scores["strayline"] > 0:
            print(one.name, one.planted.kind, one.place, f"{one.scores['strayline']:.2f}", one.shown)
