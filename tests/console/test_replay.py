"""Replays: what would have been told is what the daemon then tells, from the topic and from a backtest's folder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from time import process_time

import aiohttp
import pytest

from benchmarks.preview import archived
from daemon.console import ConsoleSettings, ReplaySettings
from daemon.console.mute_queries import would_silence
from daemon.console.replay.comparison import changes
from daemon.console.replay.recording import Recording, read_recording
from daemon.console.replay.replay_pages import changed_settings
from daemon.console.replay.replays import run_replay
from daemon.console.word_queries import word_would_silence
from daemon.core.incidents import (
    HISTORY_KEY,
    TOLD,
    Ceiling,
    Filing,
    IncidentReplay,
    IncidentStage,
    ReplayedIncident,
    ReplayTerms,
    history_records,
    take_history,
    write_history,
)
from daemon.core.observations import OBSERVATIONS_FILE, MuteOrder, Observations, Traffic, cause_of, observations_line
from daemon.core.observations import dump_observations as dump
from daemon.core.types import TopicPartition
from daemon.errors import InputError
from tests.support.consoles import HOSTILE, OBSERVATIONS, FakeTopics, batch, console, text_of, until_shown
from tests.support.recordings import FAULTS, LINES, SECOND, SETTINGS, observed, recorded


def replayed(records: Sequence[Observations], terms: ReplayTerms) -> IncidentReplay:
    return run_replay([(None, dump(one)) for one in records], terms)


def gone(before: IncidentReplay, terms: ReplayTerms) -> set[str]:
    after = replayed(observed(FAULTS), terms)
    return {change.shown.news.incident.id for change in changes(before.told, after.told) if change.word == "goes"}


@pytest.fixture(scope="module")
def before() -> IncidentReplay:
    return replayed(observed(FAULTS), ReplayTerms(SETTINGS))


def test_a_replay_tells_what_the_stage_tells(before: IncidentReplay) -> None:
    """The same incidents, at the same times."""
    stage = IncidentStage(SETTINGS)
    news = [one for observations in observed(FAULTS) for one in stage.take(observations) if one.event in TOLD]

    assert [(one.incident.id, [one.at]) for one in news] == [(name, told.at) for name, told in before.told.items()]
    assert len(FAULTS) == len(news)


def told_about(before: IncidentReplay) -> Iterator[tuple[str, str, ReplayedIncident]]:
    for told in before.told.values():
        head = told.news.incident.symptoms[told.news.incident.headline]
        yield head.scope, head.cause, told


def test_what_a_label_or_a_mute_takes_away_is_what_its_preview_shows(before: IncidentReplay) -> None:
    """For each incident, and each service, the replay and the preview of the console's archive name the same."""
    stage = IncidentStage(SETTINGS)
    archive = archived([news for one in observed(FAULTS) for news in stage.take(one)])
    for scope, cause, told in told_about(before):
        label = word_would_silence(archive.connection, scope, cause, limit=100).latest
        mute = would_silence(archive.connection, scope, cause, limit=100).latest
        whole = would_silence(archive.connection, scope, "", limit=100).latest
        terms = [
            ReplayTerms(SETTINGS, list(told.causes.values())),
            ReplayTerms(SETTINGS, (), [MuteOrder(scope, cause, 2**61, [cause])]),
            ReplayTerms(SETTINGS, (), [MuteOrder(scope, "", 2**61)]),
        ]
        previewed = [{name for name, _ in shown} for shown in (label, mute, whole)]

        assert previewed == [gone(before, each) for each in terms]
        assert [1, 1, 2 if scope == "shop" else 1] == [len(names) for names in previewed]
    archive.close()


def test_a_smaller_budget_holds_back_and_a_wider_one_does_not(before: IncidentReplay) -> None:
    """With one incident a day, the second of a service is held back; the first of each stays."""
    terms = ReplayTerms(replace(SETTINGS, ceiling=Ceiling(1)))
    after = replayed(observed(FAULTS), terms)
    assert 0 == before.held_back

    assert [3, 1] == [len(after.told), after.held_back]
    assert {
        told.news.incident.id for _, cause, told in told_about(before) if cause == cause_of(LINES[2][1]).id
    } == gone(before, terms)
    assert set() == gone(before, ReplayTerms(replace(SETTINGS, ceiling=Ceiling(100))))


