"""Spans of the daemon's work, as an OTLP receiver gets them over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from daemon.config import parse_config
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.stream import Checkpoint, Load, SettledAlert, Settlement, Step
from daemon.core.types import Batch, OutRecord, TopicPartition
from daemon.errors import ConfigError, PartitionError
from daemon.tracing import TracedEngine, TracedProcessor, make_tracing
from daemon.wiring import make_processors
from tests.support.fakes import FakeEngine
from tests.support.span_receiver import receiver

SOURCE = TopicPartition("logs", 2)
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def alert(key: str, message: int = 1) -> OutRecord:
    document = {
        "id": "a" * 16,
        "scope": "shop",
        "key": key,
        "severity": "high",
        "incident": {"id": "i-1", "event": "opened", "messages": message},
        "summary": "secret words",
    }
    return OutRecord("alerts", b"shop", orjson.dumps(document), [("ce_id", b"1")])


class OneAlert:
    """A processor that makes one alert of everything that it was given."""

    lost, announces = 0, False

    def __init__(self, records: list[OutRecord]) -> None:
        self._records = records

    def step(self, batch: Batch | None, vectors: Mapping[str, Any]) -> Step:
        return Step(Load(outputs=1), 0 if batch is None else len(batch))

    def flush(self, idle: float) -> Step:
        return Step(Load())

    def skip(self, offset: int) -> None:
        """Do nothing."""

    def take(self) -> Settlement:
        settled = [SettledAlert("shop", "high", "opened", "a" * 16, 0)]
        return Settlement(self._records, Checkpoint(1), settled)


def batch(count: int, parent: str, start: int = 0) -> Batch:
    offsets = range(start, start + count)
    values = [orjson.dumps({"message": f"request {n} done", "key": f"r{n}"}) for n in offsets]
    headers = [(("traceparent", parent.encode()),)] * count
    return Batch(SOURCE, offsets, [1_790_000_000_000 + n for n in offsets], [None] * count, values, headers)


def test_batches_and_their_stages_are_spans_with_links_to_where_records_were_made() -> None:
    """A span of a batch names its place, links at most 100 of its records' traces, and has the stages inside."""
    with receiver() as (endpoint, spans):
        config = parse_config(f"{{input: {{topics: [logs]}}, tracing: {{endpoint: '{endpoint}'}}}}", {})
        tracing = make_tracing(config)
        assert tracing is not None
        engine = FakeEngine()
        detector = Detector(DetectorSettings(warm_up=0), engine.model, engine.dimensions)
        processor = make_processors(config, engine, detector, lambda: "", {}, tracing)(SOURCE, None)
        step = processor.step(batch(250, PARENT), {})
        processor.step(None, {missing.id: np.ones(32, np.float32) for missing in step.missing})
        tracing.tracer.close()

    [whole] = [span for span in spans if span.name == "process logs"]
    stages = {span.name for span in spans if span.parent_span_id == whole.span_id}
    attributes = {pair.key: pair.value for pair in whole.attributes}
    assert Span.SPAN_KIND_CONSUMER == whole.kind
    assert 250 == attributes["messaging.batch.message_count"].int_value
    assert ("logs", "2") == tuple(
        attributes[f"messaging.destination.{name}"].string_value for name in ("name", "partition.id")
    )
    assert {"format", "mask", "observe", "sessionize"} <= stages
    assert 80 < len(whole.links) <= 100
    assert {bytes.fromhex(TRACE)} == {link.trace_id for link in whole.links}
    assert len(spans) == 1 + sum(span.parent_span_id == whole.span_id for span in spans)


def test_an_alert_is_a_span_in_the_trace_of_its_session() -> None:
    """Its span has the trace of the session's key and a link to the batch; its record's header names the span."""
    with receiver() as (endpoint, spans):
        tracing = make_tracing(parse_config(f"tracing: {{endpoint: '{endpoint}'}}", {}))
        assert tracing is not None
        other = OutRecord("checkpoints", b"k", b"v")
        traced = TracedProcessor(OneAlert([alert(TRACE), alert("r-17"), other]), SOURCE, tracing)
        traced.step(batch(1, "not a parent"), {})
        records, again = traced.take().records, traced.take().records
        tracing.tracer.close()

    in_trace, by_itself = (dict(record.headers)["traceparent"].decode() for record in records[:2])
    assert [record.headers for record in records] == [record.headers for record in again]
    assert other is records[2]
    made = [span for span in spans if span.name == "alert opened"][:2]
    assert [in_trace, by_itself] == [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in made]
    assert bytes.fromhex(TRACE) == made[0].trace_id != made[1].trace_id
    [whole] = [span for span in spans if span.name == "process logs"]
    assert [whole.span_id] * 2 == [span.links[0].span_id for span in made]
    assert [] == list(whole.links)
    assert not any(b"secret words" in span.SerializeToString() for span in spans)


