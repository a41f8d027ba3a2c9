"""Mutes: nothing is told while they last, everything is known, and what happened meanwhile is told at their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from daemon.core.incidents import IncidentStage, News, all_names, dump_pieces, load_stage
from daemon.core.incidents.incident import Incident
from daemon.core.incidents.mutes import MOST, ActiveMute, surplus
from daemon.core.observations import Gravity, MuteOrder, Observations, cause_of
from tests.core.incidents.scenes import HOUR, SETTINGS, USUAL, events, living, observed, sighting, traffic, us

DEADLOCK = "ERROR db: deadlock detected while waiting"
DISK = "FATAL disk: device is gone"
BEGIN = 4 * HOUR


def mute(
    stage: IncidentStage, line: str = "", until: float | None = BEGIN + HOUR, *, scope: str = "shop"
) -> list[News]:
    """Mute a line's cause, or the whole service, by ada."""
    name = cause_of(line).id if line else ""
    order = MuteOrder(scope, name, None if until is None else us(until), [name] if name else [], "ada")
    return stage.take(Observations("feedback/0", mutes=[order]))


def passing(stage: IncidentStage, begin: float, end: float) -> list[News]:
    """Let quiet time pass, a minute at a time."""
    return [news for at in range(int(begin), int(end), 60) for news in stage.take(observed(traffic(at, at + 60.0)))]


def seen(stage: IncidentStage, at: float, *lines: str) -> list[News]:
    return stage.take(observed(traffic(at, at + 10.0), [sighting(at + 1.0, line) for line in lines]))


@pytest.mark.parametrize("line", [DEADLOCK, ""])
def test_what_is_over_when_a_mute_ends_is_told_then(line: str) -> None:
    """A cause or a whole service: silence until the end, then one message that says it is over and was muted."""
    stage = living()
    assert [] == mute(stage, line)

    meanwhile = seen(stage, BEGIN, DEADLOCK) + passing(stage, BEGIN + 20, BEGIN + HOUR - 60)
    after = passing(stage, BEGIN + HOUR, BEGIN + HOUR + 300)

    assert [] == meanwhile
    assert [("resolved", DEADLOCK)] == events(after)
    assert ["muted by ada; the only incident meanwhile"] == [news.muted for news in after]


def test_what_goes_on_when_a_mute_ends_is_opened_then() -> None:
    """It counts against the ceiling only then."""
    stage = living()
    mute(stage, DEADLOCK, BEGIN + 600)
    meanwhile = [news for at in range(0, 540, 60) for news in seen(stage, BEGIN + at, DEADLOCK)]
    told = stage.told.copy()
    after = [news for at in range(600, 720, 60) for news in seen(stage, BEGIN + at, DEADLOCK)]

    assert [] == meanwhile
    assert {} == told
    assert [("opened", DEADLOCK)] == events(after)[:1]


def test_unmute_tells_at_once() -> None:
    """Taking a mute back is the same as its end; taking back what is not there is nothing."""
    stage = living()
    mute(stage, DEADLOCK)
    seen(stage, BEGIN, DEADLOCK)

    assert [("opened", DEADLOCK)] == events(mute(stage, DEADLOCK, None))
    assert [] == mute(stage, DEADLOCK, None)
    assert {} == stage.mutes.active


def test_a_mute_hides_nothing_else() -> None:
    """Another failure at the same moment is told, with itself as the headline; so are other services."""
    stage = living(scopes=("shop", "bank"))
    mute(stage, DEADLOCK)
    news = seen(stage, BEGIN, DEADLOCK) + seen(stage, BEGIN + 2, DISK)
    other = stage.take(observed([], [sighting(BEGIN + 20, DEADLOCK, scope="bank")]))

    assert [("opened", DISK)] == events(news)
    assert ["opened"] == [one.event for one in other if "bank" in one.incident.services]


def test_a_told_incident_is_closed_although_it_is_muted() -> None:
    """Whoever was told that it opened is told that it is over, and nothing in between."""
    stage = living()
    opened = seen(stage, BEGIN, DEADLOCK)
    mute(stage, DEADLOCK, BEGIN + 3 * HOUR)
    later = seen(stage, BEGIN + 60, DEADLOCK) + passing(stage, BEGIN + 70, BEGIN + HOUR)

    assert [("opened", DEADLOCK)] == events(opened)
    assert [("resolved", DEADLOCK)] == events(later)


