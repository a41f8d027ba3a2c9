"""Makes segments on a thread of its own while the store is used.

A segment is built from rows that never change, without a lock on the store, and entered in one short transaction: if a
document of it has been removed meanwhile, it is thrown away. One process at a time builds.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Lock, Thread

import structlog
from usearch.index import Index

from daemon.adapters.document_store.loose_clauses import BEHIND, MOST_NUMBERS, read_vectors
from daemon.adapters.document_store.segment_files import SegmentFiles, empty
from daemon.adapters.document_store.segments import (
    LARGEST,
    Segment,
    all_segments,
    dissolve,
    enter,
    loose_clauses,
    plan,
)
from daemon.adapters.document_store.transactions import connect, transaction

log = structlog.get_logger(__name__)

Base = tuple[str, str, int]
"""A base, a model, and the model's dimensions."""


class SegmentBuilder:
    """Builds for one store. `most` is how many numbers of vectors stay loose, `largest` the clauses of a segment."""

    def __init__(self, file: Path, files: SegmentFiles, most: int = MOST_NUMBERS, largest: int = LARGEST) -> None:
        self._file = file
        self._files = files
        self._most = most
        self._largest = largest
        self._asked: dict[Base, None] = {}
        self._guard = Lock()
        self._end = Event()
        self._thread: Thread | None = None

    def ask(self, base: Base, loose: int) -> None:
        """Have segments made of a base that has so many loose clauses, if these are too many."""
        if loose * base[2] <= self._most:
            return
        with self._guard:
            self._asked[base] = None
            if self._thread is None:
                self._thread = Thread(target=self._run, name="documents-index")
                self._thread.start()

    def catch_up(self, base: Base, loose: int) -> None:
        """Wait until nothing is left to build, if clauses are added so much faster than they are indexed."""
        if loose * base[2] > BEHIND * self._most:
            self._join()

    def close(self) -> None:
        """Wait until the segment that is being made is done; no other is begun."""
        self._end.set()
        self._join()

    def _join(self) -> None:
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            try:
                with closing(connect(self._file)) as connection, self._alone() as alone:
                    self._build_asked(connection if alone else None)
            except (OSError, RuntimeError, sqlite3.Error) as error:  # RuntimeError: usearch cannot write
                log.warning("documents_index_failed", error=str(error))
                self._end_asked()
            with self._guard:
                if not self._asked:
                    self._thread = None
                    return

    def _build_asked(self, connection: sqlite3.Connection | None) -> None:
        """Build all that is asked for; nothing without a connection."""
        if connection is not None:
            with transaction(connection):  # files of a process that was killed
                self._files.delete_except(all_segments(connection))
        while (base := self._next()) is not None:
            if connection is not None and self._build(connection, base):
                self.ask(base, loose_clauses(connection, *base[:2]))

    def _next(self) -> Base | None:
        if self._end.is_set():
            self._end_asked()
        with self._guard:
            return self._asked.popitem()[0] if self._asked else None

    def _end_asked(self) -> None:
        with self._guard:
            self._asked.clear()

    def _build(self, connection: sqlite3.Connection, base: Base) -> bool:
        """Make one segment; return whether it was entered."""
        name, model, dimensions = base
        planned = plan(connection, name, model, self._largest)
        if not planned.loose:
            return False
        try:
            index = self._begun(planned.onto, dimensions)
        except LookupError:
            assert planned.onto is not None
            with transaction(connection):
                dissolve(connection, planned.onto.number)
            self._files.path(planned.onto.number).unlink(missing_ok=True)
            return True
        try:
            rows = ((number, read_vectors(connection, number, dimensions)) for number, _ in planned.loose)
            size = self._files.write(rows, index)
            with transaction(connection):
                self._files.finish(enter(connection, name, model, planned, size))
        except (LookupError, FileNotFoundError):
            self._files.discard()  # a document was removed: plan again
            return True
        if planned.onto is not None:
            self._files.path(planned.onto.number).unlink(missing_ok=True)
        return True

    def _begun(self, onto: Segment | None, dimensions: int) -> Index:
        """Return what loose rows are added to. Raises LookupError where a segment's file cannot be used."""
        return empty(dimensions) if onto is None else self._files.loaded(onto.number, onto.size, dimensions)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Give whether this process is the only one that builds, and keep others from it meanwhile."""
        with self._file.with_suffix(".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
