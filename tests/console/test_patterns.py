"""Patterns in the archive and on their pages: what the baseline's topic says, whatever else it holds."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.backtest import BacktestOptions
from daemon.console import ConsoleSettings
from daemon.console.archive import Archive
from daemon.console.pattern_queries import pattern, pattern_scopes, patterns
from daemon.console.retention import Retention
from daemon.core.types import LabelVerdict, TopicPartition, Update
from tests.support.backtests import backtest, sessions, write
from tests.support.consoles import (
    ALERTS,
    BASELINE,
    FEEDBACK,
    HOSTILE,
    PATTERN,
    FakeTopics,
    alert,
    batch,
    console,
    text_of,
    until_shown,
)
from tests.support.learned import BEGIN, HOUR_US, label_record, lines_record, weight_record

COMMIT, LOCK = "c" * 16, PATTERN


@pytest.fixture
def archive() -> Iterator[Archive]:
    made = Archive(None, feedback=FEEDBACK, baseline=BASELINE, retention=Retention())
    yield made
    made.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def learn(archive: Archive, *updates: Update, first: int = 0) -> int:
    """Store records; return how many could not be read."""
    values, keys = [update.value for update in updates], [update.key for update in updates]
    return archive.store([batch(BASELINE, values, first=first, keys=keys)]).unreadable


def known() -> list[Update]:
    """Return two patterns of one service; the first came through two input partitions."""
    return [
        lines_record("payments", COMMIT, [("BEGIN", 1), ("COMMIT", 1)]),
        weight_record("payments", COMMIT, {0: 5, 2: 3}),
        weight_record("payments", COMMIT, {1: 2}, partition=1),
        lines_record("payments", LOCK, [("ERROR deadlock detected", 3)]),
        weight_record("payments", LOCK, {2: 1}),
        label_record("payments", LOCK, LabelVerdict.ANOMALOUS),
    ]


def test_a_pattern_adds_up_what_all_partitions_counted(archive: Archive) -> None:
    """Sessions, share, times and curve are those of the whole window; the most frequent pattern is first."""
    assert 0 == learn(archive, *known())
    (commit, lock), count = patterns(archive.connection)

    assert (2, {"payments": 11}) == (count, pattern_scopes(archive.connection))
    assert (COMMIT, 10, [5, 2, 3]) == (commit.pattern, commit.sessions, commit.curve[-3:])
    assert ["BEGIN", "COMMIT"] == [line for line, _ in commit.lines]
    assert ((BEGIN * HOUR_US) // 1000, ((BEGIN + 2) * HOUR_US) // 1000 + 1000) == (commit.first, commit.last)
    assert ("anomalous", 1) == (lock.label, lock.kinds)
    assert pytest.approx(1 / 11) == lock.share


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(6)), st.integers(0, 6))
def test_the_order_of_different_keys_does_not_matter(order: list[int], cut: int) -> None:
    """A compacted topic gives sessions before lines, or lines before sessions."""
    archive, records = Archive(None, feedback=FEEDBACK, baseline=BASELINE, retention=Retention()), known()
    learn(archive, *(records[at] for at in order[:cut]))
    archive.prune()
    learn(archive, *(records[at] for at in order[cut:]), first=cut)

    views, _ = patterns(archive.connection)

    assert [(COMMIT, 10, "", 2), (LOCK, 1, "anomalous", 1)] == [
        (view.pattern, view.sessions, view.label, view.kinds) for view in views
    ]
    archive.close()


def test_records_read_again_change_nothing(archive: Archive) -> None:
    """The last value of a key counts, once."""
    learn(archive, weight_record("payments", COMMIT, {0: 900}), *known())
    before = patterns(archive.connection)
    learn(archive, *known())

    assert before == patterns(archive.connection)


def test_what_has_left_the_window_is_not_listed_and_stays_while_an_alert_names_it(archive: Archive) -> None:
    """A pattern without sessions goes with the next pruning, unless an incident is about it."""
    learn(
        archive, *known(), lines_record("payments", "d" * 16, [("x", 1)]), weight_record("payments", "d" * 16, {0: 1})
    )
    archive.store([batch(ALERTS, [orjson.dumps(alert(0))])])
    gone = [weight_record("payments", LOCK, {}), weight_record("payments", "d" * 16, {})]
    learn(archive, *gone, first=8)
    archive.prune()

    assert [COMMIT] == [view.pattern for view in patterns(archive.connection)[0]]
    kept = pattern(archive.connection, "payments", LOCK)
    assert kept is not None
    assert (0, 1) == (kept.sessions, kept.incidents)
    assert pattern(archive.connection, "payments", "d" * 16) is None


def test_foreign_records_are_counted_and_passed_over(archive: Archive) -> None:
    """Nothing of what is not the daemon's is shown, and it stops nothing."""
    head = weight_record("payments", COMMIT, {0: 1}).key
    foreign = [
        Update(b"\x00", b"x"),
        Update(b'["vector", 1, "p"]', b"x"),
        Update(b'["weight", "s", "p", "t", 99999999999999999999]', b"{}"),
        Update(b'["vector", "s", "p"]', b"\xff\xff\xff\xff"),
        Update(head, b"[1]"),
        Update(b'["ring", "s", "t", 0, 0]', b"\x01"),
    ]

    assert 5 == learn(archive, *foreign, *known()[3:])
    assert [LOCK] == [view.pattern for view in patterns(archive.connection)[0]]
    assert {TopicPartition(BASELINE, 0): 9} == archive.positions()


