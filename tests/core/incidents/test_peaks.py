"""A count leaks, and its peaks say how rare a higher one is."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.incidents.peaks import Peak

DAY = 86_400.0


@given(st.lists(st.floats(0.0, 500.0), min_size=1, max_size=40), st.sampled_from((10.0, 60.0)))
def test_the_count_is_what_has_not_leaked(times: list[float], tau: float) -> None:
    """Equal to summing the decayed sightings by hand, for times in order."""
    peak, ordered = Peak(), sorted(times)
    counts = [peak.add(time, tau, DAY) for time in ordered]

    expected = sum(math.exp((time - ordered[-1]) / tau) for time in ordered)
    assert math.isclose(expected, counts[-1], rel_tol=1e-9)


def test_what_comes_too_late_for_a_scale_is_left_out() -> None:
    """A sighting older than the scale remembers does not raise the count of now."""
    peak = Peak()
    peak.add(1000.0, 10.0, DAY)

    assert 1.0 == peak.add(900.0, 10.0, DAY)


def test_a_peak_far_above_all_others_is_rare() -> None:
    """The period grows with the peak, and steady traffic alone never makes a rare one."""
    rng = random.Random(1)
    peak, time, usual = Peak(), 0.0, []
    while time < DAY:
        time += rng.expovariate(1 / 60)
        peak.add(time, 60.0, 3.5 * DAY)
        usual.append(peak.period(max(time, 1.0), 1.0))
    for n in range(60):
        peak.add(time + n, 60.0, 3.5 * DAY)

    assert max(usual[len(usual) // 2 :]) < DAY
    assert peak.period(DAY, 1.0) > 1000 * DAY


def test_old_peaks_lose_their_weight() -> None:
    """After a whole window without any, a former peak is forgotten."""
    peak = Peak()
    for n in range(50):
        peak.add(float(n), 10.0, DAY)
    for n in range(1, 10):
        peak.add(n * DAY, 10.0, DAY)

    assert peak.highest < 2.0
