"""Releases: what the versions of a service are evidence for, and what an incident says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.incidents import IncidentStage, News, Release, all_names, dump_pieces, load_stage
from daemon.core.observations import Sighting, VersionSeen
from tests.core.incidents.scenes import HOUR, SETTINGS, START, living, observed, sighting, traffic, us

NOW = 13 * HOUR
LINES = [f"INFO app: {what} of the new kind" for what in ("prices were warmed", "flags came on", "carts are kept")]
NEWER = "2.4.1"


@cache
def lived() -> dict[bytes, bytes | None]:
    """Return the state of a stage that knows a service of 13 hours."""
    stage = living(13.0)
    return dump_pieces(stage, all_names(stage))


def started(**versions: float) -> IncidentStage:
    """Return a stage that knows a service of 13 hours and its versions, seen at these times; one is 2.4.0."""
    stage = load_stage(SETTINGS, lived())
    seen = [VersionSeen("shop", name, us(at)) for name, at in {"2.4.0": HOUR, **versions}.items()]
    stage.take(replace(observed(), versions=seen, clock=us(NOW)))
    return stage


def take(stage: IncidentStage, new: Sequence[Sighting], version: float | None, end: float = NOW + 1200) -> list[News]:
    """Take in new lines, and the first line of the newer version at a time."""
    news: list[News] = []
    for begin in range(round(NOW), round(end), 30):
        seen = [s for s in new if us(begin) <= s.time < us(begin + 30)]
        states = version is not None and begin <= version < begin + 30
        versions = [VersionSeen("shop", NEWER, us(version))] if states and version is not None else []
        news += stage.take(replace(observed(traffic(begin, begin + 30), seen), versions=versions))
    return news


def test_a_release_names_its_version() -> None:
    """Much harmless novelty as a version begins is one harmless incident that names it, since when, and how much."""
    lines = [f"INFO app: {chr(97 + n) * 5} {chr(98 + n) * 4} {chr(99 + n) * 6} begins" for n in range(20)]
    new = [sighting(NOW + 30 + n / 10, line) for n, line in enumerate(lines)]

    (opened,) = [one for one in take(started(), new, NOW + 31) if one.event == "opened"]

    assert Release("shop", NEWER, START + NOW + 31, 20) == opened.incident.release


def test_a_version_alone_is_not_told() -> None:
    """Without new lines, or with fewer than are a release, there is no news of a version."""
    assert [] == take(started(), [], NOW + 31)
    assert [] == take(started(), [sighting(NOW + 32, line) for line in LINES[:2]], NOW + 31)


@pytest.mark.parametrize(("version", "expected"), [(NOW + 31, [("opened", 3)]), (None, [])])
def test_a_release_that_goes_out_slowly_is_told_where_its_version_is_known(
    version: float | None, expected: list[tuple[str, int]]
) -> None:
    """Lines that come minutes apart are of one release where a version began before them, else they are not news."""
    new = [sighting(NOW + 60 + 240 * n, line) for n, line in enumerate(LINES)]
    news = [one for one in take(started(), new, version) if one.event == "opened"]

    assert expected == [(one.event, one.incident.release.causes if one.incident.release else 0) for one in news]


def test_the_last_message_counts_what_came_later() -> None:
    """When the incident is over, it says how many kinds of lines came with the version in all."""
    new = [sighting(NOW + 40 + 120 * n, line + f" in {'bcdfgh'[n] * 5}") for n, line in enumerate(LINES * 2)]
    news = take(started(), new, NOW + 31, NOW + 3600)

    assert ("resolved", 6) == (news[-1].event, news[-1].incident.release and news[-1].incident.release.causes)


@pytest.mark.parametrize(
    "versions",
    [
        {NEWER: 2 * HOUR},
        {"2.5.0": NOW - 60, "2.5.1": NOW - 50, "2.5.2": NOW - 40},
        {f"{n:04}": NOW - 100 + n for n in range(40)},
    ],
    ids=["known for hours", "many at once", "another in every line"],
)
def test_what_is_no_release_names_no_version(versions: dict[str, float]) -> None:
    """A version that was known, or is one of many that begin at one time, does not name what is told."""
    stage = started(**versions)
    news = take(stage, [sighting(NOW + 32, line) for line in LINES], NOW + 31)

    assert [None] == [one.incident.release for one in news if one.event == "opened"]
    assert len(stage.scopes["shop"].versions) <= 16


def test_the_first_version_of_a_service_is_no_release() -> None:
    """Where versions were not known before, as after an upgrade of the configuration, none is named."""
    news = take(load_stage(SETTINGS, lived()), [sighting(NOW + 32, line) for line in LINES], NOW + 31)

    assert [None] == [one.incident.release for one in news if one.event == "opened"]


def test_a_failure_with_a_new_version_says_so() -> None:
    """A failure that begins as a version does is told as such, and its incident names the version."""
    news = take(started(), [sighting(NOW + 300, "ERROR db: connection to the store was refused")], NOW + 31)

    assert Release("shop", NEWER, START + NOW + 31, 0) == news[0].incident.release


def test_versions_are_forgotten_with_the_window() -> None:
    """A version that nobody states for longer than the window is not remembered."""
    stage = started()
    stage.take(replace(observed(traffic(NOW, NOW + 60)), versions=[VersionSeen("shop", NEWER, us(NOW))]))
    days = 9.0 * 24 * HOUR
    stage.take(replace(observed(traffic(days, days + 60)), versions=[VersionSeen("shop", "2.4.2", us(days))]))

    assert ["2.4.2"] == [version.name for version in stage.scopes["shop"].versions]


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_a_restart_changes_nothing(data: st.DataObject) -> None:
    """A stage that is restored between two observations says what one that never stopped says."""
    new = [sighting(NOW + 60 + 100 * n, line) for n, line in enumerate(LINES)]
    cut = data.draw(st.integers(0, 600))
    whole = started()
    expected = take(whole, new, NOW + 31, NOW + 900)
    stage = started()
    at = round(NOW) + cut // 30 * 30
    first = take(stage, [s for s in new if s.time < us(at)], NOW + 31 if at > NOW + 31 else None, at)
    again = load_stage(SETTINGS, dump_pieces(stage, all_names(stage)))
    rest = take_from(again, new, at)

    assert [(n.event, n.incident.release) for n in expected] == [(n.event, n.incident.release) for n in [*first, *rest]]


def take_from(stage: IncidentStage, new: Sequence[Sighting], at: float) -> list[News]:
    """Go on with `take` at a time."""
    news: list[News] = []
    for begin in range(round(at), round(NOW + 900), 30):
        seen = [s for s in new if us(begin) <= s.time < us(begin + 30)]
        versions = [VersionSeen("shop", NEWER, us(NOW + 31))] if begin == NOW + 30 else []
        news += stage.take(replace(observed(traffic(begin, begin + 30), seen), versions=versions))
    return news
