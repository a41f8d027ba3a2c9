"""A usual line that stays away is noticed, and nothing else is taken for it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.incidents import TOLD, IncidentStage, all_names, dump_pieces, load_stage
from daemon.core.incidents.presence import Presence, attend
from daemon.core.observations import Observations, Said, Sighting, VersionSeen, cause_of
from tests.core.incidents.scenes import HOUR, SETTINGS, events, living, observed, sighting, traffic, us, usual

LINE = "INFO orders: an order was stored"
OTHER = "INFO orders: order number was written"
LATER = "INFO journal: purchase kept under its reference"
DAY = 24 * HOUR


def run(stage: IncidentStage, begin: float, end: float, line: str | None = LINE) -> list[tuple[str, str]]:
    """Let the service live, with its usual line and perhaps another one; return what is said."""
    said = []
    for minute in range(int((end - begin) // 60)):
        lively = traffic(begin + 60 * minute, begin + 60 * minute + 60)
        said += events(stage.take(observed(lively, usual(lively, line) if line else [])))
    return said


def test_a_usual_line_that_stops_is_told() -> None:
    """It is told within minutes while its service goes on, and the incident is over when the line is back."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    before = run(stage, 8 * HOUR, 8 * HOUR + 60, None)
    stopped = run(stage, 8 * HOUR + 60, 8 * HOUR + 1200, None)
    back = run(stage, 8 * HOUR + 1200, 9 * HOUR)

    assert ([], [("opened", LINE)], [("resolved", LINE)]) == (before, stopped, back)


def test_it_says_how_long_the_line_stayed_away() -> None:
    """The reason holds the absence, how often the line came, and its longest absence before."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    run(stage, 8 * HOUR, 8.5 * HOUR, None)
    (symptom,) = next(iter(stage.incidents.values())).symptoms

    assert "silent" == symptom.kind
    assert symptom.why.startswith("not seen for 5.0 min, where it came about every 60 s; its longest absence in")


def test_a_line_of_the_day_is_not_missed_at_night() -> None:
    """What is away every night is told in its first night at most."""
    stage = living()
    told = []
    for day in range(1, 6):
        run(stage, day * DAY, day * DAY + 16 * HOUR)
        night = run(stage, day * DAY + 16 * HOUR, (day + 1) * DAY, None)
        told.append([event for event, _ in night if event in TOLD])

    assert [[], [], [], []] == told[1:]


def test_a_service_that_sleeps_misses_no_line() -> None:
    """While the whole service is quiet, only the service is silent."""
    stage = living(scopes=("shop", "db"))
    run(stage, 4 * HOUR, 8 * HOUR)
    news = stage.take(observed(traffic(8 * HOUR, 10 * HOUR, scope="db")))

    assert ["shop is silent"] == [text for event, text in events(news) if event in TOLD]


def test_a_line_that_another_one_replaced_is_not_missing() -> None:
    """A release that says it in other words tells nothing of the old ones."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)

    assert [] == run(stage, 8 * HOUR, 10 * HOUR, OTHER)


@pytest.mark.parametrize("versions", [("2.4.0", "2.4.1"), ("2.4.0",)])
def test_a_line_that_a_rollout_replaced_is_not_missing(versions: tuple[str, ...]) -> None:
    """While a version is rolled out both lines come, so the old one ends minutes after the new one began."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    seen = [VersionSeen("shop", name, us(8 * HOUR if n else HOUR)) for n, name in enumerate(versions)]
    stage.take(replace(observed(), versions=seen, clock=us(8 * HOUR)))
    for minute in range(4):
        begin = 8 * HOUR + 60 * minute
        lively = traffic(begin, begin + 60)
        stage.take(observed(lively, [*usual(lively, LINE), *usual(lively, LATER)]))
    told = run(stage, 8 * HOUR + 240, 9 * HOUR, LATER)

    assert told == ([] if len(versions) > 1 else [("opened", LINE)])


def test_a_line_that_goes_on_in_other_words_is_not_missing() -> None:
    """Where a line is known by other words from some moment on, the old words are not missed."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    worded = LINE.replace("an order", "an order (release two)")

    assert [] == run(stage, 8 * HOUR, 10 * HOUR, worded)


def test_a_line_that_stops_with_a_fault_is_a_symptom_of_it() -> None:
    """One incident has the failure and what stays away because of it."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    stage.take(observed([], [sighting(8 * HOUR + 5, "ERROR db: connection to the store was refused")]))
    run(stage, 8 * HOUR + 10, 8.5 * HOUR, None)

    assert [["new", "silent"]] == [[s.kind for s in incident.symptoms] for incident in stage.incidents.values()]


def test_a_word_of_a_person_silences_a_silence() -> None:
    """A line that was called normal may stay away."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    stage.take(Observations("feedback/0", said=[Said("shop", "p", "normal", [cause_of(LINE).id])]))

    assert [] == run(stage, 8 * HOUR, 10 * HOUR, None)


