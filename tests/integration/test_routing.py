"""Alerts sent on as docs/alerts.md says, from a real Kafka: the small consumer, and a Kafka Connect worker."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from daemon.core.incidents import News
from daemon.core.types import OutRecord
from demo.kafka.java import CACHE
from demo.kafka.nodes import HEAP, JVM, VERSION
from tests.conftest import lacking
from tests.support.brokers import Topics, unique
from tests.support.news import news_of, publish

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def published() -> list[OutRecord]:
    """Return an incident as the alerts topic has it: opened, updated, and resolved."""
    opened, closed = news_of(closed=False), news_of()
    news = [opened, News("updated", closed.incident, 2, closed.at), News("resolved", closed.incident, 3, closed.at)]
    return [publish(one).record for one in news]


async def write(servers: str, topic: str, records: Sequence[OutRecord], *, commit: bool = True) -> None:
    """Write records in one transaction, which is aborted unless it is to be committed."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=unique("test"))
    await producer.start()
    await producer.begin_transaction()
    for record in records:
        await producer.send_and_wait(topic, record.value, key=record.key, headers=list(record.headers))
    await (producer.commit_transaction() if commit else producer.abort_transaction())
    await producer.stop()


@pytest.fixture
async def alerts(topics: Topics) -> str:
    """Return a topic with the alerts of an aborted transaction, those of a committed one, and a foreign message."""
    topic = await topics.make("alerts")
    await write(topics.bootstrap_servers, topic, published()[:1], commit=False)
    await write(topics.bootstrap_servers, topic, published())
    await write(topics.bootstrap_servers, topic, [OutRecord("alerts", b"x", b'{"not": "ours"}')])
    return topic


class Receiver:
    """An HTTP server that keeps what is posted to it; it refuses the first `refusals` posts."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.posts: list[tuple[str, Any]] = []
        self.news = asyncio.Condition()

    async def post(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=503)
        async with self.news:
            self.posts.append((request.path, body))
            self.news.notify_all()
        return web.Response()

    async def got(self, count: int) -> list[tuple[str, Any]]:
        """Return the posts once there are so many."""
        async with asyncio.timeout(60), self.news:
            await self.news.wait_for(lambda: len(self.posts) >= count)
        return self.posts


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.post)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def from_the_beginning(servers: str, topic: str, group: str) -> None:
    """Let a group begin at the topic's first message, as if it had committed there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.commit({TopicPartition(topic, 0): 0})
    await consumer.stop()


def router(servers: str, topic: str, to: str, url: str, log: Path) -> subprocess.Popen[bytes]:
    words = [str(EXAMPLES / "route_alerts.py"), "--kafka", servers, "--topic", topic, "--to", to, "--url", url]
    with log.open("ab") as stderr:
        return subprocess.Popen(
            [sys.executable, *words], stderr=stderr, env={**os.environ, "PAGERDUTY_ROUTING_KEY": "key"}
        )


@pytest.mark.parametrize("to", ["alertmanager", "slack", "pagerduty"])
async def test_the_small_consumer_sends_an_incident_on(topics: Topics, alerts: str, tmp_path: Path, to: str) -> None:
    """One notification when it opens and one when it is over; none of what was aborted, only adds, or is not ours."""
    receiver = Receiver()
    await from_the_beginning(topics.bootstrap_servers, alerts, f"alerts-to-{to}")
    async with serving(receiver) as url:
        process = router(topics.bootstrap_servers, alerts, to, url, tmp_path / "log")
        try:
            posts = await receiver.got(2)
        finally:
            process.send_signal(signal.SIGINT)
            await asyncio.to_thread(process.wait, 30)

    assert 2 == len(posts)
    assert {"/api/v2/alerts" if to == "alertmanager" else "/"} == {path for path, _ in posts}
    (_, opened), (_, over) = posts
    incident: Callable[[Any], object] = {
        "alertmanager": lambda body: body[0]["labels"]["incident"],
        "slack": lambda body: "payments" in body["text"],
        "pagerduty": lambda body: body["dedup_key"],
    }[to]
    assert incident(opened) == incident(over)
    assert opened != over


