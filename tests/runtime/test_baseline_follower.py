"""How far the baseline is restored, as a replica that starts tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import cast

import pytest
from structlog.testing import capture_logs

from daemon.core.baseline import Label
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.detection.changelog_codec import dump_label, label_key
from daemon.core.types import LabelVerdict, Update
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

    async def follow(
        self, topic: str, begin: Mapping[int, int] | None = None, partitions: Collection[int] | None = None
    ) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        while True:
            yield [], await self.steps.get()


class Foreign(Topic):
    """A topic whose first read holds records of somebody else between ours."""

    def __init__(self, updates: Sequence[Update]) -> None:
        super().__init__()
        self.updates = updates

    async def follow(
        self, topic: str, begin: Mapping[int, int] | None = None, partitions: Collection[int] | None = None
    ) -> AsyncIterator[tuple[Sequence[Update], Mapping[int, int]]]:
        yield self.updates, {0: len(self.updates), 1: 0}
        await asyncio.Event().wait()


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


async def test_foreign_records_are_passed_over_counted_and_named() -> None:
    """What is not ours is told with its place; what stands around it is taken in."""
    ours = [label_key("shop", f"p{number}") for number in range(5)]
    value = dump_label(Label(LabelVerdict.NORMAL, 1))
    records = [(ours[0], value), (b"hello", b"world"), (ours[1], value), (ours[2], b"{broken"), (ours[3], value)]
    topic = Foreign([Update(key, value, (0, offset)) for offset, (key, value) in enumerate(records)])
    thread, counted, both = WorkerThread(), list[int](), asyncio.Event()

    def count() -> None:
        counted.append(1)
        if len(counted) == 2:
            both.set()

    detector = Detector(DetectorSettings(), "model", 8)
    follower = Follower(cast("Broker", topic), "baseline", detector, thread, count)
    with capture_logs() as logs:
        running = asyncio.create_task(follower.run())
        try:
            await asyncio.wait_for(both.wait(), 10)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            thread.close()

    told = [(line["topic"], line["partition"], line["offset"]) for line in logs if line["event"] == "foreign_record"]
    assert [("baseline", 0, 1), ("baseline", 0, 3)] == told
    assert {"p0", "p1", "p3"} == set(detector.labels("shop"))
    assert "world" not in str(logs)
