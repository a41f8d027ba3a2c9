"""The trivial scores against naive versions that recount the window each time."""

from __future__ import annotations

from collections import Counter
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.backtest.trivial import NAMES, RecentPatterns, level, trivial
from daemon.core.types import Pattern

BAGS = st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), min_size=1), max_size=30)


def pattern(bag: dict[str, int], scope: str = "s") -> Pattern:
    lines = tuple(sorted(bag.items()))
    return Pattern(f"{scope}{lines}", scope, lines)


def naive(bag: dict[str, int], before: list[dict[str, int]]) -> tuple[float, ...]:
    def rarity(count: int) -> float:
        return -log((count + 0.5) / (len(before) + 1))

    lines = Counter(line for other in before for line in other)
    return (
        rarity(sum(other == bag for other in before)),
        rarity(sum(set(other) == set(bag) for other in before)),
        rarity(min(lines[line] for line in bag)),
        float(max(bag.values())),
        0.0,
        float(sum(bag.values())),
    )


@given(BAGS)
def test_scores_equal_a_recount(bags: list[dict[str, int]]) -> None:
    """Every trivial score equals what recounting the last sessions gives, also after old ones have left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("daemon.backtest.trivial.WINDOW", 6)
        window = RecentPatterns()
        for place, bag in enumerate(bags):
            assert naive(bag, bags[max(0, place - 6) : place]) == pytest.approx(window.scores(pattern(bag)))
            window.add(pattern(bag))


def test_a_window_forgets_what_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many patterns come, a window holds those of its last sessions only."""
    monkeypatch.setattr("daemon.backtest.trivial.WINDOW", 3)
    window = RecentPatterns()
    for number in range(100):
        window.add(pattern({f"line {number}": 1}))
    assert (3, 3, 3, 3) == (len(window), len(window._bags), len(window._lines), len(window._known))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FATAL ciod failed", 4),
        ("error reading <PATH>", 3),
        ("<TIME> [main] WARN low disk", 2),
        ("info: started", 1),
        ("nothing to see, no errors", 0),
        ("", 0),
    ],
)
def test_the_level_a_line_states(line: str, expected: int) -> None:
    """A level is a line's first word, or a word in capitals anywhere."""
    assert expected == level(line)


def test_scopes_do_not_mix() -> None:
    """What one scope has seen is new in another."""
    scores = trivial()
    for _ in range(5):
        scores.judge(pattern({"a": 1}, "one"), live=False, learn=True)
    known, new = (scores.judge(pattern({"a": 1}, scope), live=True, learn=False) for scope in ("one", "two"))
    place = NAMES.index("count bag")
    assert known[place][0] == pytest.approx(-log(5.5 / 6))
    assert new[place][0] == pytest.approx(-log(0.5 / 1))


def test_nothing_is_returned_before_the_session_counts() -> None:
    """Warm-up sessions are learned, not scored."""
    assert () == trivial().judge(pattern({"a": 1}), live=False, learn=True)
