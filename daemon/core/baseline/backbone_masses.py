"""The mass of each backbone: how many sessions there are with the same common lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class BackboneMasses:
    """Sums of the masses of patterns, by backbone."""

    def __init__(self) -> None:
        self._masses: dict[int, float] = {}

    def of(self, backbone: np.uint64) -> float:
        """Return the mass of the patterns that have this backbone."""
        return max(self._masses.get(int(backbone), 0.0), 0.0)

    def add(self, backbone: int, change: float) -> None:
        """Change the mass of a backbone."""
        self._masses[backbone] = self._masses.get(backbone, 0.0) + change

    def recount(self, backbones: NDArray[np.uint64], masses: NDArray[np.float64]) -> None:
        """Sum all masses again, from the backbone and the mass of each pattern."""
        counting = np.flatnonzero(masses)
        different, places = np.unique(backbones[counting], return_inverse=True)
        sums = np.bincount(places, masses[counting], len(different))
        self._masses = dict(zip(different.tolist(), sums.tolist(), strict=True))

    def memory(self) -> int:
        """Return an estimate of the bytes held."""
        return 100 * len(self._masses)
