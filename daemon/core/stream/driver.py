"""Drives a stream with one engine, one step after the other: for files, tests and benchmarks.

The daemon does not wait for the engine like this: a partition embeds in the background while it reads on
(`daemon.runtime.partition`). Verdicts are the same either way, because sessions are judged in the order they close.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.core.stream.chain import Stream
from daemon.core.types import Verdict

Embed = Callable[[Sequence[str]], Awaitable[NDArray[np.float32]]]
"""Returns one unit vector for each text, shape (len(texts), dimensions): `ports.Engine.embed`."""


async def drive(stream: Stream, embed: Embed, at_once: int = 256) -> AsyncIterator[Verdict]:
    """Judge every closed session of `stream`, and yield the verdicts in order.

    Patterns without a vector are embedded `at_once` at a time. Raises what `embed` raises.
    """
    while True:
        patterns = stream.missing(at_once)
        if patterns:
            vectors = await embed([pattern.text for pattern in patterns])
            stream.supply({pattern.id: vector for pattern, vector in zip(patterns, vectors, strict=True)})
        for verdict in stream.judge():
            yield verdict
        if not patterns:
            return
