"""The verbs that read and write topics, as typed: a baseline from a backtest into Kafka, looked at, saved, labelled."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import orjson
import pytest
import yaml

from daemon.adapters.kafka import publish_one, read_values
from daemon.backtest import BacktestOptions, run_backtest
from daemon.cli import main
from daemon.config.loading import load_config
from daemon.wiring import kafka_settings
from tests.support.backtests import sessions, setup_with, write
from tests.support.brokers import Topics, unique
from tests.support.consoles import alert
from tests.support.fakes import FakeEngine


@pytest.fixture
async def history(tmp_path: Path) -> Path:
    """What a backtest of 300 sessions left, made with a model as the configuration names it."""
    engine = FakeEngine(name="served")
    await engine.start()
    log = write(tmp_path / "shop.jsonl", sessions(300, (120,)))
    await run_backtest(BacktestOptions([log], out=tmp_path / "history"), setup_with(engine), engine)
    await engine.close()
    return tmp_path / "history"


@pytest.fixture
def configured(topics: Topics, tmp_path: Path) -> Path:
    """A configuration whose topics are its own."""
    roles = ("alerts", "dead_letters", "checkpoints", "baseline", "feedback", "observations")
    config = {
        "kafka": {"bootstrap_servers": topics.bootstrap_servers.split(","), "group_id": unique("group")},
        "input": {"topics": [unique("logs")]},
        "engine": {"type": "openai", "model": "served", "url": "http://127.0.0.1:1/v1"},
        "detector": {"warm_up": 200},
        "topics": {role: unique(role.replace("_", "-")) for role in roles},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


async def test_a_baseline_travels_and_is_labelled(
    history: Path, configured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Import, inspect, export, label by the beginning of a pattern, refuse another model: all on a real topic."""

    async def typed(*words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, [*words, "--config", str(configured)])
        said = capsys.readouterr()
        return code, said.out + said.err

    assert 0 == (await typed("topics", "create", "--input-partitions", "2"))[0]
    assert (0, True) == _has(await typed("baseline", "inspect"), "empty; nothing has been learned yet")
    assert (65, True) == _has(await typed("baseline", "export", str(tmp_path / "x")), "there is nothing to export")

    done = await typed("baseline", "import", str(history), "--scope-map", "shop=store", "--confirmed", "--by", "ann")
    assert (0, True) == _has(done, "patterns of 300 sessions into store")
    code, out = await typed("baseline", "inspect", "--json", "--limit", "1")
    (scope,) = json.loads(out)["scopes"]
    assert (0, "store", "live", 300) == (code, scope["scope"], scope["phase"], scope["sessions"])

    saved = tmp_path / "saved.jsonl.zst"
    assert 0 == (await typed("baseline", "export", str(saved)))[0]
    again = json.loads((await typed("baseline", "inspect", str(saved), "--json", "--limit", "1"))[1])
    assert scope["patterns_by_weight"] == again["scopes"][0]["patterns_by_weight"]

    pattern = scope["patterns_by_weight"][0]["pattern"]
    assert (0, True) == _has(await typed("label", "--list"), f"{pattern}")
    assert (0, True) == _has(await typed("label", pattern[:12], "anomalous", "--by", "bob"), "of store is anomalous")
    assert (0, True) == _has(await typed("label", pattern[:12], "forget"), "no label any more")
    assert (65, True) == _has(await typed("label", "0" * 16, "normal"), "give its --scope")
    config = load_config(configured)
    sent = [orjson.loads(value) async for value in read_values(kafka_settings(config), config.topics.feedback)]
    assert {"pattern": pattern, "verdict": "anomalous", "scope": "store", "by": "bob"} == sent[0]
    assert ["anomalous", "forget"] == [document["verdict"] for document in sent]

    _name_another_model(configured)
    assert (78, True) == _has(await typed("baseline", "import", str(history)), "cannot be compared")


async def test_an_incident_is_acknowledged(configured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The beginning of an incident's id is enough, and what begins no incident is refused."""

    async def typed(*words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, ["label", *words, "--config", str(configured)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    assert 0 == await asyncio.to_thread(
        main, ["topics", "create", "--input-partitions", "1", "--config", str(configured)]
    )
    config = load_config(configured)
    kafka = kafka_settings(config)
    for number in range(2):
        await publish_one(kafka, config.topics.alerts, key=b"payments", value=orjson.dumps(alert(number)))

    done = await typed("incid", "acknowledge", "--by", "bob")
    assert (0, True) == _has(done, "incident incident-1 is acknowledged")
    assert (0, True) == _has(await typed("incid", "note", "--by", "ann", "--note", "disk 3 again"), "is noted")
    assert (65, True) == _has(await typed("elsewhere", "acknowledge"), "no incident begins with elsewhere")
    assert (65, True) == _has(await typed("incid", "note", "--note", ""), "note: missing")
    sent = [orjson.loads(value) async for value in read_values(kafka, config.topics.feedback)]
    assert [("acknowledge", "bob"), ("note", "ann")] == [(each["action"], each["by"]) for each in sent]


def _name_another_model(path: Path) -> None:
    path.write_text(path.read_text().replace("model: served", "model: another"))


def _has(result: tuple[int, str], words: str) -> tuple[int, bool]:
    return result[0], words in result[1]


async def test_foreign_records_among_the_alerts_are_passed_over(
    configured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not an alert is named with its place and does not end `tail`; text cannot control a terminal."""
    config = load_config(configured)
    assert 0 == await asyncio.to_thread(main, ["topics", "create", "--config", str(configured), "--input-partitions=1"])
    topic = config.topics.alerts
    told = alert(scope="shop \u202e\x9b")
    foreign = (b"not JSON", b"[1]", b'{"id": 7}', b'{"id": "a", "scope": "b"}')
    for value in (*foreign, orjson.dumps(told)):
        await publish_one(kafka_settings(config), topic, key=b"k", value=value)
    capsys.readouterr()
    for more in ((), ("--json", "--scope", told["scope"])):
        words = ["tail", "--from-beginning", "--limit", "1", "--config", str(configured), *more]
        assert 0 == await asyncio.to_thread(main, words)
        shown = capsys.readouterr()
        assert f"strayline: {topic}/0 at offset 0 is not an alert; such records are skipped\n" == shown.err
        assert not {"\u202e", "\x9b"} & set(shown.out)
        assert not more or told == orjson.loads(shown.out)
