"""The archive: the same content however its records came, and files that are not archives."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.console import queries
from daemon.console.archive import Archive
from daemon.console.archive_thread import ArchiveThread
from daemon.console.retention import Retention, size_of
from daemon.console.service_queries import SPANS, service_listing
from daemon.core.types import TopicPartition
from daemon.errors import ConfigError, UnavailableError
from tests.support.consoles import ALERTS, BASELINE, FEEDBACK, PATTERN, alert, batch, resolved

DAY_MS = 86_400_000


def archive(path: Path | None = None, **retention: int) -> Archive:
    return Archive(path, feedback=FEEDBACK, baseline=BASELINE, retention=Retention(**retention))


def content(stored: Archive) -> list[list[object]]:
    """Return everything in the archive but positions."""
    tables = ("incidents", "alerts", "feedback")
    return [stored.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables]


MESSAGES = [orjson.dumps(document) for document in (*map(alert, range(5)), resolved(4))]


@settings(deadline=None, max_examples=60)
@given(st.permutations(MESSAGES), st.integers(0, 6))
def test_the_incident_does_not_depend_on_how_its_messages_came(order: list[bytes], cut: int) -> None:
    """Any order, in one batch or two, gives the same incident: over, with all its sessions and its whole life."""
    stored = archive()
    stored.store([batch(ALERTS, order[:cut])])
    stored.store([batch(ALERTS, order[cut:], first=cut)])

    view = queries.incident(stored.connection, "incident-1")

    assert view is not None
    assert ("resolved", 5, 1_795_341_600_000, 1_795_341_604_500) == (
        view.state,
        view.sessions,
        view.opened,
        view.latest,
    )
    assert {f"host{n}" for n in range(5)} == set(view.keys)
    stored.close()


def test_records_read_again_change_nothing() -> None:
    """After a crash the last batch may come again."""
    stored = archive()
    stored.store([batch(ALERTS, MESSAGES), batch(FEEDBACK, [orjson.dumps({"pattern": PATTERN, "verdict": "normal"})])])
    before = content(stored)

    stored.store([batch(ALERTS, MESSAGES), batch(FEEDBACK, [orjson.dumps({"pattern": PATTERN, "verdict": "normal"})])])

    assert before == content(stored)
    stored.close()


def test_reading_resumes_where_the_archive_ends(tmp_path: Path) -> None:
    """Positions are in the file, beside what they stand for."""
    stored = archive(tmp_path / "a.sqlite")
    stored.store([batch(ALERTS, MESSAGES[:3], first=40)])
    stored.close()

    again = archive(tmp_path / "a.sqlite")

    assert {TopicPartition(ALERTS, 0): 43} == again.positions()
    assert 3 == queries.totals(again.connection).alerts
    again.close()


def test_foreign_records_are_counted_and_passed_over() -> None:
    """What cannot be read is not an alert; its position is settled all the same."""
    stored = archive()

    done = stored.store([batch(ALERTS, [b"\x00\x01", None, MESSAGES[0], b"{}"])])

    assert (3, frozenset({"incident-1"})) == (done.unreadable, done.incidents)
    assert {TopicPartition(ALERTS, 0): 4} == stored.positions()
    stored.close()


def test_old_alerts_are_deleted() -> None:
    """What is older than the time to keep goes, counted back from the latest alert, and its incident with it."""
    stored = archive(keep_ms=2 * DAY_MS)
    old = alert(0, id="old", end="2026-11-19T10:00:00Z", incident={"id": "old", "since": "2026-11-19T10:00:00Z"})
    stored.store([batch(ALERTS, [orjson.dumps(old), *MESSAGES])])

    assert 1 == stored.prune()
    assert queries.incident(stored.connection, "old") is None
    assert queries.incident(stored.connection, "incident-1") is not None
    stored.close()


def test_an_alert_from_the_future_ages_nothing() -> None:
    """A clock that is off by years makes no other alert old."""
    stored = archive(keep_ms=2 * DAY_MS)
    ahead = alert(0, id="ahead", end="2099-01-01T00:00:00Z", incident={"id": "ahead"})
    stored.store([batch(ALERTS, [orjson.dumps(ahead), *MESSAGES])])

    assert 0 == stored.prune()
    assert queries.incident(stored.connection, "incident-1") is not None
    stored.close()


def test_the_archive_has_a_largest_size(tmp_path: Path) -> None:
    """The oldest alerts go first, the file shrinks, and what is newest stays."""
    stored = archive(tmp_path / "a.sqlite", max_bytes=1_000_000)
    documents = [
        alert(number, id=f"a{number}", incident={"id": f"i{number:03}"}, filler="x" * 20_000) for number in range(100)
    ]
    done = stored.store([batch(ALERTS, [orjson.dumps(document) for document in documents])])

    assert done.full
    assert stored.size > 1_000_000
    deleted = stored.prune()
    assert 50 < deleted < 80
    assert {"alerts": deleted, "patterns": 0} == stored.let_go
    assert stored.size == size_of(stored.connection) <= 1_000_000
    assert [None, True] == [
        view and view.id == "i099" for view in (queries.incident(stored.connection, name) for name in ("i000", "i099"))
    ]
    stored.close()
    assert (tmp_path / "a.sqlite").stat().st_size < 1_100_000


def test_labels_in_force_outlive_their_alerts() -> None:
    """Of old labels only those go that a later one of the same pattern replaced."""
    stored = archive(keep_ms=DAY_MS)
    labels = [orjson.dumps({"pattern": PATTERN, "verdict": word}) for word in ("normal", "anomalous")]
    stored.store([batch(ALERTS, MESSAGES), batch(FEEDBACK, labels)])
    stored.prune()

    assert ["anomalous"] == [label.verdict for label in queries.feedback_on(stored.connection, [PATTERN])]
    stored.close()


async def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    """A transaction that finds no room changes nothing, and the sentence says what to do."""
    stored = archive(tmp_path / "a.sqlite")
    thread = ArchiveThread(stored)
    stored.connection.execute("PRAGMA max_page_count = 60")
    large = [orjson.dumps(alert(number, filler="x" * 50_000)) for number in range(20)]

    with pytest.raises(UnavailableError, match=r"the disk is full; make room, or lower console\.max_size"):
        await thread.call(stored.store, [batch(ALERTS, large)])
    assert {} == await thread.call(stored.positions)
    await thread.close()


async def test_a_file_that_becomes_corrupt_is_begun_again(tmp_path: Path) -> None:
    """A file that proves corrupt while it is in use is moved aside, and the topics fill a new file."""
    path = tmp_path / "a.sqlite"
    stored = archive(path)
    thread = ArchiveThread(stored)
    stored.store([batch(ALERTS, [orjson.dumps(alert(n, id=f"a{n}", filler="x" * 20_000)) for n in range(50)])])
    stored.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored.connection.execute("PRAGMA cache_size = 1")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 800_000)

    with pytest.raises(UnavailableError, match="was corrupt; it is moved aside and filled again"):
        await thread.call(
            lambda: stored.connection.execute("SELECT count(document) FROM alerts WHERE score > 0").fetchone()
        )
    assert {} == await thread.call(thread.archive.positions)
    assert (tmp_path / "a.sqlite.corrupt").is_file()
    await thread.close()


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Its tables stay, whatever its version."""
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()

    with pytest.raises(ConfigError, match="a database of another program"):
        archive(path)
    with sqlite3.connect(path) as connection:
        assert [] == connection.execute("SELECT * FROM bookmarks").fetchall()
    connection.close()


