"""Other people's detectors beside ours, on the same masked sessions: isolation forest, one-class SVM, Drain3.

They need the `peers` extra and run with their own defaults. The two learners work on the logarithm of the counts of a
session's lines (or of its Drain3 templates), are fitted again every `REFIT` sessions on the last `WINDOW`, and score
what comes until the next fit: they too score a session before they learn it. Lines unknown at the fit share one column.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from daemon.backtest.evaluation import Floats
from daemon.backtest.trivial import SETTLED, WINDOW, Beside, RecentPatterns
from daemon.core.types import Pattern
from daemon.errors import UnavailableError

PEERS = ("isolation forest", "one-class SVM", "Drain3 rarest", "Drain3 counts")
REFIT = 1000
MAX_COLUMNS = 2000
CACHED_LINES = 50_000
SVM_SAMPLE = 2000  # the cost of a fit grows with its square


class Fitted:
    """A learner from scikit-learn over counts, fitted at intervals; larger scores are stranger."""

    def __init__(self, make: Callable[[], Any], sample: int = WINDOW) -> None:
        self._make = make
        self._recent: deque[Pattern] = deque(maxlen=sample)
        self._since = 0
        self._columns: Mapping[str, int] = {}
        self._learner: Any = None
        self._scored: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._recent)

    def score(self, pattern: Pattern) -> float:
        """Return the score under the last fit; 0 when there is nothing to fit on."""
        if self._learner is None:
            if not self._recent:
                return 0.0
            self._fit()  # a short warm-up: a score without a fit is not comparable with later ones
        if pattern.id not in self._scored:
            self._scored[pattern.id] = -float(self._learner.score_samples(self._row(pattern)[None])[0])
        return self._scored[pattern.id]

    def add(self, pattern: Pattern) -> None:
        """Add a session, and fit again when it is time."""
        self._recent.append(pattern)
        self._since += 1
        if len(self._recent) >= SETTLED and (self._learner is None or self._since >= REFIT):
            self._fit()

    def _fit(self) -> None:
        totals: dict[str, int] = {}
        for pattern in self._recent:
            for line, _ in pattern.lines:
                totals[line] = totals.get(line, 0) + 1
        common = sorted(totals, key=lambda line: (-totals[line], line))[:MAX_COLUMNS]
        self._columns = {line: place for place, line in enumerate(common, 1)}
        self._learner = self._make().fit(np.stack([self._row(pattern) for pattern in self._recent]))
        self._scored, self._since = {}, 0

    def _row(self, pattern: Pattern) -> Floats:
        row = np.zeros(len(self._columns) + 1)
        for line, count in pattern.lines:
            row[self._columns.get(line, 0)] += count
        return np.log1p(row)


class Templates:
    """Maps lines to Drain3's templates; a line keeps its first template while it is cached."""

    def __init__(self) -> None:
        self._miner = _need("drain3.drain").Drain()
        self._known: OrderedDict[str, str] = OrderedDict()

    def of(self, pattern: Pattern) -> Pattern:
        """Return the session as counts of templates, named by them."""
        counts: dict[str, int] = {}
        for line, count in pattern.lines:
            template = self._template(line)
            counts[template] = counts.get(template, 0) + count
        lines = tuple(sorted(counts.items()))
        return Pattern(repr(lines), pattern.scope, lines)

    def _template(self, line: str) -> str:
        if line in self._known:
            self._known.move_to_end(line)
            return self._known[line]
        cluster, _ = self._miner.add_log_message(line)
        self._known[line] = template = str(cluster.cluster_id)
        if len(self._known) > CACHED_LINES:
            self._known.popitem(last=False)
        return template


class PeerScorer:
    """All of `PEERS` for one scope."""

    def __init__(self) -> None:
        ensemble, svm = _need("sklearn.ensemble"), _need("sklearn.svm")
        self._forest = Fitted(lambda: ensemble.IsolationForest(random_state=0))
        self._svm = Fitted(svm.OneClassSVM, SVM_SAMPLE)
        self._templates, self._window = Templates(), RecentPatterns()
        self._template_forest = Fitted(lambda: ensemble.IsolationForest(random_state=0))

    def __len__(self) -> int:
        return len(self._window)

    def scores(self, pattern: Pattern) -> tuple[float, ...]:
        """Return a score for each of `PEERS`."""
        templates = self._templates.of(pattern)
        rarest = self._window.scores(templates)[2]
        return (
            self._forest.score(pattern),
            self._svm.score(pattern),
            rarest,
            self._template_forest.score(templates),
        )

    def add(self, pattern: Pattern) -> None:
        """Add a session."""
        templates = self._templates.of(pattern)
        self._forest.add(pattern)
        self._svm.add(pattern)
        self._window.add(templates)
        self._template_forest.add(templates)


def peers() -> Beside:
    """Return the peers' scores. Raises UnavailableError when the extra is not installed."""
    for module in ("sklearn.ensemble", "drain3.drain"):
        _need(module)
    return Beside(PEERS, PeerScorer)


def _need(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise UnavailableError(f"the peers need {error.name}: pip install 'strayline[peers]'") from error
