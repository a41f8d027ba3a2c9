"""Which stage of an incident is news for a route, and that a restart leads to the same."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import DataError
from daemon.notify.announcements import Announcement, Stage, read_announcement
from daemon.notify.filters import RouteFilter
from daemon.notify.route_memory import RouteMemory
from tests.support.notifications import alert_message, said

EVENTS = ["opened", "updated", "escalated", "resolved", "reopened"]


def stages(memory: RouteMemory, *messages: Announcement) -> list[Stage | None]:
    """Return the stage that each message is told as."""
    taken = [memory.take(message) for message in messages]
    return [told.stage if told is not None else None for told in taken]


def test_an_incident_is_told_once_a_stage() -> None:
    """Opened, graver and over are told; what is only added, and what comes twice, is not."""
    memory = RouteMemory(RouteFilter())
    opened = said("opened", 1)
    messages = [
        opened,
        opened,
        said("updated", 2),
        said("escalated", 3, severity="critical"),
        said("updated", 4, severity="critical"),
        said("resolved", 5, severity="critical"),
        said("reopened", 6),
    ]
    assert ["opened", None, None, "escalated", None, "resolved", "reopened"] == stages(memory, *messages)


def test_the_message_of_an_incident_that_is_over_is_not_kept() -> None:
    """A message may be large, and only what fires is said again."""
    memory = RouteMemory(RouteFilter())
    stages(memory, said("opened", 1), said("opened", 1, incident="b"), said("resolved", 2))

    assert {"33c467a2f982": False, "b": True} == {
        name: known.latest is not None for name, known in memory._incidents.items()
    }


def test_what_is_below_a_routes_severity_is_told_once_it_is_graver() -> None:
    """For this route the incident begins there; one that never gets so grave has no end either."""
    memory = RouteMemory(RouteFilter("critical"))
    assert [None, "opened", "resolved"] == stages(
        memory,
        said("opened", 1),
        said("escalated", 2, severity="critical"),
        said("resolved", 3, severity="critical"),
    )
    assert [None, None] == stages(memory, said("opened", 1, incident="b"), said("resolved", 2, incident="b"))


def test_an_incident_that_reaches_a_routes_service_is_told_then() -> None:
    """The message that adds the service is only an update, and for this route it is the first."""
    memory = RouteMemory(RouteFilter(scopes=("shop*",)))
    assert [None, "opened", "resolved"] == stages(
        memory,
        said("opened", 1),
        said("updated", 2, services=["payments", "shop-eu"]),
        said("resolved", 3, services=["payments", "shop-eu"]),
    )


def test_what_was_muted_all_the_time_is_not_told() -> None:
    """At a mute's end what is over comes as resolved, and nobody was told of it."""
    assert [None] == stages(RouteMemory(RouteFilter()), said("resolved", 1))


def test_ends_are_left_out_where_the_route_wants_none() -> None:
    """A route without ends still knows that an incident is over: the next one is a new telling."""
    memory = RouteMemory(RouteFilter(resolved=False))
    messages = [said("opened", 1), said("resolved", 2), said("reopened", 3)]
    assert ["opened", None, "reopened"] == stages(memory, *messages)
    assert ["reopened"] == [told.stage for told in memory.firing()]


def test_what_was_said_before_the_route_began_was_told_to_nobody() -> None:
    """An incident that is older than the route is told with its next message, and its end without one is not."""
    memory = RouteMemory(RouteFilter())
    assert memory.take(said("opened", 1), ours=False) is None
    assert memory.take(said("opened", 1, incident="b"), ours=False) is None
    assert ["opened"] == stages(memory, said("updated", 2))
    assert [None] == stages(memory, said("resolved", 2, incident="b"))


def test_an_incident_that_the_memory_let_go_still_ends() -> None:
    """The end of one that is older than the memory is told: a receiver that does not know it passes it over."""
    assert ["resolved"] == stages(RouteMemory(RouteFilter()), said("resolved", 9))
    assert [None, "resolved"] == stages(RouteMemory(RouteFilter()), said("updated", 8), said("resolved", 9))


def test_the_number_of_incidents_is_bounded() -> None:
    """Those without news for the longest time are let go."""
    memory = RouteMemory(RouteFilter(), most=2)
    for incident in ("a", "b", "c"):
        memory.take(said("opened", 1, incident=incident))
    assert ["b", "c"] == [told.said.incident for told in memory.firing()]
    assert (2, 1) == (len(memory), memory.let_go)


def test_undo_lets_the_same_message_be_told_again() -> None:
    """What was not delivered is news when it comes again, with what was told before it."""
    memory = RouteMemory(RouteFilter())
    memory.take(said("opened", 1))
    graver = said("escalated", 2, severity="critical")
    first = memory.take(graver)
    memory.undo()
    assert first == memory.take(graver)
    assert first is not None
    assert "warning" == first.was


messages = st.lists(
    st.tuples(
        st.sampled_from(EVENTS),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["info", "warning", "critical"]),
        st.sampled_from([["payments"], ["payments", "shop"], ["shop"]]),
    ),
    max_size=12,
)


@given(messages, st.integers(0, 12), st.sampled_from([RouteFilter(), RouteFilter("warning", ("shop",))]))
def test_a_restart_tells_what_was_left_to_tell(raw: list[Any], cut: int, wanted: RouteFilter) -> None:
    """A memory filled again from the topic goes on as the one that was never stopped."""
    numbers: dict[str, int] = {}
    read = []
    for event, incident, severity, services in raw:
        numbers[incident] = numbers.get(incident, 0) + 1
        read.append(said(event, numbers[incident], incident=incident, severity=severity, services=services))
    whole, again = RouteMemory(wanted), RouteMemory(wanted)
    expected = [whole.take(message) for message in read][cut:]
    for message in read[:cut]:
        again.take(message)
    assert expected == [again.take(message) for message in read[cut:]]
    assert list(whole.firing()) == list(again.firing())


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"incident": ""}, "id"),
        ({"severity": "huge"}, "severity"),
        ({"id": "a b"}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"summary": None}, "summary"),
        ({"services": []}, "incident.services"),
        ({"services": [1]}, "incident.services"),
    ],
)
def test_what_is_no_alert_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    """The error names the field."""
    with pytest.raises(DataError, match=place):
        read_announcement(orjson.dumps(alert_message("opened", 1, **change)))


@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b"12"])
def test_what_is_no_object_is_refused(value: bytes | None) -> None:
    """Foreign records are no crash."""
    with pytest.raises(DataError):
        read_announcement(value)
