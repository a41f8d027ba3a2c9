"""An application's logs and spans, and the daemon's own spans, in a real collector: each leads to the other."""

from __future__ import annotations

import asyncio
import re
import socket
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.brokers import Topics
from tests.support.daemons import Daemon
from tests.support.shippers import Shipping, hub, shipping_with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "pay"}}]}
TRACES = [f"{number:032x}" for number in range(1, 16)]
FAILED = set(TRACES[4::5])


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def lines_of(trace: str) -> list[tuple[str, str]]:
    """Return level and text of what a request logs."""
    if trace in FAILED:
        return [
            ("INFO", "request accepted"),
            ("ERROR", "card refused: limit unknown"),
            ("INFO", "request done in 3 ms"),
        ]
    return [("INFO", "request accepted"), ("INFO", "charged 100 cents"), ("INFO", "request done in 3 ms")]


def application() -> dict[str, dict[str, Any]]:
    """Return an application's OTLP requests by their path: of each trace a span and three lines."""
    spans, records = [], []
    for number, trace in enumerate(TRACES):
        began = time.time_ns() + number * 1_000_000
        place = {"traceId": trace, "spanId": f"{number + 1:016x}"}
        times = {"startTimeUnixNano": str(began), "endTimeUnixNano": str(began + 3_000_000)}
        spans.append({**place, **times, "name": "POST /pay", "kind": 2})
        for level, text in lines_of(trace):
            body = {"severityText": level, "body": {"stringValue": text}}
            records.append({**place, **body, "timeUnixNano": str(began)})
    return {
        "traces": {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": spans}]}]},
        "logs": {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": records}]}]},
    }


def post(url: str, document: dict[str, Any]) -> None:
    """Send an OTLP request, as soon as the collector listens."""
    request = urllib.request.Request(url, orjson.dumps(document), {"Content-Type": "application/json"})
    for _ in range(300):
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not listen")


def spans_in(path: Path) -> list[dict[str, Any]]:
    """Return the spans that the collector has written."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    requests = [orjson.loads(line) for line in lines if line.endswith(b"\n")]
    scopes = [
        scope for request in requests for resource in request["resourceSpans"] for scope in resource["scopeSpans"]
    ]
    return [span for scope in scopes for span in scope["spans"]]


def named(spans: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return the spans whose name begins with `name`."""
    return [span for span in spans if span["name"].startswith(name)]


async def test_an_alert_and_the_trace_that_it_is_about_lead_to_each_other(topics: Topics, tmp_path: Path) -> None:
    """In the collector the alert's span lies in a failed request's trace, and the published alert names that trace."""
    port, file = free_port(), tmp_path / "spans.jsonl"
    collector = hub(port, file)
    collector.path()
    settings: dict[str, Any] = {
        "engine": {"type": "lite"},
        "input": {"topics": ["later"], **collector.reading},
        "tracing": {"endpoint": f"http://127.0.0.1:{port}/v1/traces"},
    }
    daemon = await Daemon.make(topics, tmp_path, settings=settings)
    daemon.config.write_text(daemon.config.read_text().replace("later", daemon.logs))
    try:
        async with shipping_with(collector, Shipping(file, daemon.servers, daemon.logs, tmp_path)):
            for path, document in application().items():
                await asyncio.to_thread(post, f"http://127.0.0.1:{port}/v1/{path}", document)
            await daemon.start()
            alert = (await daemon.published("alerts", 1, 90))[0]
            await daemon.published("verdicts", 1, 90)
            await daemon.end()
            async with asyncio.timeout(30):
                while not all(named(spans_in(file), kind) for kind in ("alert ", "embeddings ")):  # noqa: ASYNC110  # polls another process
                    await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(daemon.close)

    spans, trace = spans_in(file), orjson.loads(alert.value)["key"]
    assert trace in FAILED
    in_trace = {span["name"]: span for span in spans if span["traceId"] == trace}
    assert {"POST /pay", "alert opened"} <= set(in_trace)
    told = in_trace["alert opened"]
    assert f"00-{trace}-{told['spanId']}-01".encode() == dict(alert.headers)["traceparent"]
    batches = {span["spanId"]: span["traceId"] for span in named(spans, f"process {daemon.topics['observations']}")}
    assert batches[told["links"][0]["spanId"]] == told["links"][0]["traceId"]
    work = {span["spanId"]: span["traceId"] for span in named(spans, f"process {daemon.logs}")}
    for kind in ("embeddings ", f"commit {daemon.logs}"):
        assert any(work.get(span.get("parentSpanId")) == span["traceId"] for span in named(spans, kind)), kind
    assert not re.search(rb"card refused|request done", file.read_bytes())