def test_an_archive_of_an_older_version_is_emptied(tmp_path: Path) -> None:
    """The topics fill it again, with what this version keeps."""
    path = tmp_path / "a.sqlite"
    stored = archive(path)
    stored.store([batch(ALERTS, MESSAGES)])
    stored.connection.execute("PRAGMA user_version = 2")
    stored.close()

    again = archive(path)

    assert ({}, 0) == (again.positions(), queries.totals(again.connection).alerts)
    again.close()


def test_a_corrupt_file_is_moved_aside(tmp_path: Path) -> None:
    """The topics have everything, so a broken archive is begun again; the broken file stays for who wants it."""
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"this is not a database" * 100)

    stored = archive(path)

    assert {} == stored.positions()
    assert (tmp_path / "a.sqlite.corrupt").is_file()
    stored.close()


def test_an_archive_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """An older program neither reads nor changes it."""
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(ConfigError, match="newer version"):
        archive(path)


def test_an_archive_in_use_is_refused(tmp_path: Path) -> None:
    """Two consoles need two files."""
    first = archive(tmp_path / "a.sqlite")
    with pytest.raises(UnavailableError, match="in use by another process"):
        archive(tmp_path / "a.sqlite")
    first.close()


def test_similar_incidents_share_a_cause() -> None:
    """The latest first; one's own is not among them."""
    stored = archive()
    causes = {"i1": ["aa", "bb"], "i2": ["bb"], "i3": ["cc"], "i4": ["aa"]}
    documents = [
        alert(
            at, id=f"a{at}", incident={"id": name, "event": "opened", "causes": [{"cause": cause} for cause in named]}
        )
        for at, (name, named) in enumerate(causes.items())
    ]
    stored.store([batch(ALERTS, [orjson.dumps(document) for document in documents])])

    assert ["i4", "i2"] == [view.id for view in queries.similar(stored.connection, "i1")]
    assert [] == queries.similar(stored.connection, "i3")
    stored.close()


