"""A restart from the snapshot of the baselines: the same state as from the topic, or the topic."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.adapters.snapshot_file import PartialSnapshot, SnapshotFile
from daemon.core.detection import Detector, DetectorSettings
from daemon.core.types import TopicPartition
from daemon.metrics import Metrics
from daemon.runtime import BaselineSnapshots, Follower, SnapshotTerms, WorkerThread
from tests.support.fake_broker import FakeBroker, FakeCluster
from tests.support.fakes import FakeEngine
from tests.support.replica import TOPICS, Replica, replica, until

SETTINGS = DetectorSettings(warm_up=0)
LINES = 300


class Restart:
    """What a replica that starts has before it joins the group."""

    def __init__(self, cluster: FakeCluster, path: Path, settings: DetectorSettings, version: str) -> None:
        engine, broker = FakeEngine(), FakeBroker(cluster)
        self.thread = WorkerThread()
        self.detector = Detector(settings, engine.model, engine.dimensions)
        self.follower = Follower(broker, "baseline", self.detector, self.thread)
        terms, store = SnapshotTerms("baseline", version, 0.01), SnapshotFile(path, 1 << 30)
        metrics = self.metrics = Metrics(CollectorRegistry())
        self.snapshots = BaselineSnapshots(terms, store, broker, self.detector, self.thread, self.follower, metrics)
        self.begun: dict[int, int] = {}

    def count(self, result: str) -> float:
        """Return how many snapshots had this result."""
        return self.metrics.registry.get_sample_value("strayline_baseline_snapshots_total", {"result": result}) or 0.0

    def state(self) -> list[tuple[bytes, bytes | None]]:
        return [(update.key, update.value) for update in self.detector.dump()]


@asynccontextmanager
async def restart(
    cluster: FakeCluster, path: Path, settings: DetectorSettings = SETTINGS, version: str = "1"
) -> AsyncIterator[Restart]:
    """Restore from the snapshot at `path`, where it serves, and then from the topic."""
    made = Restart(cluster, path, settings, version)
    made.begun = dict(await made.snapshots.load())
    made.follower.begin_at(made.begun)
    running = asyncio.create_task(made.follower.run())
    try:
        await asyncio.wait_for(made.follower.restored(), 30)
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        made.thread.close()


def feed(cluster: FakeCluster, count: int, start: int = 0) -> None:
    """Append lines of interleaved keys and three services to one partition."""
    texts = ("started", "read file", "wrote file", "ERROR disk full", "ended")
    for number in range(start, start + count):
        message = f"worker {number % 5} {texts[number * 7919 % 13 % 5]}"
        key, scope = f"k{number // 7 % 9}", f"s{number // 7 % 3}"
        cluster.append(
            "logs", orjson.dumps({"time": 1_700_000_000 + number, "scope": scope, "key": key, "message": message})
        )


def verdicts(cluster: FakeCluster) -> list[dict[str, object]]:
    """Return the verdicts as far as the records decide them; see test_same_verdicts."""
    read = [orjson.loads(written.value or b"") for written in cluster.values("verdicts")]
    return [{**one, "closed_by": one["closed_by"].replace("flush", "idle").replace("idle", "end")} for one in read]


async def quiet(cluster: FakeCluster, member: Replica) -> None:
    """Wait until all that was fed is judged and committed."""
    end = cluster.logs[TopicPartition("logs", 0)].end

    def done() -> bool:
        return cluster.group.get(TopicPartition("logs", 0)) == end

    await until(done)
    assert member.pipeline.partitions


async def judge(path: Path) -> FakeCluster:
    """Return a cluster in which a replica has judged lines, and has written a snapshot in the middle of its work."""
    cluster = FakeCluster(TOPICS | {"logs": 1})
    feed(cluster, LINES)
    async with replica(cluster, snapshot=path) as member:
        await until(lambda: len(cluster.values("verdicts")) > 20)
        await member.snapshots.write()
        feed(cluster, LINES, LINES)
        await quiet(cluster, member)
    return cluster


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeCluster, bytes]:
    """A cluster with a history, and a snapshot of its middle."""
    path = tmp_path_factory.mktemp("past") / "snapshot"
    return asyncio.run(judge(path)), path.read_bytes()


@pytest.fixture
def cluster(past: tuple[FakeCluster, bytes]) -> FakeCluster:
    return copy.deepcopy(past[0])


@pytest.fixture
def path(past: tuple[FakeCluster, bytes], tmp_path: Path) -> Path:
    """The snapshot's file."""
    path = tmp_path / "snapshot"
    put(path, past[1])
    return path


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def test_verdicts_after_a_restart_are_the_same(cluster: FakeCluster, path: Path, tmp_path: Path) -> None:
    """Whether it was from the snapshot or from the topic: equal in all that they say, and in their order."""
    feed(cluster, LINES, 2 * LINES)
    judged = []
    for snapshot in (path, tmp_path / "none"):
        again = copy.deepcopy(cluster)
        async with replica(again, snapshot=snapshot) as member:
            await quiet(again, member)
            loaded = member.metrics.registry.get_sample_value(
                "strayline_baseline_snapshots_total", {"result": "loaded"}
            )
            assert (1.0 if snapshot == path else None) == loaded
        judged.append(verdicts(again))
    assert len(judged[0]) > 3 * LINES // 7 - 30
    assert judged[0] == judged[1]


