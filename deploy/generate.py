"""Writes what is generated from the code: `python -m deploy.generate`, or with `--check` says what is out of date.

The metrics page comes from daemon/metrics, the messages' schemas from daemon/core/messages, the boards from
deploy/grafana/, the chart's copies of rules and boards from deploy/ (a chart can only read files inside
itself), the chart's README from its values' comments.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import orjson
from prometheus_client import CollectorRegistry

from daemon.console import ConsoleMetrics
from daemon.core.messages import schemas
from daemon.metrics import Metrics, PortMetrics, Series
from daemon.notify import NotifyMetrics
from deploy.chart_readme import chart_readme
from deploy.grafana.boards import BOARDS, board_json

ROOT = Path(__file__).resolve().parent.parent
CHART = Path("helm/strayline")
_METRICS_INTRO = """# Metrics

Served at `/metrics`, as Prometheus text or OpenMetrics. Units are base units (seconds, bytes, shares from 0 to 1), and
names follow Prometheus' conventions. A histogram `x` is scraped as `x_bucket`, `x_sum` and `x_count`.

The label `scope` has at most 200 values of its own; later scopes share the value `other`. No label holds a session, a
key, a pattern or a line. Counters whose label values are known start at 0. Scraped as OpenMetrics,
`strayline_alerts_total` carries the id of the last alert as an exemplar (`alert_id`).

The process's own `process_*` and `python_gc_*` series are served too, and vLLM's `vllm:*` series when its statistics
are on (`engine.options: {disable_log_stats: false}`).

The tables of `strayline notify` and `strayline console` are of processes of their own, which serve them at their
own ports (`notify.port`, `console.port`; with `console.users` to accounts and known tokens alone). The last table is
in every process with a port; `strayline serve` has it, and the process's own series, at `serve.port`.

This page is generated from `daemon/metrics/`, `daemon/notify/` and `daemon/console/` by `python -m deploy.generate`.
"""


def metrics_page(series: list[Series]) -> str:
    """Return docs/metrics.md: one table a group."""
    parts = [_METRICS_INTRO]
    for group, members in groupby(series, key=lambda one: one.group):
        parts.append(f"\n## {group}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
        for one in members:
            labels = ", ".join(f"`{label}`" for label in one.labels)
            parts.append(f"| `{one.name}` | {one.kind} | {labels} | {one.help} |\n")
    return "".join(parts)


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every generated file: its path under the root, and what it must hold."""
    made = [make(CollectorRegistry()) for make in (Metrics, NotifyMetrics, ConsoleMetrics, PortMetrics)]
    series = [one for metrics in made for one in metrics.series]
    yield Path("docs/metrics.md"), metrics_page(series)
    for name, schema in schemas().items():
        encoded = orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        yield Path(f"docs/schema/{name}.json"), encoded.decode()
    for name, board in BOARDS.items():
        text = board_json(board)
        yield Path(f"deploy/grafana/{name}.json"), text
        yield CHART / f"files/{name}.json", text
    for name in ("recording.rules.yml", "alerts.rules.yml"):
        yield CHART / "files" / name, (ROOT / "deploy/prometheus" / name).read_text()
    yield CHART / "README.md", chart_readme(ROOT / CHART)


def main(arguments: list[str]) -> int:
    """Write the files, or only compare them; returns the exit code."""
    stale = [path for path, text in generated() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is out of date: run python -m deploy.generate", file=sys.stderr)
        return 1 if stale else 0
    for path, text in generated():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
    for path in stale:
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
