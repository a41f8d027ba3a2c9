"""How other people's packages are put to the same sessions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.quality import packages
from benchmarks.quality.ahead import Ahead, ahead
from benchmarks.quality.datasets import Dataset, Labelled
from benchmarks.quality.packages import Columns, Refitted, Streaming, need, words
from daemon.core.sessions import make_pattern
from daemon.core.types import Pattern
from daemon.errors import UnavailableError


def pattern(**counts: int) -> Pattern:
    return make_pattern("s", {name.replace("_", " "): count for name, count in counts.items()})


def test_a_package_that_is_missing_is_named() -> None:
    """Asked for without its package, a detector says which one is missing and how to get it."""
    with pytest.raises(UnavailableError, match=r"no no_such_package: pip install .*requirements/benchmarks.txt"):
        need("no_such_package.inside")


def test_a_fit_scores_what_comes_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refitted detector is fitted on what came before its first score, again after so many, on the last so many."""
    monkeypatch.setattr(packages, "REFIT", 3)
    fits: list[int] = []

    def fit(recent: Sequence[Pattern]) -> packages.Score:
        fits.append(len(recent))
        return lambda _: float(len(fits))

    detector, found = Refitted(fit, sample=4), list[float]()
    detector.add(pattern(warm=1))
    detector.add(pattern(warm=2))
    for n in range(7):
        found += detector.scores(pattern(a=n + 1))
        detector.add(pattern(a=n + 1))

    assert [2, 4, 4] == fits
    assert [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0] == found


def test_lines_have_columns_in_the_order_they_appear() -> None:
    """A line keeps its column; when there are no more, or nothing may be learned, it counts in the first."""
    columns = Columns(3)

    assert [0, 2, 0] == columns.row(pattern(a=2)).tolist()
    assert [5, 0, 0] == columns.row(pattern(z=5), learn=False).tolist()
    assert [0, 1, 4] == columns.row(pattern(a=1, b=4)).tolist()
    assert [7, 1, 0] == columns.row(pattern(a=1, c=7)).tolist()


class Summing:
    """A streaming learner that says how much it has learned, and is strict about the order."""

    def __init__(self) -> None:
        self._total = 0.0

    def fit_partial(self, row: NDArray[np.float64]) -> None:
        self._total += float(row.sum())

    def score_partial(self, row: NDArray[np.float64]) -> float:
        return self._total + 100 * float(row.sum())


def test_a_streaming_learner_scores_before_it_learns() -> None:
    """The first session scores nothing; each later one is compared with what came before it only."""
    learner, found = Streaming(Summing(), raw=True), list[float]()
    for count in (1, 2, 3):
        found += learner.scores(pattern(a=count))
        learner.add(pattern(a=count))

    assert [0.0, 201.0, 303.0] == found


def test_words_come_as_often_as_their_lines() -> None:
    """LogLead gets a session's words, each as often as it is there."""
    assert ["a", "b", "a", "b", "c"] == words(pattern(a_b=2, c=1))


def test_what_looks_ahead_gets_sessions_in_pieces() -> None:
    """Sessions are scored so many at a time, those of the warm-up too, and only live ones are measured."""
    sizes = []

    def score(sessions: Sequence[Pattern]) -> list[float]:
        sizes.append(len(sessions))
        return [float(sum(count for _, count in session.lines)) for session in sessions]

    sessions = [Labelled(pattern(a=n + 1), n, n in (0, 6)) for n in range(7)]
    precision, best, _ = ahead(Dataset("made", sessions, 2), Ahead(score, 3))

    assert [3, 3, 1] == sizes
    assert (1.0, 1.0) == (precision, best)
