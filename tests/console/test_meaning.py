"""Incidents that read alike: found by the vectors of their patterns, whatever came first, and with what was said."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import orjson
import pytest

from daemon.console.archive import Archive
from daemon.console.retention import Retention
from daemon.console.sketches import FIRST, VectorSketches
from daemon.core.types import Vector
from tests.support.consoles import ALERTS, BASELINE, FEEDBACK, FakeTopics, alert, batch, console, until_shown
from tests.support.learned import lines_record, unit

ONE, TWO, THREE = "1" * 16, "2" * 16, "3" * 16
NEAR, FAR = unit(1, 0.1, 0, 0), unit(0, 0.3, 1, 0)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def incident(number: int, pattern: str, cause: str) -> dict[str, object]:
    """Return the only alert of an incident about a pattern and a cause."""
    about = {"id": f"i{number}", "event": "opened", "causes": [{"cause": cause, "text": cause}]}
    return alert(number, id=f"{cause}-{number:016x}", pattern=pattern, incident=about, summary=f"summary {number}")


def archive(model: str = "mini") -> Archive:
    """Return an archive of three incidents with three causes, two of which read alike."""
    made = Archive(None, feedback=FEEDBACK, baseline=BASELINE, retention=Retention())
    learn(made, model, {ONE: unit(1, 0, 0, 0), TWO: NEAR})
    values = [orjson.dumps(incident(at, name, f"{at}" * 16)) for at, name in enumerate((ONE, TWO, THREE), 1)]
    made.store([batch(ALERTS, values)])
    learn(made, model, {THREE: FAR})  # its vector comes after its alert
    while made.meaning.read_some(made.connection):
        pass
    return made


def learn(made: Archive, model: str, vectors: dict[str, Vector]) -> None:
    records = [lines_record("payments", name, [("x", 1)], vector, model) for name, vector in vectors.items()]
    made.store([batch(BASELINE, [one.value for one in records], keys=[one.key for one in records])])


def names(made: Archive, of: str) -> list[str]:
    return [other.id for other in made.meaning.alike(made.connection, of, "") or ()]


def test_the_nearest_incident_comes_first() -> None:
    """Also where a pattern's vector was read after the alert about it."""
    made = archive()
    found = made.meaning.alike(made.connection, "i1", "")

    assert found is not None
    assert ["i2", "i3"] == [other.id for other in found]
    assert pytest.approx(0.995, abs=0.001) == found[0].similarity
    assert ["i2", "i1"] == names(made, "i3")
    made.close()


def test_incidents_with_a_common_cause_are_listed_elsewhere() -> None:
    """The list by meaning has what the list by cause has not."""
    made = archive()
    made.store([batch(ALERTS, [orjson.dumps(incident(4, TWO, "1" * 16))], first=9)])

    assert ["i2", "i3"] == names(made, "i1")
    assert ["i2", "i3"] == names(made, "i4")
    assert ["i4", "i1", "i3"] == names(made, "i2")
    made.close()


def test_vectors_of_two_models_are_not_compared() -> None:
    """After a change of the model, what it has not seen again is left out."""
    made = archive()
    learn(made, "other", {ONE: unit(0, 1, 0, 0), TWO: unit(0, 1, 1, 0)})
    while made.meaning.read_some(made.connection):
        pass

    assert ["i2"] == names(made, "i1")
    assert made.meaning.alike(made.connection, "i3", "") is None
    made.close()


def test_deleted_patterns_are_not_found() -> None:
    """What an archive no longer holds stays away, although its sketch is still in memory."""
    made = archive()
    made.connection.execute("DELETE FROM patterns WHERE pattern = ?", (TWO,))
    made.prune()

    assert ["i3"] == names(made, "i1")
    assert 2 == made.connection.execute("SELECT count(*) FROM named").fetchone()[0]
    made.close()


def test_candidates_hold_the_nearest_of_many() -> None:
    """Among vectors in groups that all point in much the same direction, the five nearest are candidates."""
    random = np.random.default_rng(7)
    centre, groups = random.normal(size=384), random.normal(size=(200, 384))
    vectors = (centre + groups[random.integers(200, size=20_000)] + 0.5 * random.normal(size=(20_000, 384))).astype(
        "f4"
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sketches = VectorSketches(384)
    for first in range(0, len(vectors), FIRST):
        sketches.add(np.arange(first, min(first + FIRST, len(vectors))), vectors[first : first + FIRST])

    held = []
    for query in vectors[random.integers(len(vectors), size=50)]:
        nearest = set(np.argsort(-(vectors @ query))[:5].tolist())
        held.append(len(nearest & set(sketches.candidates(query, 256).tolist())) / 5)

    assert np.mean(held) > 0.97


def test_few_vectors_are_all_candidates_and_the_centre_settles() -> None:
    """The first few say little about where the others lie, so the owner begins again."""
    sketches = VectorSketches(8)
    assert [] == sketches.candidates(np.ones(8, np.float32), 5).tolist()
    sketches.add(np.arange(2), np.eye(8, dtype=np.float32)[:2])
    assert sketches.settled
    assert [0, 1] == sorted(sketches.candidates(np.ones(8, np.float32), 5).tolist())
    sketches.add(np.arange(2, 8), np.eye(8, dtype=np.float32)[2:])
    assert not sketches.settled


async def test_an_incident_shows_what_was_said_of_one_that_reads_alike(client: aiohttp.ClientSession) -> None:
    """Notes of another incident stand beside its similarity; without a vector the page says so."""
    topics = FakeTopics()
    topics.send(ALERTS, incident(1, ONE, "a" * 16), incident(2, TWO, "b" * 16))
    topics.send(FEEDBACK, {"incident": "i2", "action": "note", "note": "the disk of the mirror", "by": "bob"})
    async with console(topics) as app:
        await until_shown(client, app.url, "2 open incidents")
        await until_shown(client, f"{app.url}incidents/i1", "no vector of its session is known yet")
        topics.learn(
            lines_record("payments", ONE, [("x", 1)], unit(1, 0)), lines_record("payments", TWO, [("y", 1)], unit(1, 1))
        )
        page = await until_shown(client, f"{app.url}incidents/i1", "similarity 0.71")

    assert "the disk of the mirror" in page
