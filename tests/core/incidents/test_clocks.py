"""Stream times of partitions, and pauses of all that a partition carries."""

from __future__ import annotations

from daemon.core.incidents.clocks import PAUSE, Clocks


def test_time_never_goes_back_and_the_furthest_partition_is_now() -> None:
    """A line that comes late moves nothing; sources that were not heard of have reached nothing."""
    clocks = Clocks()
    clocks.advance("logs/0", 100.0)
    clocks.advance("logs/1", 90.0)
    clocks.advance("logs/0", 80.0)
    assert (100.0, 90.0, 100.0) == (clocks.now, clocks.reached(["logs/0", "logs/1"]), clocks.reached(["logs/0"]))
    assert clocks.reached(["logs/0", "logs/2"]) < 0.0


def test_a_partition_that_paused_went_on_when_its_next_line_came() -> None:
    """Only a pause longer than PAUSE is one, and each partition has its own."""
    clocks = Clocks()
    for source, time in (("logs/0", 0.0), ("logs/1", 0.0), ("logs/0", PAUSE), ("logs/1", PAUSE + 1.0)):
        clocks.advance(source, time)
    assert clocks.went_on(["logs/0"]) < 0.0
    assert PAUSE + 1.0 == clocks.went_on(["logs/0", "logs/1"])
