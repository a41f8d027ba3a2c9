"""The daemon and a backtest of the same records say the same."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from daemon.backtest import BacktestOptions, Setup, run_backtest
from daemon.core.alerts import Provenance
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.formats import FormatSettings
from daemon.core.incidents import TOLD, IncidentSettings
from daemon.core.masking.masker import Masker
from daemon.core.stream import Tools
from tests.support.backtests import write
from tests.support.fake_broker import FakeCluster
from tests.support.fakes import FakeEngine
from tests.support.replica import LIMITS, TOPICS, replica, until


def traffic(count: int) -> list[str]:
    """Return lines of nine keys whose sessions end by gap, by age and by the number of lines; some are not JSON."""
    rng = random.Random(5)
    lines, now = [], 1_700_000_000.0
    for number in range(count):
        now += rng.choice([0.2, 0.5, 1.0, 12.0])
        key = f"k{rng.choice([0, 0, 0, 1, 2, 3, number // 60])}"
        text = rng.choice(["started", f"read {number} bytes", "wrote file", f"ERROR disk {number % 7} full", "ended"])
        message = f"worker {number % 5} {text}"
        lines.append(
            json.dumps({"time": now - rng.random(), "scope": f"s{number % 2}", "key": key, "message": message})
        )
        if number % 97 == 0:
            lines.append("not json")
    return lines


def judged(documents: Iterable[bytes | None]) -> list[dict[str, Any]]:
    """Return verdicts as far as the records decide them.

    What closed the last sessions, the end of the file or a silence, is one and the same here.
    """
    read: list[dict[str, Any]] = [json.loads(document) for document in documents if document]
    for entry in read:
        if entry.get("closed_by") in {"idle", "flush"}:
            entry["closed_by"] = "end"
    return read


def told(documents: Iterable[bytes | None]) -> list[tuple[str, str, str]]:
    """Return which incidents were told, in order, and their headlines' causes.

    How many sessions had ended by then, which a message says too, is a matter of when the partition was read.
    """
    read: list[dict[str, Any]] = [json.loads(document) for document in documents if document]
    news = [(a["incident"]["event"], a["incident"]["id"], a["fingerprint"]) for a in read]
    return [one for one in news if one[0] in TOLD]


async def test_the_daemon_and_a_backtest_of_the_same_records_agree(tmp_path: Path) -> None:
    """Verdicts are equal and in order, and the same incidents are told."""
    lines = traffic(1500)
    cluster = FakeCluster(TOPICS)
    for line in lines:
        cluster.append("logs", line.encode())
    engine = FakeEngine()
    await engine.start()
    detector = Detector(DetectorSettings(warm_up=0), engine.model, engine.dimensions)
    tools = Tools(FormatSettings(), Masker(), LIMITS, engine.count_tokens, detector)
    setup = Setup(tools, IncidentSettings(warm_up=0), Provenance("20/day", engine.model, "config"))
    options = BacktestOptions([write(tmp_path / "logs", lines)], out=tmp_path / "out")
    await run_backtest(options, setup, engine)
    verdicts, alerts = (
        (tmp_path / "out" / name).read_bytes().splitlines() for name in ("verdicts.jsonl", "alerts.jsonl")
    )
    async with replica(cluster):
        await until(lambda: len(cluster.values("verdicts")) >= len(verdicts))
        await until(lambda: len(told(r.value for r in cluster.values("alerts"))) >= len(told(alerts)))
    assert len(verdicts) > 100
    assert told(alerts)
    assert judged(verdicts) == judged(written.value for written in cluster.values("verdicts"))
    assert told(alerts) == told(written.value for written in cluster.values("alerts"))
