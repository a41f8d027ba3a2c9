"""Incidents: one a cause, opened, updated, resolved, re-opened, and safe in a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.alerts.explanation import explain
from daemon.core.alerts.incidents import IncidentEvent, Incidents, IncidentSettings, overlap
from daemon.core.types import Evidence, Verdict
from daemon.errors import DataError
from tests.support.cases import MINUTE, NOON, verdict

SMALL = IncidentSettings(quiet=10 * MINUTE, reopen=30 * MINUTE, update_every=5 * MINUTE, max_open=3)


def odd(line: str, *, at: float = 0, usual: str = "ok", scope: str = "payments", anomalous: bool = True) -> Verdict:
    """Return a verdict about one new line beside a usual one, `at` minutes past noon."""
    return verdict(
        {line: 1, usual: 5},
        evidence=[Evidence(line, "new", 8.0, 0.0), Evidence(usual, "rare", 0.1, 0.5)],
        end=NOON + int(at * MINUTE),
        scope=scope,
        anomalous=anomalous,
    )


def observe(incidents: Incidents, case: Verdict) -> list[IncidentEvent]:
    return incidents.observe(case, explain(case))


def kinds(events: list[IncidentEvent]) -> list[str]:
    return [event.kind for event in events]


def test_first_alert_opens_and_the_next_goes_on() -> None:
    """A cause's first alert opens an incident, the second one counts in it."""
    incidents = Incidents(SMALL)
    first, second = observe(incidents, odd("boom")), observe(incidents, odd("boom", at=1))

    assert (["opened"], ["ongoing"], 2) == (kinds(first), kinds(second), second[0].incident.alerts)
    assert first[0].incident.id == second[0].incident.id


def test_open_incident_is_updated_only_every_so_often() -> None:
    """Alerts a minute apart update the incident every five minutes."""
    incidents = Incidents(SMALL)

    assert ["opened", *["ongoing"] * 4, "updated", *["ongoing"] * 4, "updated"] == [
        kinds(observe(incidents, odd("boom", at=minute)))[-1] for minute in range(11)
    ]


def test_another_pattern_with_the_same_odd_line_is_the_same_incident() -> None:
    """What is odd decides: different usual lines beside the same new line are one cause."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("boom", usual="GET /"))

    assert ["ongoing"] == kinds(observe(incidents, odd("boom", usual="POST /cart")))


def test_sessions_alike_but_odd_in_another_line_are_another_incident() -> None:
    """Equal usual lines do not make two causes one."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("boom"))

    assert ["opened"] == kinds(observe(incidents, odd("disk full")))


def test_lines_that_differ_in_a_name_are_one_cause() -> None:
    """What a mask left of a generated name does not make another incident."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("execute __stmt_4a4__: SELECT price"))

    assert ["ongoing"] == kinds(observe(incidents, odd("execute __stmt_<NUM>ba__: SELECT price")))


def test_scopes_never_share_an_incident() -> None:
    """The same line in another scope is another incident."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("boom"))

    assert ["opened"] == kinds(observe(incidents, odd("boom", scope="search")))


def test_quiet_resolves_once_and_says_so() -> None:
    """Ten minutes without an alert resolve the incident, and the next tick has nothing to add."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("boom"))

    assert [] == incidents.tick(NOON + 10 * MINUTE - 1)
    assert [("resolved", "quiet")] == [(event.kind, event.reason) for event in incidents.tick(NOON + 10 * MINUTE)]
    assert ([], []) == (incidents.tick(NOON + 11 * MINUTE), incidents.open)


def test_alert_after_resolution_reopens_the_same_incident() -> None:
    """Within the time to re-open the incident keeps its identity and its count; after it a new one opens."""
    incidents = Incidents(SMALL)
    opened = observe(incidents, odd("boom"))[0].incident
    incidents.tick(NOON + 10 * MINUTE)
    again = observe(incidents, odd("boom", at=20))
    incidents.tick(NOON + 30 * MINUTE)
    incidents.tick(NOON + 60 * MINUTE)
    anew = observe(incidents, odd("boom", at=61))

    assert (["reopened"], opened.id, 2) == (kinds(again), again[0].incident.id, again[0].incident.alerts)
    assert ["opened"] == kinds(anew)


def test_long_silence_resolves_before_the_next_alert_reopens() -> None:
    """An alert after quiet, with no tick between, first resolves the incident, then opens it again."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("boom"))

    assert ["resolved", "reopened"] == kinds(observe(incidents, odd("boom", at=15)))


