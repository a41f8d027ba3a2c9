"""What a component of the score is.

A component measures one thing of a session, in a unit of its own. It states among which recent sessions its value is
ranked, and how many nats that rank adds to the score. Evidence is computed for alerts only, so a measure carries a
function that makes it. To add a component, write its class and add one entry to `components.COMPONENTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from daemon.core.calibration import Recent
from daemon.core.detection.scope import ScopeView
from daemon.core.types import Evidence


def no_evidence(recent: Recent) -> list[Evidence]:  # noqa: ARG001 - as a measure's evidence is called
    """Return nothing: the component has no evidence on single lines."""
    return []


class Measure(NamedTuple):
    """A component's value for one session, larger when stranger, and the function that names the lines behind it.

    `evidence` is given the recent sessions that the value was ranked among. `similarity` is the cosine to the nearest
    pattern that counts, from the component that looks for it.
    """

    value: float
    evidence: Callable[[Recent], list[Evidence]] = no_evidence
    similarity: float | None = None


class Component(Protocol):
    """One component of the score."""

    @property
    def name(self) -> str:
        """Its key in the parts of a verdict and in the stored rings."""

    @property
    def among_similar(self) -> bool:
        """Whether its value is ranked among similar sessions; otherwise among all."""

    def nats(self, rank: float) -> float:
        """Return what a rank of its value, in (0, 1), adds to the score: its weight in the combination."""

    def measure(self, view: ScopeView) -> Measure:
        """Return how strange the session of `view` is."""
