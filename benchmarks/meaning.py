"""How long the five incidents that read most alike take among 1,000,000: python -m benchmarks.meaning [COUNT]

Vectors are invented: groups of very different sizes that all point in much the same direction, as a model's do. Each
incident has a pattern of its own, which is the worst case. The archive is a file in a temporary folder (about 1.5 KB an
incident). It prints the time to read all vectors, the memory that the sketches take, the time of a query, which share
of the five nearest of all it returns, and the mean similarity of both: in a large group many are as near as the fifth.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from daemon.console.archive import Archive
from daemon.console.retention import Retention

DIMENSIONS = 384
GROUPS = 5_000
BLOCK = 10_000
QUERIES = 40


def vectors(count: int) -> Iterator[NDArray[np.float16]]:
    """Yield blocks of unit vectors."""
    random = np.random.default_rng(5)
    centre, groups = random.normal(size=DIMENSIONS), random.normal(size=(GROUPS, DIMENSIONS))
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        chosen = np.minimum(random.zipf(1.3, size), GROUPS) - 1
        block = centre + groups[chosen] + 0.5 * random.normal(size=(size, DIMENSIONS))
        yield (block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float16)


def fill(archive: Archive, count: int) -> NDArray[np.float16]:
    """Store incidents, each with an alert about a pattern of its own; return all vectors."""
    connection, blocks, at = archive.connection, list[NDArray[np.float16]](), 0
    for block in vectors(count):
        names = [f"{at + number:016x}" for number in range(len(block))]
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO patterns (id, scope, pattern, lines, model, vector) VALUES (?, 's', ?, '[]', 'm', ?)",
            [(at + n + 1, name, block[n].tobytes()) for n, name in enumerate(names)],
        )
        connection.executemany("INSERT INTO named (pattern) VALUES (?)", [(at + n + 1,) for n in range(len(block))])
        connection.executemany(
            "INSERT INTO alerts VALUES (?, ?, 'opened', 1, 1, 's', 'k', ?, 1, NULL, NULL, 'summary', X'')",
            [(name, name, name) for name in names],
        )
        connection.executemany(
            "INSERT INTO incidents VALUES (?, 'open', 1, '[]', '[]', 'summary', 1, 1, 1)", [(name,) for name in names]
        )
        connection.executemany("INSERT INTO causes VALUES (?, ?, '')", [(name, name) for name in names])
        connection.execute("COMMIT")
        blocks.append(block)
        at += len(block)
    return np.concatenate(blocks)


def nearest(known: NDArray[np.float16], row: int) -> dict[str, float]:
    """Return the names and cosines of the five vectors nearest to that of `row`, all compared."""
    query, cosines = known[row].astype(np.float32), list[NDArray[np.float32]]()
    for first in range(0, len(known), BLOCK):
        cosines.append(known[first : first + BLOCK].astype(np.float32) @ query)
    joined = np.concatenate(cosines)
    joined[row] = -2
    return {f"{at:016x}": float(joined[at]) for at in np.argpartition(-joined, 5)[:5]}


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder) / "a", feedback="f", baseline="b", retention=Retention())
        known = fill(archive, count)
        began, longest = process_time(), 0.0
        more = True
        while more:
            piece = perf_counter()
            more = archive.meaning.read_some(archive.connection)
            longest = max(longest, perf_counter() - piece)
        read = process_time() - began
        print(
            f"{len(archive.meaning):,} vectors read in {read:.1f} s of CPU, a piece in at most {1000 * longest:.0f} ms"
        )
        print(f"sketches take {archive.meaning.nbytes / 1e6:.0f} MB")
        walls, works, shares = list[float](), list[float](), list[float]()
        best, returned = list[float](), list[float]()
        for row in np.random.default_rng(9).integers(count, size=QUERIES).tolist():
            name, wall, work = f"{row:016x}", perf_counter(), process_time()
            found = archive.meaning.alike(archive.connection, name, name) or ()
            walls.append(1000 * (perf_counter() - wall))
            works.append(1000 * (process_time() - work))
            exact = nearest(known, row)
            shares.append(len(exact.keys() & {one.id for one in found}) / 5)
            best += exact.values()
            returned += [one.similarity for one in found]
        archive.close()
    for name, figures in (("wall", walls), ("CPU", works)):
        print(f"a query: {statistics.median(figures):.0f} ms {name} in the median, at most {max(figures):.0f} ms")
    means = f"{statistics.mean(best):.4f} against {statistics.mean(returned):.4f}"
    print(f"of the five nearest of all, {statistics.mean(shares):.1%} are returned; mean similarity {means}")


if __name__ == "__main__":
    main()
