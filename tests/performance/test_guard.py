"""What the hot path costs, in calls: counts do not depend on how busy a machine is."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType

import pytest

from daemon.bench.standin import StandIn
from daemon.bench.traffic import LogTraffic, TrafficSettings, as_batch
from daemon.config.schema import Config
from daemon.core.stream import Stream
from daemon.core.types import Batch, TopicPartition
from daemon.wiring import make_detector, make_tools

SOURCE = TopicPartition("logs", 0)
START_US = 1_790_000_000_000_000
LINE_US = 30_000
"""Time between two lines, whatever the number of open sessions."""


class Load:
    """A stream that has seen its patterns, and batches to push into it."""

    def __init__(self, open_keys: int = 100, max_patterns: int = 1_000, *, fresh: bool = False) -> None:
        gap = max(1, open_keys // 2) * 20 * LINE_US
        limits = {"gap": f"{gap // 1000}ms", "max_age": f"{gap // 100}ms"}
        config = Config.model_validate({"detector": {"warm_up": 100, "max_patterns": max_patterns}, "sessions": limits})
        self.engine = StandIn(32)
        self.detector = make_detector(config, self.engine)
        self.stream = Stream(SOURCE, make_tools(config, self.engine, self.detector))
        self._rows = LogTraffic(TrafficSettings(gap, open_keys, patterns=20, fresh=fresh), START_US).lines(1 << 40)
        self._offset = 0

    def batch(self, count: int) -> Batch:
        rows = [next(self._rows) for _ in range(count)]
        self._offset += count
        return as_batch(SOURCE, self._offset - count, rows)

    def take_in(self, batch: Batch) -> int:
        """Push, embed and judge; return the number of sessions."""
        self.stream.push(batch)
        self.stream.supply({pattern.id: self.engine.vector(pattern.text) for pattern in self.stream.missing()})
        return sum(1 for _ in self.stream.judge())


def calls(work: Callable[[], object]) -> int:
    """Count the calls of Python and built-in functions that `work` makes."""
    counted = Counter[str]()

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        counted[event] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted["call"] + counted["c_call"]


def warm(open_keys: int = 100) -> Load:
    """Return a load that has judged as many sessions, however many are open."""
    load, judged = Load(open_keys), 0
    while judged < 2_000:
        judged += load.take_in(load.batch(10_000))
    return load


def test_reading_costs_a_fixed_number_of_calls_a_batch_and_few_a_line() -> None:
    """Lines travel as columns: ten times the lines in a batch cost far less than ten times the calls."""
    load = warm()
    one, ten = load.batch(500), load.batch(5_000)
    tools = load.stream._tools
    read = load.stream._origin

    few = calls(lambda: tools.masker.apply(read.parse(one).lines))
    many = calls(lambda: tools.masker.apply(read.parse(ten).lines))

    assert many < 1.5 * few


def test_a_line_of_a_warm_pattern_costs_few_calls() -> None:
    """From bytes to verdicts, sessions of twenty lines: a bound on calls a line, a quarter above what it is now."""
    load = warm()
    batch = load.batch(10_000)

    spent = calls(lambda: load.take_in(batch))

    assert spent / 10_000 < 8.2


def test_a_line_costs_few_calls_before_its_session_is_judged() -> None:
    """From bytes to closed sessions and their patterns: a bound on calls a line, a quarter above what it is now."""
    load = warm()
    batch = load.batch(10_000)

    spent = calls(lambda: load.stream.push(batch))

    assert spent / 10_000 < 2.7


def test_keys_that_return_in_a_batch_cost_few_calls() -> None:
    """Keys whose sessions end and begin anew many times in a batch: a bound on calls a session."""
    load = Load()
    rows = [
        (START_US + 60_000_000 * n, b"", b'{"key": "%d", "message": "job done"}' % (n % 500)) for n in range(10_000)
    ]

    spent = calls(lambda: load.stream.push(as_batch(SOURCE, 0, rows)))

    assert spent / 10_000 < 38


@pytest.mark.parametrize("open_keys", [10, 2_000])
def test_the_cost_of_a_line_does_not_depend_on_how_many_sessions_are_open(open_keys: int) -> None:
    """Calls a line with many open sessions are within a tenth of those with a hundred; chance evens out."""
    usual, other = warm(), warm(open_keys)
    spent = []
    for load in (usual, other):
        batches = [load.batch(10_000) for _ in range(4)]
        spent.append(calls(lambda load=load, batches=batches: list(map(load.take_in, batches))))  # type: ignore[misc]  # mypy loses the defaults

    assert 0.9 < spent[1] / spent[0] < 1.1


def test_what_is_kept_is_bounded_when_everything_is_new() -> None:
    """Ever-new keys, patterns and masked lines: patterns stay within their limit and open sessions do not pile up."""
    load = Load(open_keys=50, max_patterns=100, fresh=True)
    held = []
    for _ in range(6):
        load.take_in(load.batch(2_000))
        held.append((load.stream.open_sessions, load.detector.scopes()[0].patterns, load.detector.scopes()[0].lines))

    assert all(sessions <= 150 and patterns <= 100 for sessions, patterns, _ in held)
    assert held[-1][2] <= 1.5 * held[2][2]
