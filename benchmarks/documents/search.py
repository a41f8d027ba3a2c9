"""How fast a base of many clauses is searched, and what it costs.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.documents.search CLAUSES FOLDER

Clauses are random unit vectors around centres (one for each 200), 20 in a document. They are added to a new store in
FOLDER, which makes its index meanwhile. Then QUERIES vectors near to random clauses are searched, first in a store that
nobody changes, then in one to which another process adds a document after the other. *Recall* is the share of the ten
nearest of all that the ten returned have; memory is the resident set of the process that searches, of which mapped
files are a part that the kernel may take back. `strayline` sets the variable for itself: with more threads numpy waits
for a free core at every search.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.document_store import SqliteDocuments
from daemon.core.documents import Clause, KeptDocument

IN_DOCUMENT = 20
OF_A_CENTRE = 200
SPREAD = 0.7
"""Length of what a clause has of its own; its centre has length 1."""
QUERIES = 500
NEAREST = 10
PUT = 500
PAUSE = 0.05
"""Seconds between documents that are added while searches go on: faster than a model embeds them."""
MODEL, BASE = "random", "large"
Rows = NDArray[np.float32]


def vectors_of(centres: Rows, count: int, chance: np.random.Generator) -> Rows:
    """Return unit vectors around random centres."""
    own = chance.standard_normal((count, centres.shape[1]), np.float32)
    rows = centres[chance.integers(len(centres), size=count)] + own * np.float32(SPREAD / centres.shape[1] ** 0.5)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def centres_of(clauses: int, dimensions: int) -> Rows:
    rows = np.random.default_rng(0).standard_normal((max(clauses // OF_A_CENTRE, 1), dimensions), np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def documents(centres: Rows, count: int, seed: int) -> Iterator[KeptDocument]:
    chance = np.random.default_rng(seed)
    for number in range(count):
        rows = vectors_of(centres, IN_DOCUMENT, chance)
        id_ = f"{seed:03}{number:09}"
        texts = [f"Clause {at} of document {id_}: the party of the first part delivers." for at in range(IN_DOCUMENT)]
        yield KeptDocument(id_, f"{id_}.txt", "text", [Clause(text) for text in texts], rows[0], rows)


def fill(folder: Path, centres: Rows, clauses: int) -> None:
    """Add the clauses, and wait until the index has all but the loose ones."""
    store = SqliteDocuments(folder)
    batch: list[KeptDocument] = []
    for document in documents(centres, clauses // IN_DOCUMENT, 1):
        batch.append(document)
        if len(batch) == PUT:
            store.put(BASE, batch, MODEL)
            batch = []
    store.put(BASE, batch, MODEL)
    store.close()


def add_on(folder: Path, centres: Rows, end: Event, added: Queue[int]) -> None:
    """Add a document every PAUSE seconds until the end."""
    store = SqliteDocuments(folder)
    count = 0
    for document in documents(centres, sys.maxsize, 2):
        if end.is_set():
            break
        store.put(BASE, [document], MODEL)
        count += 1
        end.wait(PAUSE)
    store.close()
    added.put(count)


def timed(store: SqliteDocuments, queries: Rows) -> Rows:
    """Return the milliseconds of each search, shape (n, 2): as they pass, and of this thread's CPU."""
    times = []
    for query in queries:
        began = time.perf_counter(), time.thread_time()
        store.nearest_clauses(BASE, MODEL, query, NEAREST)
        times.append((time.perf_counter() - began[0], time.thread_time() - began[1]))
    return np.array(times, np.float32) * 1000


def recall(store: SqliteDocuments, queries: Rows, every: Iterator[KeptDocument]) -> float:
    """Return the share of the nearest of all that a search returns."""
    cosines = np.full((len(queries), NEAREST), -2.0, np.float32)
    for document in every:
        assert document.clause_vectors is not None
        both = np.concatenate([cosines, queries @ document.clause_vectors.T], axis=1)
        cosines = -np.sort(-both, axis=1)[:, :NEAREST]
    shares = []
    for query, true in zip(queries, cosines, strict=True):
        got = store.nearest_clauses(BASE, MODEL, query, NEAREST)
        shares.append(sum(hit.cosine >= true[-1] - 1e-5 for hit in got) / NEAREST)
    return float(np.mean(shares))


def resident(kind: str) -> float:
    """Return the process's memory in MB: all of it (`VmRSS`), or that of mapped files (`RssFile`)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind)]
    return int(line.split()[1]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clauses", type=int)
    parser.add_argument("folder", type=Path, help="an empty folder for the store")
    parser.add_argument("--dimensions", type=int, default=384)
    options = parser.parse_args()
    centres = centres_of(options.clauses, options.dimensions)
    began = time.monotonic()
    fill(options.folder, centres, options.clauses)
    print(f"added in {time.monotonic() - began:.0f} s, {time.process_time():.0f} s of CPU")
    sizes = [path.stat().st_size / 1e6 for path in (options.folder / "index").glob("*.usearch")]
    print(f"index: {len(sizes)} files, {sum(sizes):.0f} MB")

    store = SqliteDocuments(options.folder)
    before = resident("VmRSS"), resident("RssFile")
    queries = vectors_of(centres, QUERIES, np.random.default_rng(3))
    show("the first", timed(store, queries[:1]))
    show("quiet", timed(store, queries))
    print(f"recall {recall(store, queries[:100], documents(centres, options.clauses // IN_DOCUMENT, 1)):.3f}")
    end: Event = multiprocessing.Event()
    added: Queue[int] = multiprocessing.Queue()
    process = multiprocessing.Process(target=add_on, args=(options.folder, centres, end, added))
    process.start()
    show("while documents are added", timed(store, queries))
    end.set()
    print(f"{added.get()} documents were added meanwhile")
    process.join()
    print(f"memory +{resident('VmRSS') - before[0]:.0f} MB, of which +{resident('RssFile') - before[1]:.0f} MB mapped")
    store.close()


def show(what: str, times: Rows) -> None:
    (median, cpu), (high, high_cpu) = np.percentile(times, [50, 99], axis=0)
    print(f"{what}: median {median:.1f} ms (CPU {cpu:.1f}), p99 {high:.1f} ms (CPU {high_cpu:.1f})", flush=True)


if __name__ == "__main__":
    main()
