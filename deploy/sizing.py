"""Measures the figures of sizing in docs/operate.md: `python -m deploy.sizing`.

Each figure is taken in a process of its own. Memory is the growth of the resident set, divided by the number of things
made; the baseline's own account of its memory (the metric `strayline_baseline_memory_bytes`) is printed beside it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.masked_lines import MaskedLines
from daemon.core.positions import position_of
from daemon.core.sessions import Sessionizer, SessionLimits
from daemon.core.types import LINES_SCHEMA, Pattern, TopicPartition

SOURCE = TopicPartition("logs", 0)
SECOND = 1_000_000
PATTERNS = 10_000
OPEN = 20_000


def resident() -> int:
    """Return this process's resident memory in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def pattern_cost(dimensions: int) -> str:
    """Memory and time a pattern: ten lines each, of which two are its own."""
    detector = Detector(DetectorSettings(max_patterns=2 * PATTERNS), "sizing", dimensions)
    source = np.random.default_rng(1)
    vectors = source.standard_normal((PATTERNS, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    common = [(f"INFO step {word} of the usual request took <NUM> ms", 1) for word in "abcdefgh"]
    before, began = resident(), time.process_time()
    for number in range(PATTERNS):
        own = [(f"INFO worker {number:x} read object {number:x} from <PATH>", 1), (f"INFO closing {number:x}", 1)]
        pattern = Pattern(f"{number:016x}", "shop", tuple(sorted([*common, *own])))
        detector.judge(pattern, vectors[number], end=number * SECOND, source=SOURCE)
        detector.updates(SOURCE)
    spent, grown = time.process_time() - began, resident() - before
    own_account = sum(scope.memory_bytes for scope in detector.scopes())
    return (
        f"a pattern of {dimensions} dimensions: {grown / PATTERNS / 1024:.1f} KiB resident "
        f"({own_account / PATTERNS / 1024:.1f} KiB by its own account), {spent / PATTERNS * 1e3:.2f} ms to judge"
    )


def session_cost(lines: int) -> str:
    """Memory of an open session with so many distinct lines, shared with the others as in real traffic."""
    sessionizer = Sessionizer(SessionLimits(3600 * SECOND, 7200 * SECOND, 10_000, 32_000, 1 << 40), _count)
    before = resident()
    for index in range(lines):
        text = f"INFO step {index} of the usual request took <NUM> ms"
        rows = {
            "position": [position_of(index * OPEN + key) for key in range(OPEN)],
            "time": [index * SECOND] * OPEN,
            "scope": ["shop"] * OPEN,
            "key": [f"request-{key}" for key in range(OPEN)],
            "text": [text] * OPEN,
            "clock": [index * SECOND] * OPEN,
        }
        table = pl.DataFrame(rows, schema=dict(LINES_SCHEMA)).with_columns(pl.col("text").alias("masked"))
        assert sessionizer.push(MaskedLines.of(table)) == []
    return f"an open session of {lines} lines: {(resident() - before) / OPEN / 1024:.1f} KiB"


def _count(lines: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.full(len(lines), 12, dtype=np.int32)


def main() -> int:
    """Print every figure."""
    works: list[tuple[Callable[[int], str], int]] = [(pattern_cost, 384), (pattern_cost, 1024), (pattern_cost, 2560)]
    works += [(session_cost, 5), (session_cost, 20)]
    for work, size in works:
        with get_context("spawn").Pool(1) as pool:
            print(pool.apply(work, (size,)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
