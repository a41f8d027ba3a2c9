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

STAGES = (
    "fetch",
    "format",
    "mask",
    "sessionize",
    "observe",
    "render",
    "cache",
    "judge",
    "incidents",
    "commit",
    "the rest",
)


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
    assert ["raw getmany", *STAGES, "whole daemon"] == list(measured)
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


def test_bench_measures_a_files_last_lines(topics: Topics, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The records of a file stand in for made ones: its last lines are measured, and a short file is refused."""
    config, records, out = tmp_path / "config.yaml", tmp_path / "shop.jsonl", tmp_path / "figures.json"
    config.write_text(yaml.safe_dump({"kafka": {"bootstrap_servers": topics.bootstrap_servers.split(",")}}))
    records.write_text("".join(_session(number) for number in range(300)))
    common = ["bench", "--config", str(config), "--file", str(records), "--rounds", "1"]
    assert 0 == main([*common, "--lines", "400", "--out", str(out)])
    figures = json.loads(out.read_text())
    assert (400, "lines of shop.jsonl") == (figures["lines"], figures["traffic"])
    assert figures["sessions"] == pytest.approx(100, abs=15)
    capsys.readouterr()
    assert 65 == main([*common, "--lines", "1201"])
    assert "shop.jsonl has 1,200 lines; the rounds measure 1,201" in capsys.readouterr().err


def _session(number: int) -> str:
    """Return four lines of one session, a minute after those of the session before."""
    start = 1_790_000_000 + 60 * number
    lines = [
        {"time": start + step, "scope": "shop", "key": f"r{number}", "message": f"step {step} of request {number}"}
        for step in range(4)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)