async def test_the_small_consumer_goes_on_where_it_was_refused(topics: Topics, alerts: str, tmp_path: Path) -> None:
    """A refused notification ends it with an error; started again it sends that one first, so none is lost."""
    receiver = Receiver(refusals=1)
    await from_the_beginning(topics.bootstrap_servers, alerts, "alerts-to-slack")
    async with serving(receiver) as url:
        first = router(topics.bootstrap_servers, alerts, "slack", url, tmp_path / "log")
        assert 0 != await asyncio.to_thread(first.wait, 60)
        assert [] == receiver.posts
        second = router(topics.bootstrap_servers, alerts, "slack", url, tmp_path / "log")
        try:
            posts = await receiver.got(2)
        finally:
            second.send_signal(signal.SIGINT)
            await asyncio.to_thread(second.wait, 30)

    assert ["strayline label" in body["text"] for _, body in posts] == [True, False]


def connect_jars() -> Path:
    """Return the folder with a worker's jars, fetched with Maven the first time."""
    if shutil.which("mvn") is None or shutil.which("java") is None:
        lacking("no Maven or no Java for a Kafka Connect worker")
    folder = CACHE / f"connect-{VERSION}"
    CACHE.mkdir(exist_ok=True)
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as new:
            command = ["mvn", "-q", "-B", "-f", str(ROOT / "tests" / "connect" / "pom.xml")]
            options = ["-DincludeScope=runtime", f"-DoutputDirectory={new}/libs"]
            done = subprocess.run(
                [*command, "dependency:copy-dependencies", *options], capture_output=True, text=True, check=False
            )
            if done.returncode:
                lacking(f"Maven could not fetch Kafka Connect's jars: {done.stdout[-500:]}")
            (Path(new) / "libs").rename(folder)
    return folder


def rewritten(example: str, folder: Path, **settings: str) -> Path:
    """Write an example's properties with some of them changed; return the file."""
    lines = (EXAMPLES / "connect" / example).read_text().splitlines()
    given = {name.replace("_", "."): value for name, value in settings.items()}
    names = {line.partition("=")[0] for line in lines}
    assert given.keys() - {"listeners"} <= names
    kept = [line for line in lines if line.partition("=")[0] not in given]
    path = folder / example
    path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in given.items())]))
    return path


async def test_a_connect_worker_reads_the_topic_as_documented(topics: Topics, alerts: str, tmp_path: Path) -> None:
    """With the example's settings a sink gets every committed alert as a document, and nothing else."""
    libs = connect_jars()
    out = tmp_path / "alerts.txt"
    connectors = tmp_path / "connectors" / "file"
    connectors.mkdir(parents=True)
    shutil.copy(next(libs.glob("connect-file-*.jar")), connectors)
    worker = rewritten(
        "worker.properties",
        tmp_path,
        bootstrap_servers=topics.bootstrap_servers,
        offset_storage_file_filename=str(tmp_path / "offsets"),
        plugin_path=str(connectors.parent),
        listeners="http://127.0.0.1:0",
    )
    sink = rewritten("sink.properties", tmp_path, topics=alerts, file=str(out))
    command = ["java", *HEAP, *JVM, "-cp", f"{libs}/*", "org.apache.kafka.connect.cli.ConnectStandalone"]
    with (tmp_path / "connect.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, str(worker), str(sink), stdout=log, stderr=log)
    try:
        async with asyncio.timeout(120):
            while not out.exists() or "status=resolved" not in out.read_text():
                assert process.returncode is None, (tmp_path / "connect.log").read_text()[-3000:]
                await asyncio.sleep(0.2)
    finally:
        process.terminate()
        await process.wait()

    written = out.read_text()
    assert (2, 1, 3) == tuple(written.count(entry) for entry in ("status=firing", "status=resolved", "fingerprint="))
    assert "not=ours" not in written
