"""How far the baseline is restored, as a replica that starts tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

import pytest

from daemon.core.detection import Detector, DetectorSettings
from daemon.core.types import Update
from daemon.ports import Broker
from daemon.runtime import baseline_follower
from daemon.runtime.baseline_follower import Follower
from daemon.runtime.worker_thread import WorkerThread


class Topic:
    """A baseline topic of two partitions that is read step by step, as far as the test lets it."""

    def __init__(self) -> None:
        self.steps = asyncio.Queue[Mapping[int, int]]()

    async def stable_ends(self, topic: str) -> Mapping[int, int]:
        return {0: 150, 1: 50}

    async def follow(self, topic: str) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        while True:
            yield [], await self.steps.get()


async def until(expected: float, follower: Follower) -> None:
    while follower.progress != pytest.approx(expected):  # noqa: ASYNC110  # nothing tells when it moves
        await asyncio.sleep(0.001)


async def test_progress_is_the_share_of_the_topic_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts from where the topic began to where it ended, goes from 0 to 1, and ends the wait."""
    monkeypatch.setattr(baseline_follower, "REPORT_EVERY", 0.01)
    topic, thread = Topic(), WorkerThread()
    follower = Follower(cast("Broker", topic), "baseline", Detector(DetectorSettings(), "model", 8), thread)
    running, restored = asyncio.create_task(follower.run()), asyncio.create_task(follower.restored())
    try:
        assert follower.progress == 0.0
        for read, share in (({0: 50, 1: 0}, 0.0), ({0: 100, 1: 25}, 0.5), ({0: 150, 1: 40}, 14 / 15)):
            topic.steps.put_nowait(read)
            await asyncio.wait_for(until(share, follower), 10)
            await asyncio.sleep(0.03)
            assert not restored.done()
        topic.steps.put_nowait({0: 160, 1: 50})
        await asyncio.wait_for(restored, 10)
        assert follower.progress == 1.0
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        thread.close()
