"""What a replica needs while scopes that nobody uses lie on the disk: memory, and the time to go there and come back.

    python -m benchmarks.cold [--scopes 200] [--patterns 1000] [--share 0.9]

The process restores `patterns` of each scope from records, as in `benchmarks.memory`. It moves the share of the scopes
to the disk as the daemon does, then brings back one after the other by a session of it. Memory is the growth of the
resident set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import islice
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, thread_time
from typing import ParamSpec, TypeVar

import numpy as np
import pytest

from benchmarks.memory import APPLIED_AT_ONCE, SECOND, SOURCE, resident, sessions
from daemon.adapters.cold_file import ColdFile
from daemon.core.baseline import Weight
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.detection.changelog_codec import dump_vector, dump_weight, vector_key, weight_key
from daemon.core.types import Pattern, Update, Vector
from daemon.runtime.cold_scopes import give_back

P = ParamSpec("P")
T = TypeVar("T")
PAUSES = (
    "daemon.core.detection.packed_scope._Pieces.write",
    "daemon.core.detection.packed_scope._Read.read",
    "daemon.core.detection.packed_scope._Read.readinto",
    "daemon.core.baseline.vector_index._go_on",
)
"""What is called while a scope is pickled, and is Python."""
MODEL = "bench"


def records(patterns: Iterable[tuple[Pattern, Vector]], model: str = MODEL) -> Iterator[Update]:
    """Yield the records of patterns that each had one session; see `sessions`."""
    bucket_us = DetectorSettings().window_us // 28
    for number, (pattern, vector) in enumerate(patterns):
        end = (number + 1) * SECOND
        weight = Weight({end // bucket_us: 1}, end, end)
        yield Update(vector_key(pattern.scope, pattern.id), dump_vector(model, end, pattern.lines, vector))
        yield Update(weight_key(pattern.scope, pattern.id, SOURCE), dump_weight(weight))


def restored(options: argparse.Namespace, storage: ColdFile) -> Detector:
    """Return a detector that has read the records of all patterns."""
    detector = Detector(DetectorSettings(max_patterns=10**7), MODEL, options.dimensions, storage)
    rows = records(sessions(options.scopes * options.patterns, options.scopes, options.dimensions))
    while some := list(islice(rows, APPLIED_AT_ONCE)):
        detector.apply(some, restoring=True)
    return detector


def timed(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> tuple[float, float]:
    """Return the milliseconds that a call takes, and those of the processor."""
    began, spent = perf_counter(), process_time()
    function(*args, **kwargs)
    return 1000 * (perf_counter() - began), 1000 * (process_time() - spent)


class Held:
    """Notes the longest time of the processor between two moments at which a pickle lets other threads run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        self._last: float | None = None
        for name in PAUSES:
            monkeypatch.setattr(name, self._noting(resolve_name(name)))

    def _noting(self, function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def noted(*args: P.args, **kwargs: P.kwargs) -> T:
            if self._last is not None:
                self.longest = max(self.longest, thread_time() - self._last)
            result = function(*args, **kwargs)
            self._last = thread_time()
            return result

        return noted

    def times(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> tuple[float, float]:
        """Return what `timed` does of a call by itself."""
        self._last = None
        return timed(function, *args, **kwargs)


def told(name: str, times: list[tuple[float, float]]) -> str:
    (half, worked), (most, worked_most) = np.percentile(times, [50, 99], axis=0).tolist()
    return (
        f"{name}: {half:.1f} ms at the median, {most:.1f} at the 99th percentile; "
        f"of the processor {worked:.1f} and {worked_most:.1f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("scopes", 200), ("patterns", 1000), ("dimensions", 384)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--share", type=float, default=0.9)
    options = parser.parse_args()
    whole = options.scopes * options.patterns
    some = {
        one.scope: (one, vector)
        for one, vector in islice(sessions(whole, options.scopes, options.dimensions), options.scopes)
    }
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        held = Held(monkeypatch)
        before, storage = resident(), ColdFile(Path(folder), 1 << 40)
        detector = restored(options, storage)
        for pattern, vector in some.values():  # the first search in a scope builds its index
            detector.judge(pattern, vector, end=whole * SECOND, source=SOURCE)
        give_back()
        warm = resident() - before
        names = detector.unused_scopes(0)[: int(options.share * options.scopes)]
        going = [held.times(detector.cool, name, 0) for name in names]
        giving, cold, disk = timed(give_back), resident() - before, storage.used
        coming, again = list[tuple[float, float]](), list[tuple[float, float]]()
        for number, name in enumerate(names):
            end = (whole + 1 + number) * SECOND
            for times in (coming, again):
                times.append(held.times(detector.judge, *some[name], end=end, source=SOURCE))
        give_back()
        back = resident() - before
    mib = [round(size / 2**20) for size in (warm, cold, back, disk)]
    print(
        f"{options.scopes} scopes of {options.patterns:,} patterns, {options.dimensions} dimensions, {len(names)} cold"
    )
    print(f"memory: {mib[0]} MiB, {mib[1]} while they are cold ({cold / warm:.0%}), {mib[2]} when they are back")
    print(f"disk: {mib[3]} MiB, {disk / len(names) / options.patterns:,.0f} bytes a pattern")
    print(told("a scope goes", going))
    print(told("freed memory is given back to the system", [giving]))
    print(told("a session brings its scope back", coming))
    print(told("the next session of it", again))
    print(f"pickling one held the interpreter's lock for {1000 * held.longest:.1f} ms of the processor at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
