"""What a replica needs where it has the baselines of the scopes that it serves: memory, and time to take over.

    python -m benchmarks.shared_out [--patterns 60000] [--scopes 200] [--replicas 8] [--partitions 16]

Scopes lie in the partitions where `input.repartition_by: scope` puts them, and each replica has as many partitions.
One process learns everything, as in `benchmarks.memory`, and one restores everything from the records. Then each
replica, in a process of its own, restores its partitions, and one restores the partition with the most patterns: that
is a takeover without Kafka. The last figure is a replica that has had all partitions and forgets all but its own.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from multiprocessing import get_context
from time import perf_counter, process_time

from benchmarks.memory import APPLIED_AT_ONCE, Cost, cost, empty, learn, resident, restore
from daemon.core.detection import parse_key
from daemon.core.repartition import place_of_scope
from daemon.core.types import Update


def placed(records: Sequence[Update], partitions: int) -> dict[int, list[Update]]:
    """Return the records by the partition of their scope, as if they were read from it."""
    by_place: dict[int, list[Update]] = {place: [] for place in range(partitions)}
    for record in records:
        place = place_of_scope(parse_key(record.key)[1], "", partitions)
        by_place[place].append(replace(record, place=(place, len(by_place[place]))))
    return by_place


def forget(records: Sequence[Update], gone: Collection[int], dimensions: int) -> tuple[Cost, float]:
    """Restore everything and forget the partitions `gone`; return the cost of what is left, and seconds to forget."""
    before, detector = resident(), empty(dimensions)
    for first in range(0, len(records), APPLIED_AT_ONCE):
        detector.apply(records[first : first + APPLIED_AT_ONCE])
    began = perf_counter()
    detector.forget(detector.scopes_in(gone), gone)
    return cost(detector, before, began), perf_counter() - began


def take_over(records: list[Update], dimensions: int) -> float:
    """Restore one partition; return seconds of the processor."""
    began = process_time()
    restore(records, dimensions)
    return process_time() - began


def patterns_of(records: Sequence[Update]) -> int:
    """Return the number of patterns in records."""
    return Counter(parse_key(record.key)[0] for record in records)["vector"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("patterns", 60_000), ("scopes", 200), ("replicas", 8), ("partitions", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dimensions", type=int, default=384)
    options = parser.parse_args()
    width = options.dimensions
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        _, records = pool.apply(learn, (options.patterns, options.scopes, width))
        places = placed(records, options.partitions)
        every = [record for some in places.values() for record in some]
        whole = pool.apply(restore, (every, width))
        shares = []
        for number in range(options.replicas):
            own = [record for place in range(number, options.partitions, options.replicas) for record in places[place]]
            shares.append((pool.apply(restore, (own, width)), patterns_of(own)))
        largest = max(places.values(), key=patterns_of)
        takeover = pool.apply(take_over, (largest, width))
        gone = {place for place in places if place % options.replicas}
        left, seconds = pool.apply(forget, (every, gone, width))
    print(f"{options.patterns:,} patterns of {options.scopes:,} scopes, {options.partitions} partitions")
    print(f"one replica: {whole.grown / 2**20:.0f} MiB, {whole.account / 2**20:.0f} by its own account")
    for number, (share, patterns) in enumerate(shares):
        print(
            f"replica {number} of {options.replicas}: {patterns:,} patterns, {share.grown / 2**20:.0f} MiB, "
            f"{share.grown / whole.grown:.1%} of the whole ({share.account / whole.account:.1%} by its own account)"
        )
    most = patterns_of(largest)
    print(f"takeover of {most:,} patterns: {takeover:.2f} s of the processor, {takeover / most * 1e6:.0f} us each")
    print(
        f"forgetting all but replica 0's: {seconds:.2f} s, {left.account / whole.account:.1%} by its own account left"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
