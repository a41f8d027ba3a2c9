"""Other people's packages on the same masked sessions, each with its own defaults (`requirements/benchmarks.txt`).

None is given a label, and there are two ways to take part (`ahead` has a third):

* *refitted*: fitted on the last 5,000 sessions when the first live one comes and every 1,000 sessions after it; what
  comes is scored by the fit that was there before.
* *streaming*: scores a session, then learns it.

Counts say how often a session has each line: for the refitted in a column a line of the fit; for the streaming, which
must know their columns beforehand, in one of 128 by the line's hash. They are taken as logarithms, but for RRCF, which
does better with them as they are.
"""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from daemon.backtest.peers import REFIT, SVM_SAMPLE
from daemon.backtest.trivial import WINDOW, Beside
from daemon.core.types import Pattern
from daemon.errors import UnavailableError

MAX_COLUMNS = 1_024
HASHED = 128
GREATEST = 6.0  # log(1 + 400): the largest value of a column, for the streaming learners that need it beforehand
Score = Callable[[Pattern], float]
Fit = Callable[[Sequence[Pattern]], Score]


def need(module: str) -> Any:
    """Return a module; raises UnavailableError when its package is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise UnavailableError(
            f"no {error.name}: pip install --require-hashes -r requirements/benchmarks.txt"
        ) from error


class Columns:
    """Maps lines to columns in the order they appear; lines that come when all are taken share the first column."""

    def __init__(self, width: int = MAX_COLUMNS) -> None:
        self._width = width
        self._places: dict[str, int] = {}

    def row(self, pattern: Pattern, *, learn: bool = True) -> NDArray[np.float64]:
        """Return a session's counts."""
        row = np.zeros(self._width)
        for line, count in pattern.lines:
            place = self._places.get(line, 0)
            if not place and learn and len(self._places) < self._width - 1:
                place = self._places[line] = len(self._places) + 1
            row[place] += count
        return row


class Refitted:
    """A detector that is fitted at intervals, for one scope."""

    def __init__(self, fit: Fit, sample: int = WINDOW) -> None:
        self._fit = fit
        self._recent: deque[Pattern] = deque(maxlen=sample)
        self._since = 0
        self._score: Score | None = None
        self._known: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._recent)

    def scores(self, pattern: Pattern) -> tuple[float, ...]:
        """Return the one score of a session."""
        if self._score is None or self._since >= REFIT:
            self._score, self._since = self._fit(list(self._recent)), 0
            self._known.clear()
        if pattern.id not in self._known:
            self._known[pattern.id] = self._score(pattern)
        return (self._known[pattern.id],)

    def add(self, pattern: Pattern) -> None:
        """Add a session."""
        self._recent.append(pattern)
        self._since += 1


class Streaming:
    """A learner of pysad, which scores one row and then learns it."""

    def __init__(self, model: Any, *, raw: bool = False) -> None:
        self._model, self._raw, self._seen = model, raw, 0

    def __len__(self) -> int:
        return self._seen

    def scores(self, pattern: Pattern) -> tuple[float, ...]:
        """Return the one score of a session."""
        return (float(self._model.score_partial(self._row(pattern))) if self._seen else 0.0,)

    def add(self, pattern: Pattern) -> None:
        """Add a session."""
        self._model.fit_partial(self._row(pattern))
        self._seen += 1

    def _row(self, pattern: Pattern) -> NDArray[np.float64]:
        row = np.zeros(HASHED)
        for line, count in pattern.lines:
            row[crc32(line.encode(errors="surrogatepass")) % HASHED] += count
        return row if self._raw else np.log1p(row)


def words(pattern: Pattern) -> list[str]:
    """Return a session's words as LogLead splits them, as often as they come."""
    return [word for line, count in pattern.lines for word in line.split(" ") * count]


