"""Opinions on a document, each with its own figure, and the one rule that decides.

* *clauses*: the weight of the gravest departure from the nearest standard; odd at `Thresholds.departure` or more.
* *cosine*: the similarity of the whole texts' vectors; normal from `normal` on, odd below `odd`, unsure between.
* *p*: the share of the base's own documents of this kind that depart as far from their nearest neighbour, each left
  out in turn. It needs `ENOUGH` documents of the kind, and is odd at `Thresholds.p` or less.
* *isolation forest*, *one-class SVM*: second opinions on vectors, which the caller adds.

The rule: where there is a p-value, it decides, because the base itself shows how much its documents vary. Otherwise a
grave departure or a low cosine makes a document odd. Second opinions are shown and decide nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from daemon.core.calibration import tail_probability
from daemon.core.documents.comparison import Comparison

Says = Literal["normal", "unsure", "odd"]
ENOUGH = 20
"""Documents of one kind that a p-value needs."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The figures by which opinions decide; all can be set."""

    normal: float = 0.92
    odd: float = 0.75
    departure: float = 2.0
    p: float = 0.05


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one method says, and its figure. `of` is the number of documents that it rests on."""

    method: str
    figure: float
    says: Says
    of: int = 1


def by_clauses(comparison: Comparison, thresholds: Thresholds) -> Opinion:
    """Return the opinion by the gravest departure; its figure is that departure's weight, 0 without any."""
    gravest = comparison.departures[0].weight if comparison.departures else 0.0
    says: Says = "odd" if gravest >= thresholds.departure else "unsure" if comparison.departures else "normal"
    return Opinion("clauses", gravest, says)


def by_cosine(similarity: float, thresholds: Thresholds) -> Opinion:
    """Return the opinion by the similarity to the nearest standard."""
    says: Says = "normal" if similarity >= thresholds.normal else "odd" if similarity < thresholds.odd else "unsure"
    return Opinion("cosine", similarity, says)


def by_rank(departure: float, usual: Sequence[float], thresholds: Thresholds) -> Opinion | None:
    """Return the opinion by rank among the departures of the base's own documents; None for fewer than `ENOUGH`.

    `departure` and `usual` are departures from the nearest document of the base, itself left out.
    """
    if len(usual) < ENOUGH:
        return None
    values = np.asarray(usual, dtype=np.float32)
    p = tail_probability(departure, values, np.ones(len(values)))
    return Opinion("p", p, "odd" if p <= thresholds.p else "normal", len(usual))


def is_odd(opinions: Sequence[Opinion]) -> bool:
    """Return the decision by the rule above."""
    says = {opinion.method: opinion.says for opinion in opinions}
    if "p" in says:
        return says["p"] == "odd"
    return "odd" in (says.get("clauses"), says.get("cosine"))