def test_what_only_one_recording_has_comes_or_goes(before: IncidentReplay) -> None:
    """An incident under another id is the same where it has the same cause at that time."""
    others = [*FAULTS[1:], (140, "mail", LINES[0][1])]
    moved = [replace(one, source="other/3") for one in observed(others)]
    words = [
        (change.word, change.shown.news.incident.services)
        for change in changes(before.told, replayed(moved, ReplayTerms(SETTINGS)).told)
    ]

    assert [
        ("comes", ["mail"]),
        ("stays", ["mail"]),
        ("stays", ["shop"]),
        ("stays", ["shop"]),
        ("goes", ["payments"]),
    ] == words


def test_unreadable_records_are_counted_and_left_out() -> None:
    """A foreign record, one without a value and one of another version change nothing else."""
    records = [(None, b"no observation"), (None, None), (HISTORY_KEY, b"{}")]
    replay = IncidentReplay(ReplayTerms(SETTINGS))
    for key, value in records:
        replay.take(key, value)

    assert (3, {}) == (replay.unreadable, replay.told)


def test_a_recording_is_bounded_and_the_oldest_leave_first() -> None:
    """Beyond its bytes the oldest records are counted only; where reading continues is kept."""
    recording = Recording(most_bytes=25)
    recording.take([batch("observations", [b"a" * 10, None, b"b" * 10, b"c" * 10])])

    assert [(None, b"b" * 10), (None, b"c" * 10)] == recording.records()
    assert (1, {TopicPartition("observations", 0): 4}) == (recording.left_out, recording.positions)


def test_what_a_backtest_was_taught_is_known(tmp_path: Path) -> None:
    """The section of what was taught is read as the daemon reads an imported history."""
    stage = IncidentStage(SETTINGS)
    for one in observed():
        stage.take(one)
    lines = [*write_history(take_history(stage)), observations_line(observed(FAULTS)[35])]
    (tmp_path / OBSERVATIONS_FILE).write_bytes(b"".join(line + b"\n" for line in lines))
    history = list(history_records(take_history(stage), Filing(SETTINGS.window)))

    expected = [*((HISTORY_KEY, value) for value in history), (None, dump(observed(FAULTS)[35]))]

    assert expected == read_recording(tmp_path).records()


@pytest.mark.parametrize(
    ("content", "says"), [(None, "holds no observations.jsonl"), (b"\x28\xb5\x2f\xfd broken", "observations.jsonl")]
)
def test_a_folder_without_observations_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    """A backtest of an earlier release has none; a damaged file is no crash."""
    if content is not None:
        (tmp_path / OBSERVATIONS_FILE).write_bytes(content)

    with pytest.raises(InputError, match=says):
        read_recording(tmp_path)


@pytest.mark.parametrize(
    ("budget", "total", "expected"),
    [
        ("5/day", "", (Ceiling(5), None)),
        ("0.01", "50/day", (Ceiling(None, 0.01), 50.0)),
        ("2.5 / day", "", (Ceiling(2.5), None)),
    ],
)
def test_a_budget_is_written_as_in_the_configuration(
    budget: str, total: str, expected: tuple[Ceiling, float | None]
) -> None:
    """A rate or a share, and a total or none."""
    changed = changed_settings(SETTINGS, budget, total)

    assert expected == (changed.ceiling, changed.total)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


CONSOLE = ConsoleSettings(visitor="ada", replay=ReplaySettings(SETTINGS))


async def test_the_page_replays_the_topic(client: aiohttp.ClientSession, before: IncidentReplay) -> None:
    """A budget, a label, a mute of a cause and one of a service each take away what they say."""
    topics = recorded(FAULTS)
    names = {scope: told.news.incident.id for scope, _, told in told_about(before)}
    async with console(topics, CONSOLE) as app:
        page = await text_of(client, f"{app.url}replay")
        assert "<strong>4 incidents</strong> told as it is, <strong>4 incidents</strong> with the changes" in page
        for query, goes in (
            ("budget=1/day", 1),
            (f"normal={names['mail']}", 1),
            (f"mute={names['mail']}&normal={names['payments']}", 2),
            ("service=shop", 2),
            ("service=shop&service=mail&service=payments", 4),
            ("total=2/day", 2),
            ("normal=unknown&mute=unknown&service=unknown", 0),
        ):
            page = await text_of(client, f"{app.url}replay?{query}")
            assert f"{goes} would go, 0 would come, {4 - goes} stay" in page, query
        topics.send(
            OBSERVATIONS, *(dump(one) for one in later([(1, "shop", "ERROR queue of the printer is gone for good")]))
        )
        assert "<strong>5 incidents</strong> told as it is" in await text_of(client, f"{app.url}replay")


