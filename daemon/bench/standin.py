"""An engine without a model, so that what is measured is everything else: a text's vector is a hash of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from daemon.core.types import Vector


class StandIn:
    """Implements `ports.Engine`: equal texts have equal vectors, and texts that share lines are near each other."""

    model = "bench-stand-in"
    max_tokens = 32_000

    def __init__(self, dimensions: int = 384) -> None:
        self.dimensions = dimensions

    async def start(self) -> None:
        """Nothing needs loading."""

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return an estimate of a tokenizer's counts."""
        return np.array([len(line) // 4 + 1 for line in lines], dtype=np.int32)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row per text."""
        return np.array([self.vector(text) for text in texts], dtype=np.float32).reshape(-1, self.dimensions)

    def vector(self, text: str) -> Vector:
        """Return the row of one text."""
        total = np.zeros(self.dimensions)
        for line in text.splitlines() or [""]:
            seed = int.from_bytes(blake2b(line.encode(errors="surrogatepass"), digest_size=8).digest())
            total += np.random.default_rng(seed).standard_normal(self.dimensions)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)

    def check(self) -> None:
        """Never dead."""

    async def close(self) -> None:
        """Nothing needs freeing."""
