"""`strayline bench` as typed, on a real Kafka: every stage measured, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient

from daemon.cli import main
from tests.support.brokers import Topics

STAGES = ("fetch", "format", "mask", "sessionize", "render", "cache", "judge", "publish", "commit", "the rest")


async def names(topics: Topics) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap_servers)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


def test_bench_measures_every_stage(topics: Topics, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each stage has its line in the table and the document; all sessions of a partition that goes on are judged."""
    config, out = tmp_path / "config.yaml", tmp_path / "figures.json"
    config.write_text(yaml.safe_dump({"kafka": {"bootstrap_servers": topics.bootstrap_servers.split(",")}}))
    sizes = ["--lines", "4000", "--open-keys", "20", "--patterns", "10", "--warm", "200"]
    assert 0 == main(["bench", "--config", str(config), *sizes, "--rounds", "1", "--out", str(out)])
    table, figures = capsys.readouterr().out, json.loads(out.read_text())
    measured = {stage["name"]: stage for stage in figures["stages"]}
    assert ["raw getmany", "raw, collector as ours", *STAGES, "whole daemon"] == list(measured)
    assert all(name in table for name in measured)
    assert figures["sessions"] == pytest.approx(200, abs=5)
    assert all(stage["cpu_seconds"] > 0 for name, stage in measured.items() if name != "the rest")
    whole = measured["raw getmany"]["cpu_seconds"] / measured["whole daemon"]["cpu_seconds"]
    assert figures["daemon_over_raw"] == pytest.approx(whole, abs=1e-3)


async def test_bench_removes_its_topics(topics: Topics, tmp_path: Path) -> None:
    """What a bench wrote and committed is gone when it ends."""
    before = await names(topics)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"kafka": {"bootstrap_servers": topics.bootstrap_servers.split(",")}}))
    sizes = ["--lines", "400", "--open-keys", "20", "--patterns", "10", "--warm", "20", "--rounds", "1"]
    assert 0 == await asyncio.to_thread(main, ["bench", "--config", str(config), *sizes])
    assert before == await names(topics)
