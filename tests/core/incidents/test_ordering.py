"""What is decided depends on the lines and their times, not on how they were cut into batches."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.incidents import TOLD, IncidentStage
from daemon.core.observations import Case, Observations, Sighting, Traffic, cause_of
from tests.core.incidents.scenes import HOUR, USUAL, events, living, observed, sighting, traffic, us

FAILURES = [f"ERROR {name}: {name} failed" for name in ("disk", "mail", "cart", "bank", "sync")]
RARE = "ERROR ledger: entry was lost"


def hours(seed: int) -> list[Traffic | Sighting | Case]:
    """Return two hours of a service with some failures, each with its session."""
    rng = random.Random(seed)
    begin, end = 4 * HOUR, 6 * HOUR
    items: list[Traffic | Sighting | Case] = [*traffic(begin, end)]
    items += [sighting(begin + minute * 60, USUAL) for minute in range(120)]
    for n in range(rng.randrange(1, 12)):
        at, line = begin + rng.randrange(7000), rng.choice(FAILURES)
        items += [sighting(at, line, key=f"k{n}"), Case(f"c{n}", "shop", us(at + 2), [cause_of(line).id], {})]
    return items


def at(item: Traffic | Sighting | Case) -> int:
    return item.end + 30_000_000 if isinstance(item, Case) else item.time


def taken(stage: IncidentStage, items: list[Traffic | Sighting | Case], cuts: list[int]) -> list[tuple[str, str]]:
    """Return what is told when the items are read in pieces that end at some seconds."""
    said = []
    ends = [us(4 * HOUR + cut) for cut in sorted(cuts)] + [us(7 * HOUR)]
    for begin, end in zip([0, *ends], ends, strict=False):
        piece = [item for item in items if begin <= at(item) < end]
        said += stage.take(
            Observations(
                "logs/0",
                end,
                [item for item in piece if isinstance(item, Traffic)],
                [item for item in piece if isinstance(item, Sighting)],
                [item for item in piece if isinstance(item, Case)],
            )
        )
    return events(one for one in said if one.event in TOLD or one.event == "resolved")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 7200), max_size=20))
def test_the_cuts_of_a_backlog_change_nothing(seed: int, cuts: list[int]) -> None:
    """Hours read at once and hours read bit by bit are told alike, in the same order."""
    items = hours(seed)

    assert taken(living(), items, []) == taken(living(), items, cuts)


def test_a_window_is_forgotten_within_a_batch() -> None:
    """A failure that was away for longer than the window is new again, although one batch holds all of it."""
    stage = living()
    days = [traffic(begin, begin + HOUR, each=60.0) for begin in range(int(4 * HOUR), int(220 * HOUR), int(3 * HOUR))]
    seen = [sighting(5 * HOUR, RARE), sighting(215 * HOUR, RARE)]
    news = stage.take(observed([one for day in days for one in day], seen))

    kinds = [one.incident.symptoms[0].kind for one in news if one.event == "opened"]
    assert ["new", "new"] == [kind for kind in kinds if kind != "silent"]


@pytest.mark.parametrize("pause", [0.2, 5.0, 100.0])
def test_a_pause_of_everything_is_no_silence_of_one(pause: float) -> None:
    """Where nothing at all was read, as between two recordings, no service is told to have been silent."""
    stage = living(scopes=("shop", "bank"))
    after = (4 + pause) * HOUR
    both = [*traffic(after + 20, after + HOUR), *traffic(after, after + HOUR, scope="bank")]

    assert [] == events(stage.take(observed(sorted(both, key=lambda t: t.time))))


def test_a_service_that_stays_away_after_a_pause_is_told() -> None:
    """The pause of everything only postpones: a service that does not come back with the others is silent."""
    stage = living(scopes=("shop", "bank"))
    news = stage.take(observed(traffic(9 * HOUR, 9.5 * HOUR, scope="bank")))

    assert ("opened", "shop is silent") in events(news)
