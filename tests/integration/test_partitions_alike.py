"""The demo's recording through a real daemon that keeps up: told alike over one input partition and over twelve."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.quiet.on_kafka import incidents_told, score_of
from benchmarks.quiet.recordings import recording
from benchmarks.quiet.streams import BEGIN
from tests.support.brokers import Topics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_one_partition_and_twelve_are_told_alike(topics: Topics, tmp_path: Path) -> None:
    """The same faults, as many messages, and nothing in the quiet part."""
    recorded = recording()
    rows, faults_from = recorded.rows, BEGIN + recorded.quiet_span
    lines = [(BEGIN + row.at, row) for row in rows]
    shown = {(rows[n].scope, round(1000 * lines[n][0])): fault for n, fault in recorded.shown.items()}

    one, twelve = [
        score_of(await incidents_told(topics, tmp_path, partitions, lines, 300, BEGIN), shown, faults_from)
        for partitions in (1, 12)
    ]

    assert [] == one[0].quiet == twelve[0].quiet
    assert abs(len(one[0].faulty) - len(twelve[0].faulty)) <= 1
    assert one[1] == twelve[1]
    assert 15 == len(one[1])
