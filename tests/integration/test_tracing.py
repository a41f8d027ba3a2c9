"""Spans of a real `strayline run`: batches of logs, with the stages inside, and of the other topics."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.brokers import Topics
from tests.support.daemons import Daemon
from tests.support.readiness import judge_something
from tests.support.span_receiver import receiver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_a_running_daemon_sends_spans_and_all_of_them_before_it_ends(topics: Topics, tmp_path: Path) -> None:
    """A line's batch is a span with its stages, at the latest when the daemon has been told to stop."""
    with receiver() as (endpoint, spans):
        settings = {"engine": {"type": "lite"}, "tracing": {"endpoint": endpoint}}
        daemon = await Daemon.make(topics, tmp_path, settings=settings)
        try:
            await daemon.start()
            await judge_something(daemon)
            await daemon.end(signal.SIGTERM)
        finally:
            await asyncio.to_thread(daemon.close)

    batches = {span.span_id: span for span in spans if span.name == f"process {daemon.logs}"}
    assert batches
    assert {"format", "mask", "sessionize"} <= {span.name for span in spans if span.parent_span_id in batches}
