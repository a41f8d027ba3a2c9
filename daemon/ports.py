"""What the pipeline needs of the outside, as protocols; adapters implement them and fakes stand in for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """Turns texts into unit vectors. One instance a process."""

    @property
    def model(self) -> str:
        """Names the vectors: equal names mean comparable vectors (``all-MiniLM-L6-v2:384``)."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a vector. Known once started."""
        ...

    @property
    def max_tokens(self) -> int:
        """Longest text the model reads; longer ones are cut, with a mark. Known once started."""
        ...

    async def start(self) -> None:
        """Load the model. Raises EngineError or UnavailableError with what to do."""
        ...

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of tokens of each line and its newline. Thread-safe, no I/O; called once a distinct line."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row a text, shape (len(texts), dimensions).

        Concurrent calls share the engine's batches. Raises EngineError when the engine is dead (final), and
        UnavailableError when a remote server stays away (the caller may try again).
        """
        ...

    def check(self) -> None:
        """Raise EngineError when the engine is dead; cheap, for health probes."""
        ...

    async def close(self) -> None:
        """Free the engine; what is under way is abandoned."""
        ...