def test_a_mute_in_the_past_and_one_that_is_changed() -> None:
    """An end that has passed mutes nothing; a second mute moves the end."""
    stage = living()
    mute(stage, DEADLOCK, BEGIN - HOUR)
    assert {} == stage.mutes.active
    mute(stage, DEADLOCK, BEGIN + HOUR)
    mute(stage, DEADLOCK, BEGIN + 2 * HOUR)
    seen(stage, BEGIN, DEADLOCK)

    assert [] == passing(stage, BEGIN + 20, BEGIN + 2 * HOUR - 120)
    assert [("resolved", DEADLOCK)] == events(passing(stage, BEGIN + 2 * HOUR, BEGIN + 2 * HOUR + 120))


def test_what_waits_for_the_end_of_a_mute_is_bounded() -> None:
    """Of more incidents than are kept the oldest go; those that go on, or were told, stay."""
    over = [
        Incident(f"i{at:02}", at, at, at, Gravity.FAILURE, muted=True, resolved_at=at + 9.0) for at in range(MOST + 3)
    ]
    others = [Incident("on", 0, 0, 0, Gravity.FAILURE, muted=True), Incident("told", 0, 0, 0, Gravity.FAILURE)]

    assert ["i00", "i01", "i02"] == surplus([*over, *others])
    assert [] == surplus(over[3:])


def test_the_message_counts_what_was_missed() -> None:
    """Its sentence names who muted and how many incidents there were."""
    mute = ActiveMute("shop", "", [], 0.0, "ada", missed=70)

    assert "muted by ada; one of 70 incidents meanwhile" == mute.sentence


STEPS = st.lists(
    st.tuples(st.sampled_from([DEADLOCK, DISK, "mute", "unmute", "all"]), st.integers(5, 1500)), min_size=1, max_size=12
)


def replay(steps: Sequence[tuple[str, int]], *, restart: bool) -> list[tuple[str, str, str]]:
    stage, at, said = living(2.0), 2 * HOUR, list[News]()
    for what, pause in steps:
        at += pause
        if what in (DEADLOCK, DISK):
            said += seen(stage, at, what)
        else:
            said += mute(stage, "" if what == "all" else DEADLOCK, None if what == "unmute" else at + 2000)
        if restart:
            stage = load_stage(SETTINGS, dump_pieces(stage, all_names(stage)))
    return [(news.event, news.incident.id, news.muted) for news in said]


@hypothesis_settings(deadline=None, max_examples=25)
@given(STEPS)
def test_a_restart_changes_nothing(steps: list[tuple[str, int]]) -> None:
    """Whatever happens, a stage read back from its state after every step tells the same."""
    assert replay(steps, restart=False) == replay(steps, restart=True)


def test_what_changed_is_enough_of_the_state() -> None:
    """The pieces that a step names as changed lead to the same state as all pieces."""
    stage = living()
    pieces = dump_pieces(stage, all_names(stage))
    stage.changed.clear()
    for step in ("mute", "see", "unmute"):
        if step == "see":
            seen(stage, BEGIN, DEADLOCK)
        else:
            mute(stage, DEADLOCK, BEGIN + HOUR if step == "mute" else None)
        pieces |= dump_pieces(stage, stage.changed)
        stage.changed.clear()
        kept = {key: value for key, value in pieces.items() if value is not None}
        seldom = b'["c","shop","' + cause_of(USUAL).id.encode() + b'"]'  # a harmless line is written once an hour
        assert {**dump_pieces(stage, all_names(stage)), seldom: b""} == {**kept, seldom: b""}


def test_mutes_are_bounded_and_those_that_end_first_end_now() -> None:
    """Who may write feedback cannot fill the state; what was muted is told rather than forgotten."""
    stage = living(settings=replace(SETTINGS, max_mutes=3))
    mute(stage, DEADLOCK, BEGIN + HOUR)
    assert [] == seen(stage, BEGIN, DEADLOCK)
    told = [news for n in range(5) for news in mute(stage, until=BEGIN + (2 + n) * HOUR, scope=f"s{n}")]

    assert [("opened", DEADLOCK)] == events(told)
    assert [f"s{n}" for n in (2, 3, 4)] == sorted(scope for scope, _ in stage.mutes.active)
    assert 3 == stage.let_go["mutes"]
    again = load_stage(stage.settings, dump_pieces(stage, all_names(stage)))
    assert stage.mutes.active == again.mutes.active
