"""Everything that the demo publishes keeps the published contract: its recording through the daemon's own processor."""

from __future__ import annotations

import lzma
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator

from daemon.config.loading import load_config
from daemon.core.stream import Processor
from daemon.core.types import Batch, OutRecord, TopicPartition, Vector
from daemon.ports import Engine
from daemon.wiring import make_detector, make_processors
from tests.support.engines import minilm

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
SOURCE = TopicPartition("logs", 0)
OBSERVED = TopicPartition("strayline.observations", 0)


def batches(size: int = 2000) -> Iterator[Batch]:
    with lzma.open(ROOT / "demo" / "recordings" / "logs.jsonl.xz") as file:
        lines = file.read().splitlines()
    for start in range(0, len(lines), size):
        values = lines[start : start + size]
        count = len(values)
        yield Batch(SOURCE, range(start, start + count), [-1] * count, [None] * count, values)


async def published(processor: Processor, incidents: Processor, engine: Engine) -> list[OutRecord]:
    """Return everything that both stages publish of the demo's recording, a transaction a batch."""
    records: list[OutRecord] = []
    observed = 0
    for batch in [*batches(), None]:
        step = processor.step(batch, {}) if batch is not None else processor.flush(60.0)
        while step.missing or step.more:
            vectors: dict[str, Vector] = {}
            if step.missing:
                found = await engine.embed([pattern.text for pattern in step.missing])
                vectors = {pattern.id: vector for pattern, vector in zip(step.missing, found, strict=True)}
            step = processor.step(None, vectors)
        records += processor.take().records
        news = [record.value for record in records if record.role == "observations"][observed:]
        if news:
            offsets = range(observed, observed + len(news))
            incidents.step(Batch(OBSERVED, offsets, [-1] * len(news), [None] * len(news), news), {})
            observed += len(news)
        records += incidents.take().records
    return records


async def test_everything_the_demo_publishes_keeps_the_contract() -> None:
    """Alerts and verdicts are valid by the published schemas, and the cloudevents library reads them as they are."""
    engine = await minilm()
    config = load_config(ROOT / "demo" / "config.yaml", os.environ)
    processors = make_processors(config, engine, make_detector(config, engine), lambda: "")
    valid = {
        name: Draft202012Validator(orjson.loads((ROOT / "docs" / "schema" / f"{name}.json").read_bytes()))
        for name in ("alert", "verdict")
    }
    told: Counter[str] = Counter()
    for record in await published(processors(SOURCE, None), processors(OBSERVED, None), engine):
        if record.role not in ("alerts", "verdicts"):
            continue
        assert record.value is not None
        document = orjson.loads(record.value)
        valid[record.role.removesuffix("s")].validate(document)
        event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())
        assert document == event.get_data()
        assert (document["id"], document["scope"].encode()) == (event.get_id(), record.key)
        told[document["incident"]["event"] if record.role == "alerts" else record.role] += 1

    assert 8_400 < told["verdicts"]
    assert 10 <= told["opened"] <= 20
