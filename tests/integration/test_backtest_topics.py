"""A backtest over what a topic holds: all partitions, a range of time, and a baseline at its end."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from zlib import crc32

import pytest
from aiokafka import AIOKafkaProducer

from daemon.adapters.kafka import KafkaSettings, RangeReader
from daemon.backtest import BacktestOptions
from daemon.errors import UnavailableError
from tests.support.backtests import BEGIN, backtest, sessions
from tests.support.brokers import Topics, unique

PARTITIONS = 3
ODD = (300, 450, 451, 580)


def settings_of(topics: Topics) -> KafkaSettings:
    return KafkaSettings([topics.bootstrap_servers], group_id=unique("group"))


@pytest.fixture
async def filled(topics: Topics) -> str:
    """600 sessions of one every ten seconds, by key over three partitions, each record at its line's own time."""
    topic = await topics.make("history", PARTITIONS, {"retention.ms": "-1"})
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, linger_ms=20)
    await producer.start()
    try:
        for line in sessions(600, ODD):
            said = json.loads(line)
            number = int(said["key"].rpartition("-")[2])
            await producer.send(
                topic,
                line.encode(),
                partition=crc32(said["key"].encode()) % PARTITIONS,
                timestamp_ms=1000 * (BEGIN + 10 * number),
            )
        await producer.flush()
    finally:
        await producer.stop()
    return topic


def positions(folder: Path) -> Counter[tuple[int, int]]:
    """Return how often each partition and offset stands in the verdicts."""
    found: Counter[tuple[int, int]] = Counter()
    for line in (folder / "verdicts.jsonl").read_bytes().splitlines():
        source = json.loads(line)["source"]
        for span in source["positions"]:
            first, _, last = span.partition("-")
            found.update((source["partition"], offset) for offset in range(int(first), int(last or first) + 1))
    return found


async def test_every_record_of_every_partition_is_in_one_verdict(topics: Topics, filled: str, tmp_path: Path) -> None:
    """All records of the topic are judged once, the odd sessions alert, and what is normal is kept for an import."""
    reader = RangeReader(settings_of(topics), [filled], None, None)
    result = await backtest(BacktestOptions(records=reader, out=tmp_path))
    assert [filled] == result.report.input.topics
    assert result.report.input.records == len(sessions(600, ODD)) == reader.read == reader.total
    found = positions(tmp_path)
    assert set(found.values()) == {1}
    assert len(found) == result.report.input.lines
    assert {0, 1, 2} == {partition for partition, _ in found}
    alerts = (json.loads(line) for line in (tmp_path / "alerts.jsonl").read_bytes().splitlines())
    assert f"request-{ODD[0]}" in {alert.get("key") for alert in alerts}
    assert (tmp_path / "baseline.jsonl.zst").stat().st_size > 0


async def test_only_the_range_is_read(topics: Topics, filled: str, tmp_path: Path) -> None:
    """Records before the range, and those at its end or after it, are left alone."""
    since, until = 1000 * (BEGIN + 1000), 1000 * (BEGIN + 3000)
    reader = RangeReader(settings_of(topics), [filled], since, until)
    result = await backtest(BacktestOptions(records=reader, out=tmp_path))
    keys = {json.loads(line)["key"] for line in (tmp_path / "verdicts.jsonl").read_bytes().splitlines()}
    assert {f"request-{number}" for number in range(100, 300)} == keys
    assert 200 == result.report.sessions


async def test_an_empty_range_is_an_empty_report(topics: Topics, filled: str) -> None:
    """A range after the last record holds nothing, and says so without waiting."""
    reader = RangeReader(settings_of(topics), [filled], 1000 * (BEGIN + 10**8), None)
    result = await backtest(BacktestOptions(records=reader))
    assert (0, 0) == (result.report.input.records, result.report.sessions)


async def test_times_that_go_back_hold_nothing_up(topics: Topics) -> None:
    """Partitions of several fetches whose records grow older are read to their end, each in its order."""
    topic = await topics.make("backwards", 2, {"retention.ms": "-1"})
    producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap_servers, linger_ms=20)
    async with producer:
        for number in range(1500):
            stamp = 1000 * (BEGIN - number)
            await producer.send(topic, bytes(2000), partition=number % 2, timestamp_ms=stamp)
    found: dict[int, list[int]] = {0: [], 1: []}
    async for batch in RangeReader(settings_of(topics), [topic], None, None).batches():
        found[batch.source.partition] += batch.offsets
    assert {0: list(range(750)), 1: list(range(750))} == found


async def test_a_topic_that_is_not_there_is_named(topics: Topics) -> None:
    """A topic that does not exist is an error that names it."""
    missing = unique("missing")
    with pytest.raises(UnavailableError, match=missing):
        await backtest(BacktestOptions(records=RangeReader(settings_of(topics), [missing], None, None)))