def test_words_are_searched_in_lines_of_a_service(archive: Archive) -> None:
    """Quotes and case do not matter to what is found."""
    learn(
        archive,
        *known(),
        lines_record("shop", "e" * 16, [('say "deadlock"', 1)]),
        weight_record("shop", "e" * 16, {0: 1}),
    )

    def names(text: str, scope: str = "") -> set[str]:
        return {view.pattern for view in patterns(archive.connection, scope, text)[0]}

    assert {LOCK, "e" * 16} == names(text="DEADLOCK")
    assert {"e" * 16} == names(text='"deadlock"')
    assert {LOCK} == names(text="deadlock", scope="payments")


def test_a_flood_of_patterns_deletes_no_alerts() -> None:
    """Where the size is reached, the patterns that came least lately go first."""
    archive = Archive(None, feedback=FEEDBACK, baseline=BASELINE, retention=Retention(max_bytes=600_000))
    archive.store([batch(ALERTS, [orjson.dumps(alert(number)) for number in range(20)])])
    for at in range(1_000):
        name = f"{at:016x}"
        learn(archive, lines_record("s", name, [("y" * 250, 1)]), weight_record("s", name, {at // 50: 1}), first=2 * at)
    archive.prune()
    count = patterns(archive.connection)[1]

    assert 0 < count < 1_000
    assert 20 == archive.connection.execute("SELECT count(*) FROM alerts").fetchone()[0]
    assert f"{999:016x}" in {row[0] for row in archive.connection.execute("SELECT pattern FROM patterns")}
    assert count == archive.connection.execute("SELECT count(*) FROM weights").fetchone()[0]
    archive.close()


async def test_patterns_are_listed_found_and_lead_to_incidents(client: aiohttp.ClientSession) -> None:
    """From the list to one pattern, and from there to the incident that named it."""
    topics = FakeTopics()
    topics.send(ALERTS, alert(0))
    topics.learn(*known())
    async with console(topics) as app:
        page = await until_shown(client, f"{app.url}patterns", "2 patterns")
        assert "10 sessions" in page
        await until_shown(client, app.url, "1 open incident")
        found = await text_of(client, f"{app.url}patterns?q=deadlock&service=payments")
        assert ["1 pattern " in found, "COMMIT" in found, "anomalous" in found] == [True, False, True]
        one = await text_of(client, f"{app.url}pattern?service=payments&pattern={LOCK}")
        assert "/incidents/incident-1" in one
        async with client.get(f"{app.url}pattern?service=payments&pattern=no") as answer:
            assert 404 == answer.status


async def test_pages_of_patterns_are_small_and_never_markup(client: aiohttp.ClientSession) -> None:
    """Hostile lines stand on the page as text, and long ones are cut."""
    topics = FakeTopics()
    for at in range(200):
        topics.learn(
            lines_record(HOSTILE, f"{at:x}{HOSTILE}", [(HOSTILE, 1), *((f"{n} " + "z" * 5_000, 1) for n in range(99))]),
            weight_record(HOSTILE, f"{at:x}{HOSTILE}", {0: at + 1}),
        )
    async with console(topics) as app:
        page = await until_shown(client, f"{app.url}patterns", "200 patterns")
        async with client.get(f"{app.url}pattern", params={"service": HOSTILE, "pattern": f"{0:x}{HOSTILE}"}) as answer:
            one = await answer.text()

    assert max(len(page), len(one)) < 150_000
    for text in (page, one):
        assert "&lt;script&gt;alert(1)" in text
        visible = re.sub(r' (?:value)="[^"]*"', "", text)
        assert not re.search(r"<script>alert|<img|\x1b|\x00|\u202e", visible)


async def test_alerts_are_shown_although_the_baseline_cannot_be_read(client: aiohttp.ClientSession) -> None:
    """A missing right on the baseline's topic is said on its page alone."""
    topics = FakeTopics()
    topics.send(ALERTS, alert(0))
    topics.denied = {BASELINE}
    async with console(topics) as app:
        page = await until_shown(client, app.url, "1 open incident")
        assert "not connected" not in page
        await until_shown(client, f"{app.url}patterns", "Not connected to the baseline")


async def test_a_backtests_patterns_are_shown(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    """What a backtest's folder holds of the baseline is listed, without Kafka."""
    logs = write(tmp_path / "logs.jsonl", sessions(60))
    await backtest(BacktestOptions([logs], out=tmp_path / "out"), warm_up=20)
    async with console(None, ConsoleSettings(folder=tmp_path / "out")) as app:
        page = await text_of(client, f"{app.url}patterns")

    assert ["query took" in page, "sessions" in page, "shop" in page] == [True, True, True]