def test_services_are_counted_in_a_span_that_ends_with_the_latest_alert() -> None:
    """Every service is listed; alerts outside of the span are in no curve."""
    stored = archive()
    documents = [alert(number, id=f"a{number}") for number in (0, 1, 1800)]
    documents.append(alert(0, id="old", scope="nginx", end="2026-11-20T10:00:00Z", incident={"id": "i2"}))
    stored.store([batch(ALERTS, [orjson.dumps(document) for document in documents])])

    listing = service_listing(stored.connection, SPANS["1h"])
    views = listing.services

    assert (1_795_343_400_500, 2, 3) == (listing.end, listing.count, sum(listing.rate))
    assert [("payments", 1, 3), ("nginx", 1, 0)] == [(view.scope, view.open, view.alerts) for view in views]
    assert [3, 0] == [sum(view.curve) for view in views]
    assert [2, 1] == [count for count in views[0].curve if count]
    assert [] == service_listing(stored.connection, SPANS["1h"], page=1).services
    stored.close()


def test_the_list_is_ranked_and_filtered() -> None:
    """The gravest first, then the latest; state, service and text choose."""
    stored = archive()
    documents = [
        alert(
            number,
            id=f"a{number}",
            severity=severity,
            scope=scope,
            summary=summary,
            incident={"id": f"i{number}", "since": "2026-11-22T10:00:00Z", "event": "opened"},
        )
        for number, severity, scope, summary in (
            (1, "info", "nginx", "slow"),
            (2, "critical", "shop", "dead 100%"),
            (3, "info", "shop", "odd"),
        )
    ]
    stored.store([batch(ALERTS, [orjson.dumps(document) for document in documents])])

    def listed(wanted: queries.Filter) -> list[str]:
        return [view.id for view in queries.incidents(stored.connection, wanted)[0]]

    assert ["i2", "i3", "i1"] == listed(queries.Filter())
    assert ["i2", "i3"] == listed(queries.Filter(service="shop"))
    assert ["i2"] == listed(queries.Filter(text="DEAD 100%"))
    assert [] == listed(queries.Filter(state="resolved"))
    assert [] == listed(queries.Filter(text="' OR 1=1 --"))
    stored.close()
