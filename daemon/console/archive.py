"""The archive: incidents, alerts, feedback and patterns in one SQLite database, filled from batches of records.

Records and the position behind them are stored in one transaction, so after a crash reading continues where the archive
ends. Storing a record again changes nothing: alerts are keyed by id, feedback by its place in the topic.

An `Archive` belongs to one thread at a time. Reading for pages is in `queries`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from daemon.console.archive_schema import connect, move_aside
from daemon.console.meaning_queries import MeaningIndex
from daemon.console.messages import AlertMessage, ArchivedLabel, ArchivedMute, ArchivedRemark, read_alert, read_feedback
from daemon.console.pattern_archive import NAME, store_baseline
from daemon.console.retention import Retention, prune, size_of
from daemon.core.types import Batch, TopicPartition
from daemon.errors import DataError

MAX_KEYS = 20
"""Services and session keys that an incident's row lists."""
_PUT_ALERT = """
INSERT OR REPLACE INTO alerts
    (id, incident, event, time, number, scope, key, pattern, severity, p_value, score, summary, document)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INCIDENTS_OF_PATTERN = "SELECT DISTINCT incident FROM alerts WHERE pattern = ? LIMIT 100"
_OPEN_OF_SERVICE = """
SELECT id FROM incidents WHERE state = 'open' AND EXISTS (SELECT 1 FROM json_each(services) WHERE value = ?) LIMIT 100
"""
_PUT_INCIDENT = """
INSERT OR REPLACE INTO incidents (id, state, severity, services, keys, summary, opened, latest, sessions)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing records changed: the incidents, how many records were unreadable, and whether to `prune` now."""

    incidents: frozenset[str]
    unreadable: int
    full: bool = False


class Archive:
    """Writes to one database. `feedback` and `baseline` are the names of these topics; all others hold alerts."""

    def __init__(self, path: Path | None, *, feedback: str, baseline: str, retention: Retention) -> None:
        self.connection = connect(path)
        self.meaning = MeaningIndex()
        self._path = path
        self._feedback = feedback
        self._baseline = baseline
        self.retention = retention
        self.size = size_of(self.connection)
        """Bytes of the database that are in use."""
        self.let_go = {"alerts": 0, "patterns": 0}
        """How many were ever deleted because the database was too large."""

    def retain(self, retention: Retention) -> None:
        """Keep so much from the next `prune` on."""
        self.retention = retention

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def begun_again(self) -> Archive:
        """Close a corrupt archive, move its file aside, and return a new one, which the topics fill again."""
        self.close()
        if self._path is not None:
            move_aside(self._path)
        again = Archive(self._path, feedback=self._feedback, baseline=self._baseline, retention=self.retention)
        again.let_go = self.let_go
        return again

    def positions(self) -> dict[TopicPartition, int]:
        """Return the next offset to read, of each partition read so far."""
        rows = self.connection.execute("SELECT topic, partition, next FROM positions")
        return {TopicPartition(topic, partition): after for topic, partition, after in rows}

    def store(self, batches: Sequence[Batch]) -> Stored:
        """Store records and positions in one transaction."""
        incidents, unreadable = set[str](), 0
        with self._transaction():
            for batch in batches:
                if batch.source.topic == self._baseline:
                    unreadable += store_baseline(self.connection, batch)
                else:
                    changed, foreign = self._put_messages(batch)
                    incidents |= changed
                    unreadable += foreign
                if len(batch):
                    self._put_position(batch.source, batch.offsets[-1] + 1)
        self.size = size_of(self.connection)
        return Stored(frozenset(incidents), unreadable, self.size > self.retention.max_bytes)

    def _put_messages(self, batch: Batch) -> tuple[set[str], int]:
        """Store alerts or feedback; return the incidents whose pages show them, and how many could not be read."""
        incidents, unreadable = set[str](), 0
        for offset, timestamp, value in zip(batch.offsets, batch.timestamps, batch.values, strict=True):
            try:
                if batch.source.topic == self._feedback:
                    incidents |= self._put_feedback(batch.source, offset, read_feedback(value, timestamp))
                else:
                    incidents.add(self._put_alert(read_alert(value)))
            except DataError:
                unreadable += 1
        return incidents, unreadable

    def forget(self, partition: TopicPartition) -> None:
        """Drop a partition's position, so that it is read from its beginning."""
        self.connection.execute("DELETE FROM positions WHERE topic = ? AND partition = ?", partition)

    def prune(self) -> int:
        """Delete what the retention does not keep; return how many alerts."""
        with self._transaction():
            pruned = prune(self.connection, self.retention)
        self.connection.executescript("PRAGMA incremental_vacuum")  # one page a step, without rows
        self.size = size_of(self.connection)
        self.let_go["alerts"] += pruned.alerts_let_go
        self.let_go["patterns"] += pruned.patterns_let_go
        return pruned.alerts

    def _put_position(self, source: TopicPartition, after: int) -> None:
        self.connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (*source, after))

    def _put_feedback(
        self, source: TopicPartition, offset: int, row: ArchivedLabel | ArchivedRemark | ArchivedMute
    ) -> set[str]:
        """Store one message; return the incidents whose pages show it."""
        place = (*source, offset, row.time)
        if isinstance(row, ArchivedRemark):
            remark = (*place, row.incident, row.action, row.author, row.note)
            self.connection.execute("INSERT OR REPLACE INTO remarks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", remark)
            return {row.incident}
        if isinstance(row, ArchivedMute):
            mute = (*place, row.scope, row.pattern, row.until, row.author, row.note)
            self.connection.execute("INSERT OR REPLACE INTO mutes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", mute)
            return {incident for (incident,) in self.connection.execute(_OPEN_OF_SERVICE, (row.scope,))}
        label = (*place, row.pattern, row.scope, row.verdict, row.author, row.note)
        self.connection.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", label)
        return {incident for (incident,) in self.connection.execute(_INCIDENTS_OF_PATTERN, (row.pattern,))}

    def _put_alert(self, row: AlertMessage) -> str:
        values = (row.id, row.incident, row.event, row.time, row.number, row.scope, row.key, row.pattern, row.severity)
        self.connection.execute(_PUT_ALERT, (*values, row.p_value, row.score, row.summary, row.document))
        self.connection.execute(NAME, (row.scope, row.pattern))
        self._put_incident(row)
        causes = [(cause, row.incident, line) for cause, line in row.causes]
        self.connection.executemany("INSERT OR IGNORE INTO causes VALUES (?, ?, ?)", causes)
        return row.incident

    def _put_incident(self, row: AlertMessage) -> None:
        """Merge an alert into its incident's row. The result does not depend on the order of an incident's alerts."""
        known = self.connection.execute(
            "SELECT state, severity, services, keys, summary, opened, latest, sessions FROM incidents WHERE id = ?",
            (row.incident,),
        ).fetchone()
        state = "resolved" if row.resolved else "open"
        if known is None:
            new = (row.incident, state, row.severity, _listed(row.services), _listed([row.key]), row.summary)
            self.connection.execute(_PUT_INCIDENT, (*new, row.opened, row.time, row.sessions))
            return
        old_state, severity, services, keys, summary, opened, latest, sessions = known
        newer = (row.time, row.resolved) >= (latest, old_state == "resolved")
        graver = row.severity > severity and not row.resolved
        merged = (
            row.incident,
            state if newer else old_state,
            max(severity, row.severity),
            _listed([*orjson.loads(services), *row.services]),
            _listed([*orjson.loads(keys), row.key]),
            row.summary if graver else summary,
            min(opened, row.opened),
            max(latest, row.time),
            max(sessions, row.sessions),
        )
        self.connection.execute(_PUT_INCIDENT, merged)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self.connection.in_transaction:  # SQLite has rolled back by itself when the disk is full
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


def _listed(names: Iterable[str]) -> str:
    distinct = [name for name in dict.fromkeys(names) if name]
    return orjson.dumps(distinct[:MAX_KEYS]).decode()
