"""The rolling window: weights that are replaced many at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.baseline import Weight
from daemon.core.baseline.window import Window
from daemon.core.types import TopicPartition

SOURCES = [TopicPartition("logs", 0), TopicPartition("logs", 1), TopicPartition("more", 0)]
PATTERNS = 12
WEIGHTS = st.builds(Weight, st.dictionaries(st.integers(0, 6), st.integers(1, 9), max_size=4), st.integers(0, 9))
RECORDS = st.lists(
    st.tuples(st.integers(0, PATTERNS - 1), st.sampled_from(SOURCES), st.none() | WEIGHTS), min_size=0, max_size=40
)


Record = tuple[int, TopicPartition, Weight | None]


@given(st.lists(RECORDS, max_size=4))
def test_weights_replaced_at_once_are_those_replaced_one_by_one(batches: list[list[Record]]) -> None:
    """However records are cut into calls, the last one of each pattern and input partition holds."""
    window, single, expected = Window(1), Window(1), dict[tuple[int, TopicPartition], Weight]()
    for batch in batches:
        window.replace_many(batch)
        for pattern, source, weight in batch:
            single.replace_many([(pattern, source, weight)])
            expected[pattern, source] = weight or Weight()

    for pattern in range(PATTERNS):
        for source in SOURCES:
            wanted = expected.get((pattern, source), Weight())
            assert (wanted if wanted.buckets else None) == window.weight(pattern, source)
            assert window.weight(pattern, source) == single.weight(pattern, source)
    sessions = [0] * PATTERNS
    for (pattern, _), weight in expected.items():
        sessions[pattern] += sum(weight.buckets.values())
    assert sessions == window.sessions_of(np.arange(PATTERNS)).tolist() == window.all_sessions(PATTERNS).tolist()
    assert sessions == [window.sessions(pattern) for pattern in range(PATTERNS)]
    assert single.reached() == window.reached()
