"""The one thread that owns the detector and all processors: CPU-heavy work runs there, so nothing needs a lock.

Calls run one after the other, in order. The event loop only waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class WorkerThread:
    """A thread to call functions in."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="detector")

    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in the thread and return its result; cancelling the caller does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Drop the calls that wait; the one that runs ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)
