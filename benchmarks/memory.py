"""What the baselines of a replica cost: memory a pattern, memory an idle scope, and the time until they are restored.

    python -m benchmarks.memory patterns [--patterns 20000] [--scopes 4] [--dimensions 384]
    python -m benchmarks.memory scopes [--scopes 10000]
    python -m benchmarks.memory restore [--patterns 100000] [--scopes 20]

Every figure is taken in a process of its own, memory as the growth of its resident set. A first process judges patterns
of ten lines, two of which are their own, and reads back what it writes, as a replica does. A second one restores them
from those records with `Detector.apply`, 20,000 at a time. A third one writes the snapshot of them, and a fourth loads
it. `scopes` has one session in each of many scopes. No Kafka and no model: vectors lie near one of 300 directions.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from daemon.adapters.snapshot_file import SnapshotFile
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.types import Pattern, TopicPartition, Update, Vector

SOURCE = TopicPartition("logs", 0)
SECOND = 1_000_000
CENTRES = 300
APPLIED_AT_ONCE = 20_000
LARGEST = 1 << 40
"""Bytes that a snapshot may have."""
LETTERS = str.maketrans("0123456789abcdef", "ghjklmnpqrstvwxz")
PLACES = ("the first part", "the last part")


def resident() -> int:
    """Resident memory of this process in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def sessions(
    patterns: int, scopes: int, dimensions: int, lines: int = 10, own: int = 2, *, worded: bool = False
) -> Iterator[tuple[Pattern, Vector]]:
    """Patterns by turns of each scope, of so many lines, of which `own` are in no other; each with its vector.

    Own lines of different patterns differ by a number; `worded` ones are longer and also have words of their own.
    """
    common = [(f"INFO step {chr(97 + number)} of the usual request took <NUM>", 1) for number in range(lines - own)]
    source = np.random.default_rng(1)
    centres = source.standard_normal((CENTRES, dimensions)).astype(np.float32)
    for number in range(patterns):
        texts = [f"INFO worker {number:x} read object {number:x} from <PATH>", f"INFO closing {number:x}"]
        if worded:
            word = f"{number:x}".translate(LETTERS)
            texts = [f"INFO {place} of the request named {word} for which nobody had asked" for place in PLACES]
        mine = [(texts[each % 2] + each // 2 * " again", 1) for each in range(own)]
        vector = centres[number % CENTRES] + 0.5 * source.standard_normal(dimensions).astype(np.float32)
        pattern = Pattern(f"{number:016x}", f"service-{number % scopes}", tuple(sorted([*common, *mine])))
        yield pattern, np.asarray(vector / np.linalg.norm(vector), np.float32)


def empty(dimensions: int) -> Detector:
    return Detector(DetectorSettings(max_patterns=10**7), "bench", dimensions)


class Cost(NamedTuple):
    """Bytes by which the process grew, the detector's own account of them, and seconds."""

    grown: int
    account: int
    seconds: float


def cost(detector: Detector, before: int, began: float) -> Cost:
    seconds = time.perf_counter() - began
    return Cost(resident() - before, sum(scope.memory_bytes for scope in detector.scopes()), seconds)


def learn(patterns: int, scopes: int, dimensions: int) -> tuple[Cost, list[Update]]:
    """Judge every pattern once; return the cost, and the records of all that was learned."""
    detector, before, began = empty(dimensions), resident(), time.perf_counter()
    for number, (pattern, vector) in enumerate(sessions(patterns, scopes, dimensions)):
        detector.judge(pattern, vector, end=number * SECOND, source=SOURCE)
        if number % 256 == 0:
            detector.apply(detector.updates(SOURCE))
    detector.apply(detector.updates(SOURCE))
    return cost(detector, before, began), list(detector.dump())


def restore(records: list[Update], dimensions: int) -> Cost:
    """Read the records as a replica that starts does."""
    detector, before, began, rows = empty(dimensions), resident(), time.perf_counter(), iter(records)
    while some := list(islice(rows, APPLIED_AT_ONCE)):
        detector.apply(some)
    return cost(detector, before, began)


def write(records: list[Update], dimensions: int, path: Path) -> tuple[float, int]:
    """Write the snapshot of what the records say; return seconds of the processor, and bytes."""
    detector, rows = empty(dimensions), iter(records)
    while some := list(islice(rows, APPLIED_AT_ONCE)):
        detector.apply(some)
    began = time.process_time()
    size = save_snapshot(detector, path)
    return time.process_time() - began, size


def save_snapshot(detector: Detector, path: Path) -> int:
    """Write the snapshot of all scopes; return its bytes."""
    writer = SnapshotFile(path, LARGEST).writer()
    writer.begin({})
    for name in detector.scope_sizes():
        for saved in detector.save([name]):
            writer.add(saved)
    writer.finish()
    return writer.bytes


def load_snapshot(detector: Detector, path: Path) -> None:
    """Load a snapshot as a replica that starts does."""
    opened = SnapshotFile(path, LARGEST).open()
    assert opened is not None, "it was written a moment ago"
    loading = detector.loading()
    for saved in opened.scopes:
        loading.add(saved)
    loading.finish()


def load(dimensions: int, path: Path) -> tuple[Cost, float]:
    """Load the snapshot as a replica that starts does; return the cost, and seconds of the processor."""
    detector, before, began, spent = empty(dimensions), resident(), time.perf_counter(), time.process_time()
    load_snapshot(detector, path)
    spent = time.process_time() - spent
    return cost(detector, before, began), spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("patterns", "scopes", "restore"))
    parser.add_argument("--patterns", type=int)
    parser.add_argument("--scopes", type=int)
    parser.add_argument("--dimensions", type=int, default=384)
    options = parser.parse_args()
    scopes = options.scopes or {"patterns": 4, "scopes": 10_000, "restore": 20}[options.what]
    patterns = options.patterns or {"patterns": 20_000, "scopes": scopes, "restore": 100_000}[options.what]
    width = options.dimensions
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool, TemporaryDirectory() as folder:
        learned, records = pool.apply(learn, (patterns, scopes, width))
        restored = pool.apply(restore, (records, width))
        path = Path(folder, "snapshot")
        writing, size = pool.apply(write, (records, width, path))
        loaded, loading = pool.apply(load, (width, path))
    print(f"{patterns:,} patterns of {scopes:,} scopes, {width} dimensions, {len(records):,} records")
    for name, spent in (("learned", learned), ("restored", restored), ("loaded", loaded)):
        each, vector, account = (size / patterns / 1024 for size in (spent.grown, 2 * width * patterns, spent.account))
        print(
            f"{name}: {each:.2f} KiB a pattern, {each - vector:.2f} besides its vector "
            f"({account:.2f} by its own account); {spent.grown / scopes / 1024:.2f} KiB a scope; {spent.seconds:.1f} s"
        )
    each = 1e6 / patterns
    costs = f"{writing * each:.1f} us of the processor a pattern to write, {loading * each:.1f} to load"
    print(f"snapshot: {size / patterns:,.0f} bytes a pattern; {costs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
