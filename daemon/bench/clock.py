"""CPU seconds by stage."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Adds up the CPU seconds of this process, all threads, by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the CPU seconds of the block."""
        begin = time.process_time()
        try:
            yield
        finally:
            self.spent[name] += time.process_time() - begin
