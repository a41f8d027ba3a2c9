"""Incidents that read alike: by the vectors of their sessions' patterns, which the baseline's topic holds already.

A vector is a pattern's, so it exists once a session of the incident has closed. `named` lists the patterns that alerts
are about, in the order in which both the alert and the vector were known. `MeaningIndex` reads it in pieces, so a large
archive is read without holding up pages, and answers from what it has read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.console.sketches import VectorSketches

AT_ONCE = 4_096
"""Vectors that one call of `read_some` reads at most."""
CANDIDATES = 512
"""Patterns whose vectors are compared, of those with the nearest sketches."""
_NEW = """
SELECT place, patterns.id, vector FROM named JOIN patterns ON patterns.id = named.pattern
WHERE place > ? AND model = ? AND length(vector) = ? ORDER BY place LIMIT ?
"""
_MODEL = """
SELECT model, length(vector) FROM named JOIN patterns ON patterns.id = named.pattern ORDER BY place DESC LIMIT 1
"""
_NAMED = "SELECT count(*) FROM named"
_OF_INCIDENT = """
SELECT vector FROM alerts JOIN patterns ON patterns.pattern = alerts.pattern AND patterns.scope = alerts.scope
WHERE incident = ? AND model = ? AND length(vector) = ? ORDER BY alerts.id = ? DESC, severity DESC, score DESC LIMIT 1
"""
_INCIDENTS = """
SELECT incidents.id, state, summary, latest FROM incidents WHERE id IN (
    SELECT incident FROM alerts JOIN patterns ON patterns.pattern = alerts.pattern AND patterns.scope = alerts.scope
    WHERE patterns.id = ?
) AND id != ? AND id NOT IN (
    SELECT incident FROM causes WHERE cause IN (SELECT cause FROM causes WHERE incident = ?)
) ORDER BY latest DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class AlikeIncident:
    """An incident that reads like another: `similarity` is the cosine of their vectors, `latest` in milliseconds."""

    id: str
    state: str
    summary: str
    latest: int
    similarity: float


class MeaningIndex:
    """The sketches of all patterns in `named`, of the model that the latest of them has."""

    def __init__(self) -> None:
        self._model, self._size, self._place = "", 0, 0
        self._sketches = VectorSketches(0)

    def __len__(self) -> int:
        return len(self._sketches)

    @property
    def nbytes(self) -> int:
        """The bytes that the sketches take."""
        return self._sketches.nbytes

    def read_some(self, connection: sqlite3.Connection) -> bool:
        """Read up to `AT_ONCE` patterns that are new; return whether there may be more."""
        current = connection.execute(_MODEL).fetchone()
        if current is None:
            return False
        if current != (self._model, self._size) or not self._sketches.settled:
            self._model, self._size = current
            self._place, self._sketches = 0, VectorSketches(self._size // 2)
        rows = connection.execute(_NEW, (self._place, self._model, self._size, AT_ONCE)).fetchall()
        if rows and len(self._sketches) > 2 * (connection.execute(_NAMED).fetchone()[0] + AT_ONCE):
            self._size = 0  # most are of deleted patterns: the next call begins again
        elif rows:
            vectors = np.stack([_floats(vector) for _, _, vector in rows])
            self._sketches.add(np.array([identity for _, identity, _ in rows]), vectors)
            self._place = rows[-1][0]
        return len(rows) == AT_ONCE

    def alike(
        self, connection: sqlite3.Connection, incident: str, alert: str, limit: int = 5
    ) -> Sequence[AlikeIncident] | None:
        """Return the incidents without a common cause that read most like this one, the nearest first.

        They are compared with the session of `alert`, or else of another alert of the incident. None where that session
        has no vector: it has not closed, or the baseline's topic does not hold it.
        """
        row = connection.execute(_OF_INCIDENT, (incident, self._model, self._size, alert)).fetchone()
        if row is None or not len(self._sketches):
            return None
        vector, listed = _floats(row[0]), dict[str, AlikeIncident]()
        for identity, similarity in self._nearest(connection, vector):
            rows = connection.execute(_INCIDENTS, (identity, incident, incident, limit)).fetchall()
            for name, state, summary, latest in rows:
                listed.setdefault(name, AlikeIncident(name, state, summary, latest, similarity))
            if len(listed) >= limit:
                break
        return list(listed.values())[:limit]

    def _nearest(self, connection: sqlite3.Connection, vector: NDArray[np.float32]) -> list[tuple[int, float]]:
        """Return the candidates' numbers and cosines, the nearest first; those that are deleted are left out."""
        candidates = [int(one) for one in self._sketches.candidates(vector, CANDIDATES)]
        marks = ", ".join("?" for _ in candidates)
        rows = connection.execute(
            f"SELECT id, vector FROM patterns WHERE id IN ({marks}) AND model = ? AND length(vector) = ?",  # noqa: S608
            [*candidates, self._model, self._size],
        ).fetchall()
        cosines = [float(_floats(other) @ vector) for _, other in rows]
        return sorted(((row[0], cosine) for row, cosine in zip(rows, cosines, strict=True)), key=lambda pair: -pair[1])


def _floats(vector: bytes) -> NDArray[np.float32]:
    return np.frombuffer(vector, np.float16).astype(np.float32)
