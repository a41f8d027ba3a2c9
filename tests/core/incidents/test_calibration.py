"""Streams in which nothing ever changes: stated periods hold, and ceilings too, whatever the law of their novelty."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from benchmarks.calibration import KINDS, LAWS, TIMES, Law, allowed, most_blocks, stated
from benchmarks.words import new_words
from daemon.core.incidents import TOLD, IncidentStage
from tests.core.incidents.scenes import HOUR, SETTINGS, observed, sighting, traffic

DAY = 24 * HOUR


def zipf(rng: random.Random) -> int:
    return int(rng.random() ** (-1 / 0.7))


def uniform(rng: random.Random) -> int:
    return rng.randrange(400)


def always_new(rng: random.Random) -> int:
    return rng.randrange(10**9)


@pytest.mark.parametrize("law", [zipf, uniform, always_new])
@pytest.mark.parametrize("per_burst", [1, 5])
def test_no_day_of_a_stream_that_never_changes_is_over_its_ceiling(
    law: Callable[[random.Random], int], per_burst: int
) -> None:
    """New failures are drawn all day, alone or five at a time: no 24 hours hold more than the total."""
    rng = random.Random(per_burst)
    stage = IncidentStage(replace(SETTINGS, total=6.0))
    told: list[float] = []
    at = 2 * HOUR
    stage.take(observed(traffic(0, at, each=60.0)))
    while at < 3 * DAY:
        after = at + rng.expovariate(1 / (900.0 * per_burst))
        lines = [sighting(after + n / 10, f"ERROR {new_words(law(rng))}", key=f"k{after}{n}") for n in range(per_burst)]
        news = stage.take(observed(traffic(at, after, each=60.0), lines))
        told += [one.at for one in news if one.event in TOLD]
        at = after

    assert told
    assert max(sum(end - DAY < time <= end for time in told) for end in told) <= 6


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_what_is_said_to_be_rare_is_as_rare(law: Law) -> None:
    """In three days after the first, no kind of clue that is said to come once in a time comes more often than that."""
    statements = stated(law, days=4, seed=7)

    for kind, least in product(KINDS, TIMES):
        may = allowed(4, 1, least)
        assert most_blocks([statements], kind, least) <= may + 2 * math.sqrt(may)