class Producer:
    """Transactions that succeed until it is said that they fail."""

    def __init__(self) -> None:
        self.fails = False

    async def start(self) -> None:
        """Do nothing."""

    async def commit(self, records: Sequence[OutRecord], low: int) -> None:
        if self.fails:
            raise PartitionError("secret words")

    async def close(self) -> None:
        """Do nothing."""


async def test_requests_to_the_engine_and_transactions_are_spans_of_the_batches_that_they_serve() -> None:
    """Each lies in the trace of its first batch and links the others; one that fails names the kind of error alone."""
    with receiver() as (endpoint, spans):
        config = parse_config(f"{{input: {{topics: [logs]}}, tracing: {{endpoint: '{endpoint}'}}}}", {})
        tracing = await asyncio.to_thread(make_tracing, config)
        assert tracing is not None
        engine, failing = FakeEngine(), Producer()
        await engine.start()
        embedder = TracedEngine(engine, tracing)
        producer = tracing.transactions(lambda _: failing)(SOURCE)
        detector = Detector(DetectorSettings(warm_up=0), engine.model, engine.dimensions)
        processor = make_processors(config, engine, detector, lambda: "", {}, tracing)(SOURCE, None)
        for start in (0, 50):
            processor.step(batch(50, PARENT, start), {})
        missing = processor.flush(3600.0).missing
        await embedder.embed([pattern.text for pattern in missing])
        await producer.commit(processor.take().records, 100)
        failing.fails = True
        with pytest.raises(PartitionError):
            await producer.commit([], 100)
        await engine.close()
        await asyncio.to_thread(tracing.tracer.close)

    first, second = (span for span in spans if span.name == "process logs")
    [request] = [span for span in spans if span.name == f"embeddings {engine.model}"]
    done, failed = (span for span in spans if span.name == "commit logs")
    assert missing
    assert (second.trace_id, second.span_id) == (request.trace_id, request.parent_span_id)
    assert (first.trace_id, first.span_id) == (done.trace_id, done.parent_span_id)
    assert [second.span_id] == [link.span_id for link in done.links]
    described = {pair.key: pair.value for pair in [*request.attributes, *done.attributes]}
    assert (len(missing), 100) == (
        described["strayline.embedding.texts"].int_value,
        described["messaging.kafka.offset"].int_value,
    )
    assert b"" == failed.parent_span_id
    assert "PartitionError" in {pair.value.string_value for pair in failed.attributes if pair.key == "error.type"}
    assert (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR) == (done.status.code, failed.status.code)
    assert not any(b"secret words" in span.SerializeToString() for span in spans)


def test_a_receiver_that_is_away_changes_nothing() -> None:
    """Spans are dropped, and the work goes on."""
    tracing = make_tracing(parse_config("tracing: {endpoint: 'http://127.0.0.1:1/v1/traces'}", {}))
    assert tracing is not None
    traced = TracedProcessor(OneAlert([alert(TRACE)]), SOURCE, tracing)

    assert 3 == traced.step(batch(3, PARENT), {}).lines
    assert 1 == len(traced.take().records)
    tracing.tracer.close()


def test_without_an_address_nothing_is_wrapped() -> None:
    """Off costs nothing: the processors are the plain ones. A wrong address and missing libraries are named."""
    config = parse_config("", {})
    engine = FakeEngine()
    detector = Detector(DetectorSettings(), engine.model, engine.dimensions)

    assert None is make_tracing(config)
    assert not isinstance(make_processors(config, engine, detector, lambda: "", {})(SOURCE, None), TracedProcessor)
    with pytest.raises(ConfigError, match="http://"):
        parse_config("tracing: {endpoint: 'localhost:4318'}", {})


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets an address without the extra reads what to install."""
    monkeypatch.setattr("daemon.tracing.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"strayline\[otel\]"):
        make_tracing(parse_config("tracing: {endpoint: 'http://a:4318/v1/traces'}", {}))
