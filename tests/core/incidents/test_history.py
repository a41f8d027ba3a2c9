"""What a stage has learned is a warm start of another one: in a file, over the topic, once, and moved in time."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.incidents import (
    TOLD,
    Filing,
    History,
    IncidentStage,
    all_names,
    dump_pieces,
    history_from,
    history_records,
    is_history,
    learn,
    load_stage,
    read_history,
    take_history,
    write_history,
)
from daemon.core.incidents.memory import CauseMemory, ScopeMemory
from daemon.core.incidents.peaks import SCALES, Peak
from daemon.core.incidents.rates import Rate
from daemon.core.observations import Observations, VersionSeen
from daemon.errors import DataError
from tests.core.incidents.scenes import HOUR, SETTINGS, START, events, living, observed, sighting, traffic, us

DAY = 24 * HOUR
DAILY = "ERROR backup: the volume <NUM> could not be reached"
FATAL = "FATAL store: no space is left on the device"


def lived(days: int = 4) -> IncidentStage:
    """A stage that knows a service of some days, in which one error comes once a day."""
    stage = IncidentStage(SETTINGS)
    for day in range(days):
        usual = [sighting(day * DAY + 600.0 * n, "INFO http: request <NUM> was served") for n in range(144)]
        daily = [sighting(day * DAY + 12 * HOUR, DAILY, key=f"d{day}")]
        stage.take(observed(traffic(day * DAY, day * DAY + DAY, each=60.0), [*usual, *daily]))
    return stage


def warm(history: History, how: Filing | None = None, stage: IncidentStage | None = None) -> IncidentStage:
    """A stage that has taken a history in; a new one unless it is given."""
    stage = stage or IncidentStage(SETTINGS)
    for value in history_records(history, how or Filing(SETTINGS.window)):
        learn(stage, value)
    return stage


def told(stage: IncidentStage, line: str, at: float, key: str = "k") -> list[tuple[str, str]]:
    """What is told of a line that comes in a stream that has lived on for a minute."""
    stage.take(observed(traffic(at - 60, at, each=10.0)))
    return events(one for one in stage.take(observed([], [sighting(at, line, key=key)])) if one.event in TOLD)


def test_after_a_warm_start_what_is_new_is_told_at_once_and_what_is_usual_is_not() -> None:
    """The first failure that nobody has seen is told; one that came every day is not. A cold stage tells neither."""
    stage = warm(take_history(lived()))

    assert [] == told(stage, DAILY, 4 * DAY + 12 * HOUR)
    assert [("opened", FATAL)] == told(stage, FATAL, 4 * DAY + 13 * HOUR)
    assert [] == told(IncidentStage(SETTINGS), FATAL, 4 * DAY + 13 * HOUR)


def test_a_file_holds_all_of_it() -> None:
    """What is read from the lines is what was written; the pieces of a checkpoint hold the same."""
    stage = lived()
    history = take_history(stage)
    lines = list(write_history(history))

    assert is_history(lines[0])
    assert lines == list(write_history(read_history(lines, "file")))
    assert lines == list(write_history(history_from(dump_pieces(stage, all_names(stage)))))


def test_a_history_is_taken_in_once() -> None:
    """The same file once more changes nothing, before a restart and after it."""
    history = take_history(lived())
    stage = warm(history)
    pieces = dump_pieces(stage, all_names(stage))
    again = warm(history, Filing(SETTINGS.window, shift=DAY), load_stage(SETTINGS, pieces))

    assert pieces == dump_pieces(again, all_names(again))


def test_a_stage_that_lives_keeps_what_it_knows() -> None:
    """Beside what is imported, a running stage still knows its own causes, its ceiling and what is open."""
    own = "ERROR mail: the relay has refused the message"
    stage = living(5 * 24.0)
    before = [one.event for one in stage.take(observed([], [sighting(5 * DAY, own)]))]
    sessions = stage.scopes["shop"].sessions
    warm(take_history(lived()), stage=stage)
    memory = stage.scopes["shop"]

    assert ["opened"] == before
    assert 1 == len(stage.incidents)
    assert sessions + lived().scopes["shop"].sessions == memory.sessions
    assert {"opened"} == {event for event, _ in told(stage, FATAL, 5 * DAY + HOUR)}
    assert [] == told(stage, DAILY, 5 * DAY + 2 * HOUR)


def test_times_can_be_moved() -> None:
    """History that was moved is as long as it was and ends where it was moved to; periods stay."""
    stage = lived()
    moved = warm(take_history(stage), Filing(SETTINGS.window, shift=100 * DAY + 7.0)).scopes["shop"]
    memory = stage.scopes["shop"]

    assert memory.span(SETTINGS.window) == moved.span(SETTINGS.window)
    assert memory.latest + 100 * DAY == moved.latest
    assert [memory.news.blocks(memory.latest, SETTINGS.block, level) for level in range(9)] == [
        moved.news.blocks(moved.latest, SETTINGS.block, level) for level in range(9)
    ]
    assert [cause.last + 100 * DAY for cause in memory.causes.values()] == [c.last for c in moved.causes.values()]


def test_the_time_between_the_history_and_the_first_line_is_no_history() -> None:
    """Three days in which nothing was read do not make a period longer, and are not a usual pause of the service."""
    stage = warm(take_history(lived(2)))
    before = stage.scopes["shop"]
    span, pause = before.span(SETTINGS.window), before.usual_gap
    stage.take(observed(traffic(5 * DAY, 5 * DAY + 600)))

    assert span + 600 >= stage.scopes["shop"].span(SETTINGS.window) >= span
    assert pause == stage.scopes["shop"].usual_gap


def test_what_is_confirmed_is_never_told() -> None:
    """Warnings and failures of a history that was confirmed are labelled; a label that somebody set stays."""
    stage = living(1.0)
    stage.take(observed([], [sighting(HOUR, DAILY), sighting(HOUR + 60, FATAL)]))
    for cause in stage.scopes["shop"].causes.values():
        cause.label = "anomalous" if cause.example == FATAL else None
    confirmed = warm(take_history(stage), Filing(SETTINGS.window, confirmed=True)).scopes["shop"]

    labels = {cause.example: cause.label for cause in confirmed.causes.values()}
    assert {"INFO http: request <NUM> was served": None, DAILY: "normal", FATAL: "anomalous"} == labels


def test_two_scopes_may_become_one() -> None:
    """Renamed to one name, the sessions of both are counted, and causes of both are known."""
    stage = living(2.0, scopes=("shop", "store"))
    stage.take(observed([], [sighting(2 * HOUR, DAILY, scope="shop"), sighting(2 * HOUR, FATAL, scope="store")]))
    lines = list(write_history(take_history(stage)))
    (scope,) = read_history(lines, "file", renamed={"store": "shop"}).scopes.values()

    assert 2 * stage.scopes["shop"].sessions == scope.sessions
    assert {"INFO http: request <NUM> was served", DAILY, FATAL} == {c.example for c in scope.causes.values()}


@pytest.mark.parametrize("wrong", [b"{}", b'["c"]', b'[["c","shop","x"],{"first":"y"}]', b'[["s","shop"],{"no":1}]'])
def test_a_line_that_is_none_is_named(wrong: bytes) -> None:
    """What is not a piece of the memory is refused, with the file and the line."""
    lines = list(write_history(take_history(living(1.0))))
    with pytest.raises(DataError, match=r"file:8: not a piece"):
        read_history([lines[0], wrong, *lines[1:]], "file", first=7)
    with pytest.raises(DataError, match="ends after"):
        read_history(lines[:-1], "file")


@pytest.mark.parametrize("value", [None, b"", b"(\xb5/\xfd", b"{}"])
def test_a_record_that_is_none_is_refused(value: bytes | None) -> None:
    """A damaged record changes nothing and says what it is."""
    stage = IncidentStage(SETTINGS)
    with pytest.raises(DataError, match="a history"):
        learn(stage, value)
    assert {} == stage.scopes


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 4e5), st.integers(1, 9)), min_size=2, max_size=60), st.integers(1, 59))
def test_peaks_of_two_halves_are_those_of_the_whole(counted: list[tuple[float, int]], cut: int) -> None:
    """Counted in two parts, one after the other, and joined: the same sums and the same highest peak, to one block."""
    counted, half = sorted(counted), 1e12  # all in one half of the window
    cut = min(cut, len(counted) - 1)
    for tau in SCALES:
        whole, one, two = Peak(), Peak(), Peak()
        for at, count in counted:
            whole.add(START + at, tau, half, count)
        for part, some in ((one, counted[:cut]), (two, counted[cut:])):
            for at, count in some:
                part.add(START + at, tau, half, count)
        one.join(two, tau)
        assert whole.count == pytest.approx(one.count)
        for peak in (whole, one):
            peak.end(peak.half + 1)
        assert one.blocks <= whole.blocks + 1
        assert one.highest <= whole.highest + 1e-9


def test_versions_of_a_history_are_known() -> None:
    """Where a history knows a version that the stage has seen too, it began when the earlier of both saw it."""
    stages = [living(1.0), living(1.0)]
    for stage, seen in zip(stages, [("2.4.0", 600), ("2.4.0", 60)], strict=True):
        stage.take(Observations("logs/0", us(HOUR), versions=[VersionSeen("shop", seen[0], us(seen[1]))]))
    (version,) = warm(take_history(stages[1]), stage=stages[0]).scopes["shop"].versions

    assert ("2.4.0", START + 60, START + 600) == (version.name, version.began, version.last)


def test_every_field_has_its_rule() -> None:
    """Who adds a field to the memory says in `merging` how it is moved in time and added."""
    assert {
        *("sessions", "first_begins", "start", "active", "latest", "traffic", "causes", "parents", "news", "bursts"),
        *("returns", "told", "held_back", "sources", "longest_gap", "longest_gap_before", "gap_half", "silent_since"),
        *(
            "imports",
            "grave",
            "absences",
            "departures",
            "presences",
            "keys",
            "reworded",
            "together",
            "lacks",
            "versions",
        ),
    } == {field.name for field in fields(ScopeMemory)}
    assert {
        *("first", "last", "score", "one_off", "active", "sightings", "outbreaks", "saved", "label", "words"),
        *("example", "peaks"),
    } == {field.name for field in fields(CauseMemory)}
    assert ["minutes"] == list(vars(Rate()))
