"""What components give to the score."""

from __future__ import annotations

import math

import numpy as np
import pytest

from daemon.core.detection.components import COMPONENTS, NAMES, combine, failure_nats


def test_components_have_different_names() -> None:
    """A name is a key of a verdict's parts, so no two components share one; "rank" is the score's own."""
    assert len({*NAMES, "rank"}) == len(COMPONENTS) + 1


def test_a_rare_failure_weighs_more_than_novelty() -> None:
    """From a rank of a half on, failure counts three ranks, both measures of novelty together two."""
    half = np.full(3, 0.5)
    at_rest = combine(half, half)
    novel = combine(np.array([0.1, 0.1, 0.5]), half) - at_rest
    failing = combine(half, np.array([0.5, 0.5, 0.1])) - at_rest
    assert 1.5 * novel == pytest.approx(failing, rel=0.03)


def test_a_common_failure_says_little() -> None:
    """Between what half of the sessions reach and what all of them do lies a single rank."""
    assert failure_nats(0.5) - failure_nats(1.0) == pytest.approx(math.log(2))


def test_the_newest_are_hardly_told_apart() -> None:
    """Ranks of novelty far below one in two hundred are worth about the same."""
    ranks = np.array([[rank, rank, 0.5] for rank in (1e-1, 1e-3, 1e-8)])
    scores = [combine(row, row) for row in ranks]
    assert scores[0] + 2.0 < scores[1] < scores[2] < scores[1] + 0.5