def later(faults: Sequence[tuple[int, str, str]]) -> list[Observations]:
    """Return the first hour again, behind it."""
    shift = 150 * 60 * SECOND
    return [
        replace(
            one,
            clock=(one.clock or 0) + shift,
            traffic=[traffic._replace(time=traffic.time + shift) for traffic in one.traffic],
            sightings=[replace(sighting, time=sighting.time + shift) for sighting in one.sightings],
        )
        for one in observed(faults)[:60]
    ]


@pytest.mark.parametrize("query", ["budget=20/hour", "budget=0", "budget=&total=much", "budget=nan"])
async def test_a_wrong_budget_is_named(client: aiohttp.ClientSession, query: str) -> None:
    """The page says what is wrong, and shows what is told as configured."""
    async with console(recorded(FAULTS), CONSOLE) as app:
        page = await text_of(client, f"{app.url}replay?{query}")

    assert re.search(r'role="alert">.*(budget|rate|share)', page) is not None
    assert "0 would go, 0 would come, 4 stay" in page


async def test_a_missing_right_is_said_on_this_page_alone(client: aiohttp.ClientSession) -> None:
    """Whoever may not read the observations has all other pages."""
    topics = recorded(FAULTS)
    topics.denied.add(OBSERVATIONS)
    async with console(topics, CONSOLE) as app:
        assert "no Kafka at localhost" in await text_of(client, f"{app.url}replay")
        await until_shown(client, app.url, "up to date")


async def test_too_many_replays_are_refused(client: aiohttp.ClientSession) -> None:
    """They run one after the other; whoever comes when many wait is told to try again."""
    async with console(recorded(FAULTS), CONSOLE) as app:
        pages = await asyncio.gather(*(text_of(client, f"{app.url}replay?budget={at}/day") for at in range(1, 13)))

    assert {True, False} == {"other replays run" in page for page in pages}
    assert [] == [page for page in pages if "other replays run" not in page and "told as it is" not in page]


async def test_two_backtests_are_compared(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """One with another gap or other masks tells other incidents; the page says which come and go."""
    for name, faults in (("one", FAULTS), ("two", FAULTS[1:])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "alerts.jsonl").touch()
        lines = [observations_line(one) + b"\n" for one in observed(faults)]
        (tmp_path / name / OBSERVATIONS_FILE).write_bytes(b"".join(lines))
    settings = replace(CONSOLE, folder=tmp_path / "one", replay=ReplaySettings(SETTINGS, beside=tmp_path / "two"))
    async with console(None, settings) as app:
        page = await text_of(client, f"{app.url}replay")

    assert "1 would go, 0 would come, 3 stay" in page
    assert "from the backtest in" in page


async def test_a_page_of_many_incidents_is_small_and_hostile_text_stays_text(client: aiohttp.ClientSession) -> None:
    """At most 50 rows and 150 kB, however much is told; nothing of a line is markup."""
    words = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
    services = [f"service {at} {HOSTILE}" for at in range(100)]
    faults = [
        (30 + at, service, f"ERROR {words[at // 10]} {words[at % 10]} failed {HOSTILE} " + "x" * 900)
        for at, service in enumerate(services)
    ]
    records = [
        replace(one, traffic=[Traffic(service, one.traffic[0].time, 3) for service in services])
        for one in observed(faults)
    ]
    topics = FakeTopics()
    topics.send(OBSERVATIONS, *map(dump, records))
    async with console(topics, CONSOLE) as app:
        page = await text_of(client, f"{app.url}replay?budget=1/day")
        began = process_time()
        assert page == await text_of(client, f"{app.url}replay?budget=1/day")

    assert process_time() - began < 2.0  # kept, not replayed again
    assert len(page) < 150_000
    assert 50 == page.count("<tr class=")
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<script>alert(1)" in unescape(page)