def test_pattern_that_became_normal_resolves_as_learned() -> None:
    """When the detector has taken the pattern in, the resolution says so."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("boom"))
    incidents.normal(odd("boom", at=1, anomalous=False))

    assert ["learned"] == [event.reason for event in incidents.tick(NOON + 10 * MINUTE)]


def test_too_many_incidents_displace_the_one_quiet_longest() -> None:
    """The state is bounded: the fourth incident of three resolves the stalest."""
    incidents = Incidents(SMALL)
    for minute, line in enumerate(["one", "two", "three"]):
        observe(incidents, odd(line, at=minute))
    events = observe(incidents, odd("four", at=3))

    assert [("resolved", "displaced", NOON), ("opened", None, NOON + 3 * MINUTE)] == [
        (event.kind, event.reason, event.incident.last_seen) for event in events
    ]


def test_severity_is_that_of_the_gravest_alert() -> None:
    """A later critical alert makes the incident critical; a mild one does not take it back."""
    incidents = Incidents(SMALL)
    mild, grave = odd("boom"), odd("boom")
    mild = replace(mild, judgement=replace(mild.judgement, p_value=0.02))

    assert ["info", "critical", "critical"] == [
        observe(incidents, case)[-1].incident.severity for case in (mild, grave, mild)
    ]


def test_damaged_or_foreign_state_is_refused() -> None:
    """A checkpoint's state that cannot be read is an error with a name, never half a state."""
    with pytest.raises(DataError, match="cannot be read"):
        Incidents(SMALL).load(b"\x00garbage")


def test_empty_state_is_no_incidents() -> None:
    """A partition's first checkpoint has no state, and loading it forgets what was there."""
    incidents = Incidents(SMALL)
    observe(incidents, odd("boom"))
    incidents.load(b"")

    assert [] == incidents.open


def test_full_state_stays_small() -> None:
    """A hundred open incidents with long summaries take less than 64 KiB in a checkpoint."""
    incidents = Incidents(IncidentSettings())
    for number in range(150):
        word = "".join(chr(97 + int(digit)) for digit in f"{number:04d}")
        observe(incidents, odd(f"a long line that differs {word} " + "x" * 300, at=number / 100))

    assert 100 == len(incidents.open)
    assert len(incidents.dump()) < 64 * 1024


def test_overlap_is_the_weight_two_sets_of_causes_share() -> None:
    """Equal sets overlap wholly, others by the smaller weight of each common line."""
    assert [1.0, 0.4, 0.0] == [
        overlap({"a": 0.6, "b": 0.4}, {"a": 0.6, "b": 0.4}),
        overlap({"a": 0.6, "b": 0.4}, {"b": 0.5, "c": 0.5}),
        overlap({"a": 1.0}, {"b": 1.0}),
    ]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["alert", "normal", "tick"]),
        st.sampled_from(["boom", "disk full", "timeout", "denied", "panic"]),
        st.sampled_from(["ok", "GET /"]),
        st.integers(0, 25),
    ),
    max_size=40,
)


def play(incidents: Incidents, steps: list[tuple[str, str, str, int]], start: int) -> tuple[list[IncidentEvent], int]:
    events, minute = [], start
    for kind, line, usual, wait in steps:
        minute += wait
        case = odd(line, at=minute, usual=usual)
        match kind:
            case "alert":
                events += observe(incidents, case)
            case "normal":
                incidents.normal(case)
            case _:
                events += incidents.tick(NOON + minute * MINUTE)
    return events, minute


@settings(max_examples=50, deadline=None)
@given(STEPS, STEPS)
def test_loaded_state_behaves_as_the_one_dumped(
    before: list[tuple[str, str, str, int]], after: list[tuple[str, str, str, int]]
) -> None:
    """Whatever happened before a checkpoint, what follows it is the same in memory and after loading."""
    lasting, loaded = Incidents(SMALL), Incidents(SMALL)
    _, minute = play(lasting, before, 0)
    state = lasting.dump()
    loaded.load(state)

    assert state == loaded.dump()
    assert play(lasting, after, minute) == play(loaded, after, minute)


@settings(max_examples=50, deadline=None)
@given(STEPS)
def test_every_alert_is_in_one_incident_and_counts_add_up(steps: list[tuple[str, str, str, int]]) -> None:
    """Each anomalous verdict yields one event that is no resolution, and only open incidents are resolved."""
    events, _ = play(Incidents(SMALL), steps, 0)
    resolved: dict[str, bool] = {}
    for event in events:
        assert (event.kind == "resolved") <= (resolved.get(event.incident.id) is False)
        assert (event.kind in ("opened", "reopened")) == (
            event.kind != "resolved" and resolved.get(event.incident.id, True)
        )
        resolved[event.incident.id] = event.kind == "resolved"

    assert sum(kind == "alert" for kind, *_ in steps) == sum(event.kind != "resolved" for event in events)
