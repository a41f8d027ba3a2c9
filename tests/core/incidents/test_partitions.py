"""How keys are spread over partitions changes nothing: the demo's recording, over 1 and over 12 of them."""

from __future__ import annotations

from zlib import crc32

import pytest

from benchmarks.quiet.chain import Chain
from benchmarks.quiet.recordings import recording
from benchmarks.quiet.streams import BEGIN, as_json
from daemon.core.incidents import TOLD, IncidentSettings, IncidentStage, News
from daemon.core.types import TopicPartition

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
STEP = 10
"""Seconds of the recording that are read at once."""


def told(partitions: int) -> list[News]:
    """Return what is told of the recording when its keys are spread over so many partitions, read side by side."""
    chains = [Chain(TopicPartition("logs", number)) for number in range(partitions)]
    stage, news = IncidentStage(IncidentSettings(warm_up=300)), list[News]()
    rows = list(recording().rows)
    for second in range(STEP, int(rows[-1].at) + 2 * STEP, STEP):
        while rows and rows[0].at < second:
            row = rows.pop(0)
            chains[crc32(row.key.encode()) % partitions].hold(as_json(BEGIN + row.at, row))
        for chain in chains:
            news += stage.take(chain.observed(BEGIN + second))
    return [one for one in news if one.event in TOLD]


def faults(news: list[News]) -> dict[str, set[str]]:
    """Return the faults that show in each told incident."""
    recorded = recording()
    rows, shown = recorded.rows, recorded.shown
    at = {(rows[n].scope, round((BEGIN + rows[n].at) * 1000)): fault for n, fault in shown.items()}
    found: dict[str, set[str]] = {}
    for one in news:
        places = [(symptom.scope, round(symptom.time * 1000)) for symptom in one.incident.symptoms]
        found[one.incident.id] = {at[place] for place in places if place in at}
    return found


def test_incidents_do_not_depend_on_how_keys_are_spread() -> None:
    """The same faults are told, as many times, over one partition and over twelve; the quiet part is quiet on both."""
    one, twelve = told(1), told(12)
    faults_from = BEGIN + recording().quiet_span

    assert [set(), set()] == [{n.incident.id for n in news if n.at < faults_from} for news in (one, twelve)]
    assert abs(len(one) - len(twelve)) <= 1
    found_by_one, found_by_twelve = (set().union(*faults(news).values()) for news in (one, twelve))
    assert found_by_one == found_by_twelve
    assert 15 == len(found_by_one)
