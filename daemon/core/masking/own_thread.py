"""A thread of its own for the rules of redaction.

Compiling a rule takes 3 to 30 ms, and polars keeps only the 32 expressions that a thread has used last. Masks and rules
together are more: on one thread they push each other out, and are compiled anew for each batch.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="redaction")


def on_own_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` so that it runs on the thread for redaction, while the caller waits for its result."""

    @wraps(function)
    def waited(*args: P.args, **kwargs: P.kwargs) -> R:
        return _THREAD.submit(function, *args, **kwargs).result()

    return waited