def test_a_line_that_never_comes_back_is_given_up() -> None:
    """After a day without it the incident ends; a line that is gone is no longer followed."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    said = run(stage, 8 * HOUR, 40 * HOUR, None)

    assert [("opened", LINE), ("resolved", LINE)] == said
    assert cause_of(LINE).id not in stage.scopes["shop"].presences


def test_a_lagging_partition_misses_no_line() -> None:
    """A line of a partition that was not read for a while is not missing."""
    stage = living()
    lively = traffic(4 * HOUR, 8 * HOUR)
    stage.take(observed(lively, usual(lively, LINE), source="logs/1"))

    assert [] == events(stage.take(observed(traffic(8 * HOUR, 9 * HOUR))))


@pytest.mark.parametrize("pause", [600.0, 1500.0])
def test_a_restored_stage_misses_the_same(pause: float) -> None:
    """Put away and taken up again at any time, the stage tells the same silence."""
    whole, parted = living(), living()
    pieces = dump_pieces(parted, all_names(parted))
    said: list[list[tuple[str, str]]] = [[], []]
    for n in range(80):
        begin = 4 * HOUR + n * 300
        line = None if 12_000 <= n * 300 < 12_000 + pause else LINE
        said[0] += run(whole, begin, begin + 300, line)
        said[1] += run(parted, begin, begin + 300, line)
        pieces |= dump_pieces(parted, parted.changed)
        parted = load_stage(SETTINGS, pieces)

    assert [("opened", LINE), ("resolved", LINE)] == said[0] == said[1]


def test_a_line_that_stays_away_is_written_once() -> None:
    """Each further look changes nothing of it, so it names no piece of it."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    stage.changed.clear()
    named = []
    for minute in range(30):
        begin = 8 * HOUR + 60 * minute
        run(stage, begin, begin + 60, None)
        named.append(("p", "shop", cause_of(LINE).id) in stage.changed)
        stage.changed.clear()

    assert 1 == sum(named)
    assert stage.scopes["shop"].presences[cause_of(LINE).id].silent


@given(st.lists(st.integers(1, 400), max_size=50))
def test_the_usual_absence_is_the_longest_of_the_window(gaps: list[int]) -> None:
    """Equal to the greatest gap, counted by hand, within one half of the window."""
    presence, at = Presence(0.0, 0.0, 0.0), 0.0
    for gap in gaps:
        at += gap
        presence.seen(at, at, 1e9)

    assert max([60, *gaps]) == presence.usual


@given(st.lists(st.integers(0, 30), max_size=200))
def test_few_lines_are_followed(causes: list[int]) -> None:
    """At most so many are followed, regular ones stay, and every change is named."""
    presences: dict[str, Presence] = {}
    named: set[str] = set()
    for n, cause in enumerate(causes):
        regular = {name for name, presence in presences.items() if presence.times >= 3}
        named |= set(attend(presences, str(cause), 60.0 * n, 60.0 * n, 1e9, 5, 3))
        assert len(presences) <= 5
        assert regular <= presences.keys()

    assert presences.keys() <= named


def test_an_old_state_without_usual_lines_is_read() -> None:
    """A state of version 1 is taken up, and its lines are learned from there on."""
    stage = living()
    pieces = {
        key: (value or b"").replace(b'"version":4', b'"version":1')
        for key, value in dump_pieces(stage, all_names(stage)).items()
        if not key.startswith(b'["p"')
    }
    old = load_stage(SETTINGS, pieces)
    run(old, 4 * HOUR, 8 * HOUR)

    assert [("opened", LINE)] == run(old, 8 * HOUR, 8.2 * HOUR, None)


def test_an_old_state_without_tails_is_read() -> None:
    """A state of version 2 is taken up, and the tails of absences are learned from there on."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    pieces = {
        key: (value or b"").replace(b'"version":4', b'"version":2').replace(b',"tail":0,"logs":0.0', b"")
        for key, value in dump_pieces(stage, all_names(stage)).items()
    }
    assert not any(b"tail" in value for value in pieces.values())

    assert [("opened", LINE)] == run(load_stage(SETTINGS, pieces), 8 * HOUR, 8.2 * HOUR, None)


@pytest.mark.parametrize("law", ["lognormal", "pareto"])
def test_work_that_comes_in_bursts_is_not_missed_between_them(law: str) -> None:
    """Absences with a heavy tail, as those of work that people cause, are told at most twice in two days."""
    rng, stage, told = random.Random(7), living(), 0
    names = [f"INFO {word}: a {word} was made" for word in ("order", "invoice", "photo", "refund", "parcel", "letter")]
    due = dict.fromkeys(names, 4 * HOUR)
    for begin in range(int(4 * HOUR), int(52 * HOUR), 1800):
        seen = []
        for name in names:
            while due[name] < begin + 1800:
                seen.append(sighting(due[name], name))
                due[name] += 60 * (rng.paretovariate(1.3) if law == "pareto" else rng.lognormvariate(0.0, 1.5))
        told += sum(one.event in TOLD for one in stage.take(observed(traffic(begin, begin + 1800, each=30.0), seen)))

    assert told <= 2


def test_a_line_without_history_is_not_missed() -> None:
    """A line must have been regular for an hour."""
    stage = living(4.0, replace(SETTINGS, regular=60))
    run(stage, 4 * HOUR, 4.5 * HOUR)

    assert [] == run(stage, 4.5 * HOUR, 6 * HOUR, None)


def test_the_line_is_shown() -> None:
    """The symptom holds the text of the line, of a description long ago."""
    stage = living()
    lively = traffic(4 * HOUR, 8 * HOUR)
    first, *rest = usual(lively, LINE)
    bare = [Sighting(s.scope, s.cause, s.score, s.time, s.count) for s in rest]
    stage.take(observed(lively, [first, *bare]))

    assert [("opened", LINE)] == run(stage, 8 * HOUR, 8.2 * HOUR, None)
