"""How long a replica reads its baselines before it is ready: from the topic's records, and from a snapshot.

    python -m benchmarks.start [--patterns 1000000] [--scopes 200] [--dimensions 384]

Records of patterns of ten lines, two of which are their own, are applied as a replica applies them that starts, 20,000
at a time. Then the snapshot is written, and loaded in a process of its own. Kafka is left out, and so is what makes the
records: seconds are those of what a replica does with them, by the clock and of the processor, with the garbage
collector tuned as in the daemon.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cold import records
from benchmarks.memory import APPLIED_AT_ONCE, empty, load_snapshot, resident, save_snapshot, sessions
from daemon.runtime import seldom_collected


class Spent:
    """Seconds by the clock and of the processor, added up over what is measured."""

    def __init__(self) -> None:
        self.clock = self.processor = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        clock, processor = self._began
        self.clock += time.perf_counter() - clock
        self.processor += time.process_time() - processor

    def figures(self, patterns: int, grown: int) -> dict[str, float]:
        """Return the seconds, and what the process grew by, in MiB and in KiB a pattern."""
        return {
            "s": round(self.clock, 1),
            "s of the processor": round(self.processor, 1),
            "MiB": round(grown / 2**20),
            "KiB a pattern": round(grown / patterns / 1024, 2),
        }


def restore(patterns: int, scopes: int, dimensions: int, path: Path) -> dict[str, float]:
    """Apply the records and write the snapshot; return what applying took."""
    detector, before, spent = empty(dimensions), resident(), Spent()
    rows = records(sessions(patterns, scopes, dimensions))
    with seldom_collected():
        while some := list(islice(rows, APPLIED_AT_ONCE)):
            with spent:
                detector.apply(some, restoring=True)
    grown = resident() - before
    save_snapshot(detector, path)
    return spent.figures(patterns, grown)


def load(patterns: int, dimensions: int, path: Path) -> dict[str, float]:
    """Load the snapshot; return what that took."""
    detector, before, spent = empty(dimensions), resident(), Spent()
    with seldom_collected(), spent:
        load_snapshot(detector, path)
    return spent.figures(patterns, resident() - before)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patterns", type=int, default=1_000_000)
    parser.add_argument("--scopes", type=int, default=200)
    parser.add_argument("--dimensions", type=int, default=384)
    options = parser.parse_args()
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool, TemporaryDirectory() as folder:
        path = Path(folder, "snapshot")
        restored = pool.apply(restore, (options.patterns, options.scopes, options.dimensions, path))
        size = path.stat().st_size
        loaded = pool.apply(load, (options.patterns, options.dimensions, path))
    print(json.dumps({"from the topic": restored, "from the snapshot": loaded, "snapshot MiB": size >> 20}, indent=1))


if __name__ == "__main__":
    main()
