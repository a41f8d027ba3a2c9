"""A topic of documents on a real Kafka, a daemon that is killed: each document judged once, each odd one told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from subprocess import run
from typing import Any

import numpy as np
import orjson
import pytest
import yaml
import zstandard
from aiokafka import AIOKafkaProducer

from daemon.adapters.document_store import SqliteDocuments
from daemon.adapters.parsing import FileLimits, read_file
from daemon.core.documents import KeptDocument, document_id, split_clauses
from tests.support.brokers import Topics
from tests.support.daemons import STRAYLINE, Daemon
from tests.support.documents import CLAUSES, as_html, write_all, write_docx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
CHANGED = (CLAUSES[0].replace("shall", "may"), *CLAUSES[1:])
SECRET = "tr0ub4dor9horse"  # planted
PARTITIONS = 2


@pytest.fixture
async def daemon(topics: Topics, tmp_path: Path) -> AsyncIterator[Daemon]:
    """Yield a daemon whose base holds the contract, not started."""
    settings = {"engine": {"type": "lite"}, "documents": {"folder": str(tmp_path / "bases")}}
    running = await Daemon.make(topics, tmp_path, PARTITIONS, settings)
    config = yaml.safe_load(running.config.read_text())
    config["input"] = {"topics": [running.logs], "format": "document"}
    running.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    await asyncio.to_thread(make_base, tmp_path)
    try:
        yield running
    finally:
        running.close()


def make_base(folder: Path) -> None:
    """Put the contract into a base, in a thread: reading and writing files blocks."""
    read = read_file(write_docx(folder / "contract.docx"), FileLimits())
    clauses = split_clauses(read.blocks)
    vectors = np.ones((len(clauses), 2), dtype=np.float32)
    document = KeptDocument(document_id(clauses), "contract.docx", read.format, clauses, vectors[0], vectors)
    with closing(SqliteDocuments(folder / "bases")) as store:
        store.put("standards", [document], "other")  # another model's vectors: the daemon makes its own


async def send(daemon: Daemon, documents: list[tuple[str, bytes]]) -> list[tuple[int, int]]:
    """Write documents by name to any partition; return their places."""
    async with AIOKafkaProducer(bootstrap_servers=daemon.servers, max_request_size=16 << 20) as producer:
        sent = [
            await producer.send_and_wait(daemon.logs, value, key=name.encode(), partition=number % PARTITIONS)
            for number, (name, value) in enumerate(documents)
        ]
    return [(record.partition, record.offset) for record in sent]


def place_of(verdict: dict[str, Any]) -> tuple[int, int]:
    [position] = verdict["source"]["positions"]
    return verdict["source"]["partition"], int(position)


async def test_documents_are_judged_once_and_odd_ones_told_although_the_daemon_is_killed(
    daemon: Daemon, tmp_path: Path
) -> None:
    """Every format; a killed daemon judges nothing twice; bad records are dead letters; the case names the words."""
    good = [(path.name, path.read_bytes()) for path in write_all(tmp_path / "files")]
    odd = ("odd.html", as_html((*CHANGED[:4], f"Log in with password={SECRET} at once.")).encode())
    await daemon.start()
    before = await send(daemon, good * 4)
    sending = asyncio.create_task(send(daemon, [*good * 4, odd]))
    await asyncio.sleep(0.2)
    await daemon.end(signal.SIGKILL)
    after = await sending
    await daemon.start()
    bad = await send(daemon, [("bad.pdf", b"%PDF-1.7 broken"), ("none", b"")])

    expected = [*before, *after]
    verdicts = [orjson.loads(record.value) for record in await daemon.published("verdicts", len(expected))]
    letters = [dict(record.headers) for record in await daemon.published("dead_letters", len(bad))]
    alerts = [orjson.loads(record.value) for record in await daemon.published("alerts", 2)]
    observed = [record.value for record in await daemon.published("observations", 1)]

    assert sorted(expected) == sorted(place_of(verdict) for verdict in verdicts)
    assert ["odd.html"] == [verdict["key"] for verdict in verdicts if verdict["anomalous"]]
    offset, partition = "__connect.errors.offset", "__connect.errors.partition"
    assert sorted(bad) == sorted((int(letter[partition]), int(letter[offset])) for letter in letters)
    assert ["opened"] == [alert["incident"]["event"] for alert in alerts if alert["incident"]["event"] != "updated"]
    case = alerts[-1]["document"]
    assert ("odd.html", "html", "contract.docx") == (case["name"], case["format"], case["standards"][0]["document"])
    assert ["shall", "may"] == [
        word["text"]
        for each in case["departures"]
        if each["clause"] == 1
        for side in ("there", "here")
        for word in each[side]["marked"]
    ]
    texts = [repr(alerts), repr(verdicts), *(repr(zstandard.decompress(value)) for value in observed)]
    assert not any(SECRET in text for text in texts)
    reasons = [f'{{reason="{reason}_document"}}' for reason in ("bad", "empty")]
    assert [1, 1] == [daemon.metric("dead_letters_total", reason) for reason in reasons]


async def test_a_daemon_with_an_empty_base_does_not_start(daemon: Daemon) -> None:
    """It says which base, and ends with the exit code of a bad configuration."""
    config = yaml.safe_load(daemon.config.read_text())
    config["documents"]["base"] = "empty"
    daemon.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    starting = [*STRAYLINE, "run", "--config", str(daemon.config)]
    ended = await asyncio.to_thread(run, starting, capture_output=True, text=True, timeout=120)
    assert (78, True) == (ended.returncode, "documents.base: empty in " in ended.stderr)
