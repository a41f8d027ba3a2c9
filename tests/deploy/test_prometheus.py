"""Rules and boards through the real promtool and a real Prometheus that scrapes metrics under load."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from daemon.adapters.web import Exposition, HttpServer, Probes
from daemon.console import ConsoleMetrics
from daemon.metrics import Metrics
from daemon.notify import NotifyMetrics
from deploy.evaluate import Evaluation, evaluate_panels, evaluate_rules
from deploy.grafana.boards import BOARDS
from deploy.prometheus_server import RULES, prometheus
from tests.deploy.exporter import begin, console_traffic, notify_traffic, traffic
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "deploy/prometheus/tests/alerts.test.yml"
needs_prometheus = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no Prometheus: apt install prometheus, or make check-deploy"
)


def _alerts() -> dict[str, dict[str, dict[str, str]]]:
    groups = yaml.safe_load(RULES[1].read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@needs_prometheus
def test_the_exposition_is_what_prometheus_wants() -> None:
    """`promtool check metrics` finds nothing to say about what /metrics serves of ours."""
    metrics = Metrics(CollectorRegistry())
    begin(metrics)
    traffic(metrics, random.Random(1))
    lines = generate_latest(Exposition(metrics.registry)).decode().splitlines(keepends=True)
    ours = "".join(line for line in lines if "strayline_" in line)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=ours, capture_output=True, text=True, timeout=30, check=False
    )
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@needs_prometheus
def test_every_alert_fires_and_stays_quiet_as_its_cases_say() -> None:
    """`promtool test rules` passes all cases."""
    done = subprocess.run(
        ["promtool", "test", "rules", str(CASES)], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    """The cases cover each alert both ways: a series or a time at which it is quiet, and one at which it fires."""
    fires: set[str] = set()
    quiet: set[str] = set()
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for check in case["alert_rule_test"]:
            name, expected = check["alertname"], check["exp_alerts"]
            if expected:
                fires.add(name)
            if len(expected) < len(case["input_series"]):
                quiet.add(name)
    assert set(_alerts()) == fires == quiet


def test_what_others_can_make_grow_has_a_metric_and_its_alert() -> None:
    """Each row of that table names metrics of ours, and alerts that there are; no row is without."""
    text = (ROOT / "docs/memory.md").read_text().split("## What others can make grow")[1].split("Caches are bounded")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    known = set(re.findall(r"`(strayline_\w+)`", (ROOT / "docs/metrics.md").read_text()))
    assert len(rows) > 15
    for row in rows:
        seen = row.strip("| ").rpartition(" | ")[2]
        named = set(re.findall(r"strayline_\w+", seen))
        assert named <= known, row
        assert named or seen == "that label", row
        assert set(re.findall(r"Strayline\w+", seen)) <= set(_alerts()), row


def test_every_entry_point_names_tests_that_there_are() -> None:
    """The page about security says which tests hold each row."""
    text = (ROOT / "docs/security.md").read_text().split("## Entry points")[1].split("## Settings")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    for row in rows:
        named = re.findall(r"`(tests/[\w./]+)`", row.strip("| ").rpartition(" | ")[2])
        assert named, row
        assert [] == [path for path in named if not (ROOT / path).exists()]


def test_every_alert_has_its_section_in_the_runbook() -> None:
    """An alert's runbook_url leads to a heading of the alert's name."""
    headings = {line[3:].strip() for line in (ROOT / "docs/runbook.md").read_text().splitlines() if line[:3] == "## "}
    assert [] == [name for name in _alerts() if name not in headings]
    wanted = {name: f"docs/runbook.md#{name.lower()}" for name in _alerts()}
    assert wanted == {name: rule["annotations"]["runbook_url"] for name, rule in _alerts().items()}


@needs_prometheus
async def test_every_panel_and_rule_has_data_under_load() -> None:
    """A real Prometheus evaluates every expression without an error, and none that should have data is empty."""
    metrics, console = Metrics(CollectorRegistry()), ConsoleMetrics(CollectorRegistry())
    notify = NotifyMetrics(CollectorRegistry())
    begin(metrics)

    async def reload() -> None:
        return

    probes = Probes(lambda: None, list, reload)
    servers = [HttpServer(free_port(), each.registry, probes, ports=each.ports) for each in (metrics, console, notify)]

    async def load() -> None:
        source = random.Random(7)
        while True:
            traffic(metrics, source)
            console_traffic(console, source)
            notify_traffic(notify, source)
            await asyncio.sleep(0.1)

    loading = asyncio.create_task(load())
    try:
        for server in servers:
            await server.start()
        evaluations = await asyncio.to_thread(_evaluate, [f"127.0.0.1:{server.port}" for server in servers])
    finally:
        loading.cancel()
        for server in servers:
            await server.close()
    assert [] == [one for one in evaluations if one.bad]


def _evaluate(targets: Sequence[str]) -> list[Evaluation]:
    with prometheus(targets, samples=8) as server:
        return [*evaluate_panels(server, BOARDS), *evaluate_rules(server)]
