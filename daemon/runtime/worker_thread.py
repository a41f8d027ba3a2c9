"""The one thread that owns the detector and all processors: CPU-heavy work runs there, so nothing needs a lock.

Calls run one after the other, in order. The event loop only waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import ParamSpec, TypeVar

from daemon.runtime.stalls import Delay, StallCause

P = ParamSpec("P")
T = TypeVar("T")


class WorkerThread:
    """A thread to call functions in."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._running: tuple[float, str] | None = None
        """When the call that runs now began, by the monotonic clock, and its name."""

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in the thread and return its result; cancelling the caller does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: self._run(function, args, kwargs)
        )

    def delays(self, now: float) -> Iterator[Delay]:
        """Yield the call that runs now."""
        if (running := self._running) is not None:
            began, name = running
            yield Delay(StallCause.DETECTOR, now - began, f"the detector's thread has not returned from {name}")

    def close(self) -> None:
        """Drop the calls that wait; the one that runs ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _run(self, function: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        self._running = monotonic(), getattr(function, "__qualname__", type(function).__name__)
        try:
            return function(*args, **kwargs)
        finally:
            self._running = None