async def test_a_restart_from_the_snapshot_is_one_from_the_topic(
    cluster: FakeCluster, path: Path, tmp_path: Path
) -> None:
    """State is equal byte for byte, although the snapshot was written in the middle of uncommitted work."""
    async with restart(cluster, tmp_path / "none") as plain, restart(cluster, path) as quick:
        assert not plain.begun
        assert any(quick.begun.values())
        assert plain.state() == quick.state()
        assert len(plain.state()) > 50


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
        lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
        lambda content: content.replace(b"strayline snapshot 1", b"strayline snapshot 2", 1),
        lambda content: content + content[:500],
        lambda content: content[:21],
        lambda _: b"",
        lambda _: b"hello\n" * 100,
    ],
    ids=["half", "cut", "damaged", "head", "older", "more", "head only", "empty", "foreign"],
)
async def test_a_snapshot_that_is_not_whole_is_not_used(
    cluster: FakeCluster, past: tuple[FakeCluster, bytes], path: Path, harm: Callable[[bytes], bytes]
) -> None:
    """It is a line of the log, and the topic is read from its beginning."""
    put(path, harm(past[1]))
    with capture_logs() as logs:
        async with restart(cluster, path) as made, restart(cluster, path.with_name("none")) as plain:
            assert not made.begun
            assert plain.state() == made.state()
    assert ["snapshot_not_used"] == [line["event"] for line in logs if line["event"].startswith("snapshot")]


async def test_a_snapshot_of_something_else_is_not_used(
    cluster: FakeCluster, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of another topic under the name, release or configuration, and not an old one, or one that is ahead."""
    async with restart(cluster, path, version="2") as made:
        assert not made.begun
    async with restart(cluster, path, DetectorSettings(warm_up=0, mass=0.1)) as made:
        assert not made.begun
    other = copy.deepcopy(cluster)
    other.topic_ids["baseline"] = "made again"
    async with restart(other, path) as made:
        assert not made.begun
    other.topic_ids["baseline"] = None
    async with restart(other, path) as made:
        assert not made.begun
    kept, first = copy.deepcopy(cluster), TopicPartition("baseline", 0)
    kept.logs[first].delete(kept.logs[first].end - 1)
    async with restart(kept, path) as made:
        assert not made.begun
    fewer = copy.deepcopy(cluster)
    del fewer.logs[first].records[1:]
    async with restart(fewer, path) as made:
        assert not made.begun
    now = time.time()
    monkeypatch.setattr("daemon.runtime.baseline_snapshots.time", lambda: now + 13 * 3600)
    async with restart(cluster, path) as made:
        assert not made.begun
    monkeypatch.undo()
    async with restart(cluster, path) as made:
        assert made.begun


async def test_snapshots_are_written_now_and_then(cluster: FakeCluster, tmp_path: Path) -> None:
    """Each replaces the one before; a disk that refuses is told, and nothing of it stays behind."""
    path = tmp_path / "folder" / "snapshot"
    async with restart(cluster, path) as made:
        writing = asyncio.create_task(made.snapshots.run())

        async def counted(result: str, times: int) -> None:
            """Wait until so many snapshots ended so, or raise what ended the writing."""
            await until(lambda: writing.done() or made.count(result) >= times)
            if writing.done():
                writing.result()

        await counted("written", 2)
        made.snapshots._store = SnapshotFile(path, 1000)  # smaller than any
        await counted("failed", 1)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        expected = made.state()
    assert [path] == list(path.parent.iterdir())
    assert 0o600 == path.stat().st_mode & 0o777
    async with restart(cluster, path) as made:
        assert made.begun
        assert expected == made.state()


class SlowDisk(SnapshotFile):
    """A file in a folder that is not made before `go`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 1 << 30)
        self.begun, self.go = threading.Event(), threading.Event()

    def writer(self) -> PartialSnapshot:
        """Return a writer that begins when it may."""
        writer = super().writer()
        begin = writer.begin

        def slowly(head: Mapping[str, object]) -> None:
            self.begun.set()
            assert self.go.wait(30)
            begin(head)

        writer.begin = slowly  # type: ignore[method-assign]
        return writer


async def test_who_stops_while_the_disk_is_slow_leaves_nothing(cluster: FakeCluster, tmp_path: Path) -> None:
    """What the thread still makes after that is closed and removed."""
    path = tmp_path / "folder" / "snapshot"
    async with restart(cluster, path) as made:
        made.snapshots._store = disk = SlowDisk(path)
        writing = asyncio.create_task(made.snapshots.write())
        await until(disk.begun.is_set)
        writing.cancel()
        asyncio.get_running_loop().call_later(0.05, disk.go.set)
        assert isinstance((await asyncio.gather(writing, return_exceptions=True))[0], asyncio.CancelledError)
    assert not list(path.parent.iterdir())