def rarity(recent: Sequence[Pattern]) -> Score:
    """LogLead's RarityModel on words. A word that was not there counts as one that was there once."""
    make = need("loglead").RarityModel
    vectorizer = need("sklearn.feature_extraction.text").CountVectorizer(analyzer=words)
    table = vectorizer.fit_transform(recent)
    model = make()
    model.fit(table)
    known, total = vectorizer.vocabulary_, float(table.sum())
    unseen = -(np.log(1.0 / total) ** 3)

    def score(pattern: Pattern) -> float:
        counts = Counter(words(pattern))
        new = [count for word, count in counts.items() if word not in known]
        model.predict(vectorizer.transform([pattern]))
        seen = len(counts) - len(new)
        return float((model.scores[0] * max(seen, 1) + unseen * sum(new)) / len(counts))

    return score


def outliers(name: str, **settings: int) -> Fit:
    """A detector of pyod on counts; columns that no session of the fit uses are one."""
    make = getattr(need(f"pyod.models.{name.lower()}"), name)

    def fit(recent: Sequence[Pattern]) -> Score:
        columns = Columns()
        table = np.log1p(np.stack([columns.row(pattern) for pattern in recent]))
        used = np.flatnonzero(table.any(axis=0) | (np.arange(MAX_COLUMNS) == 0))
        model = make(**settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # columns that never change
            model.fit(table[:, used])

        def score(pattern: Pattern) -> float:
            row = np.log1p(columns.row(pattern, learn=False))[None, used]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return float(model.decision_function(row)[0])

        return score

    return fit


def line_features(recent: Sequence[Pattern]) -> Score:
    """logsight's features of lines and its forest, taught by 5,000 lines; a session is as odd as its oddest line."""
    parse, features = need("logsight.parser").parse_log_line, need("logsight.feature_engineering").extract_features

    def rows(pattern: Pattern) -> NDArray[np.float64]:
        parsed = [parse(line) for line, count in pattern.lines for _ in range(count) if line.strip()]
        return np.asarray(features(parsed)[0])

    taught: list[NDArray[np.float64]] = []
    for pattern in reversed(recent):
        if sum(map(len, taught)) < WINDOW:
            taught.append(rows(pattern))
    model = need("logsight.model").LogAnomalyDetector()
    model.train(np.concatenate(taught))
    return lambda pattern: -min(model.anomaly_scores(rows(pattern)), default=0.0)


def _refitted(name: str, make: Callable[[], Fit], sample: int = WINDOW) -> Callable[[], Beside]:
    def build() -> Beside:
        fit = make()
        return Beside([name], lambda: Refitted(fit, sample))

    return build


def _streaming(name: str, model: str, *, raw: bool = False, bounds: bool = False) -> Callable[[], Beside]:
    def build() -> Beside:
        make = getattr(need("pysad.models"), model)
        settings = {"feature_mins": np.zeros(HASHED), "feature_maxes": np.full(HASHED, GREATEST)}
        return Beside([name], lambda: Streaming(make(random_state=0, **(settings if bounds else {})), raw=raw))

    return build


def _needing(module: str, fit: Fit) -> Callable[[], Fit]:
    def make() -> Fit:
        need(module)
        return fit

    return make


SCORERS: Mapping[str, Callable[[], Beside]] = {
    "LogLead RarityModel": _refitted("LogLead RarityModel", _needing("loglead", rarity)),
    "RRCF": _streaming("RRCF", "RobustRandomCutForest", raw=True),
    "RSHash": _streaming("RSHash", "RSHash", bounds=True),
    "LODA": _streaming("LODA", "LODA"),
    "half-space trees": _streaming("half-space trees", "HalfSpaceTrees", bounds=True),
    "COPOD": _refitted("COPOD", lambda: outliers("COPOD")),
    "ECOD": _refitted("ECOD", lambda: outliers("ECOD")),
    "pyod IForest": _refitted("pyod IForest", lambda: outliers("IForest", random_state=0)),
    "pyod OCSVM": _refitted("pyod OCSVM", lambda: outliers("OCSVM"), SVM_SAMPLE),
    "logsight": _refitted("logsight", _needing("logsight", line_features)),
}
"""By name."""
