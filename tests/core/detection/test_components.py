"""What components give to the score."""

from __future__ import annotations

import math

import numpy as np
import pytest

from daemon.core.calibration import Floats
from daemon.core.detection.components import COMPONENTS, NAMES, combine, failure_nats


def ranks(**named: float) -> Floats:
    """Return a rank for each component, by name; a half where none is given."""
    return np.array([named.get(name, 0.5) for name in NAMES])


def test_components_have_different_names() -> None:
    """A name is a key of a verdict's parts, so no two components share one; "rank" is the score's own."""
    assert len({*NAMES, "rank"}) == len(COMPONENTS) + 1


def test_a_rare_failure_weighs_more_than_novelty() -> None:
    """From a rank of a half on, failure counts three ranks, both measures of novelty together two."""
    at_rest = combine(ranks(), ranks())
    novel = combine(ranks(dtm=0.1, ctx=0.1), ranks()) - at_rest
    failing = combine(ranks(), ranks(sev=0.1)) - at_rest
    assert 1.5 * novel == pytest.approx(failing, rel=0.03)


def test_a_common_failure_says_little() -> None:
    """Between what half of the sessions reach and what all of them do lies a single rank."""
    assert failure_nats(0.5) - failure_nats(1.0) == pytest.approx(math.log(2))


def test_the_newest_are_hardly_told_apart() -> None:
    """Ranks of novelty far below one in two hundred are worth about the same."""
    rows = [ranks(dtm=rank, ctx=rank) for rank in (1e-1, 1e-3, 1e-8)]
    scores = [combine(row, row) for row in rows]
    assert scores[0] + 2.0 < scores[1] < scores[2] < scores[1] + 0.5
