"""What judging and learning a session costs when the baseline is full: python -m benchmarks.detector [--patterns N].

Made-up traffic: 100,000 distinct lines, sessions of 20 lines of which 8 are among 200 common ones; patterns cluster
as real embeddings do. The baseline is filled to `--patterns`, then known sessions (drawn by weight) and new ones are
judged and learned; once it is full every new pattern evicts when it must. Times are CPU time of this process, without
any embedding. Set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1, or idle threads that spin count as well.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
from numpy.typing import NDArray

from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.sessions import make_pattern
from daemon.core.types import Pattern, TopicPartition, Vector

SOURCE = TopicPartition("bench", 0)
LINES, COMMON, CENTRES = 100_000, 200, 300
MINUTE = 60_000_000


class Traffic:
    """Patterns with vectors near one of CENTRES directions."""

    def __init__(self, dimensions: int) -> None:
        self._random = np.random.default_rng(0)
        self._centres = self._random.standard_normal((CENTRES, dimensions)).astype(np.float32)

    def make(self) -> tuple[Pattern, Vector]:
        """Return a new pattern and its vector."""
        centre = int(self._random.integers(CENTRES))
        common = (centre * 7 + self._random.integers(0, 12, size=8)) % COMMON
        rare = self._random.integers(COMMON, LINES, size=12)
        lines = {f"component {n} did thing {n * 7919} to <NUM>": int(n) % 3 + 1 for n in {*common, *rare}}
        vector = self._centres[centre] + 0.5 * self._random.standard_normal(self._centres.shape[1])
        return make_pattern("bench", lines), np.asarray(vector / np.linalg.norm(vector), np.float32)


def timed(detector: Detector, sessions: list[tuple[Pattern, Vector]], minute: int) -> NDArray[np.float64]:
    """Return milliseconds of CPU for each session."""
    spent = np.zeros(len(sessions))
    for place, (pattern, vector) in enumerate(sessions):
        started = time.process_time_ns()
        detector.judge(pattern, vector, end=(minute + place // 100) * MINUTE, source=SOURCE)
        spent[place] = (time.process_time_ns() - started) / 1e6
    return spent


def show(name: str, spent: NDArray[np.float64]) -> None:
    """Print one row of the table."""
    p50, p99 = np.percentile(spent, (50, 99))
    print(f"| {name} | {spent.mean():.2f} | {p50:.2f} | {p99:.2f} | {spent.max():.1f} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.detector", description=__doc__)
    parser.add_argument("--patterns", type=int, default=50_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--sessions", type=int, default=3000)
    arguments = parser.parse_args()
    detector = Detector(DetectorSettings(max_patterns=arguments.patterns), "bench", arguments.dimensions)
    traffic = Traffic(arguments.dimensions)
    print("| judged and learned | mean ms | median | p99 | greatest |")
    print("|---|---|---|---|---|")
    known: list[tuple[Pattern, Vector]] = []
    for size in (arguments.patterns // 10, arguments.patterns):
        fresh = [traffic.make() for _ in range(size - len(known))]
        show(f"new patterns, filling up to {size:,}", timed(detector, fresh, len(known) // 100))
        known += fresh
        draw = np.random.default_rng(size).zipf(1.3, arguments.sessions) % len(known)
        show(f"known patterns at {size:,}", timed(detector, [known[n] for n in draw], len(known) // 100))
        show(
            f"known patterns, each once, at {size:,}", timed(detector, known[:: max(1, size // arguments.sessions)], 0)
        )
    fresh = [traffic.make() for _ in range(arguments.sessions)]
    show(f"new patterns that evict, at {arguments.patterns:,}", timed(detector, fresh, len(known) // 100))
    scope = detector.scopes()[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{scope.patterns:,} patterns, {scope.lines:,} lines; baseline {scope.memory_bytes / 2**20:.0f} MiB, ", end=""
    )
    print(f"process {peak:.0f} MiB at its peak")
    return 0


if __name__ == "__main__":
    sys.exit(main())
