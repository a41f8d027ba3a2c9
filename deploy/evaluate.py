"""Evaluates every panel and rule on running daemons: `python -m deploy.evaluate HOST:PORT [HOST:PORT...]`.

A real Prometheus is started beside them with the project's rules and scrapes them every second for a while. Then it
evaluates every expression of every panel of the daemon's boards, with their variables replaced as Grafana replaces
them. A panel that must have data and has none is an error, and so is an expression that Prometheus rejects.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.prometheus import Dataquery

from deploy.grafana.board import panels_of
from deploy.grafana.boards import BOARDS, MAY_BE_EMPTY, OF_THE_DAEMON
from deploy.prometheus_server import Prometheus, prometheus

VARIABLES = {"$__rate_interval": "1m", "$__range": "10m", "$cluster": ".*", "$group": ".*"}
VARIABLES |= {"$scope": ".*", "$instance": ".*"}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one expression gave: the number of `series`, the first few `values`, or the `error`.

    `may_be_empty` says why there may be no series; without a reason there must be one.
    """

    board: str
    title: str
    expr: str
    series: int
    values: str
    may_be_empty: str
    error: str = ""

    @property
    def bad(self) -> bool:
        """Whether it is an error, or empty where there should be data."""
        return bool(self.error) or (self.series == 0 and not self.may_be_empty)


def evaluate_panels(server: Prometheus, boards: Collection[str] = OF_THE_DAEMON) -> list[Evaluation]:
    """Evaluate every expression of every panel of these boards."""
    return [
        _evaluate(server, name, panel.title or "", target.expr, MAY_BE_EMPTY.get(panel.title or "", ""))
        for name, board in BOARDS.items()
        if name in boards
        for panel in panels_of(board)
        for target in panel.targets or []
        if isinstance(target, Dataquery)
    ]


def evaluate_rules(server: Prometheus) -> list[Evaluation]:
    """Evaluate every rule; an alerting rule may be silent, a recording rule must have data."""
    evaluations = []
    for rule in server.rules():
        reason = "silent on a healthy daemon" if rule["type"] == "alerting" else ""
        evaluations.append(_evaluate(server, "rules", str(rule["name"]), str(rule["query"]), reason))
    return evaluations


def table(evaluations: Sequence[Evaluation]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| board | panel or rule | series | shows |", "|---|---|---|---|"]
    for one in evaluations:
        text = one.error or one.values or f"({one.may_be_empty or 'EMPTY'})"
        lines.append(f"| {one.board} | {one.title} | {one.series} | {text} |")
    return "\n".join(lines)


def _evaluate(server: Prometheus, board: str, title: str, expr: str, may_be_empty: str) -> Evaluation:
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    try:
        series = server.query(expr)
    except ValueError as error:
        return Evaluation(board, title, expr, 0, "", may_be_empty, str(error))
    first = [f"{_name(labels)}{value:.4g}" for labels, value in series[:4]]
    return Evaluation(board, title, expr, len(series), ", ".join(first), may_be_empty)


def _name(labels: dict[str, str]) -> str:
    common = {"job", "instance", "cluster", "group", "__name__"}
    own = [value for label, value in labels.items() if label not in common]
    return f"{' '.join(own)}: " if own else ""


def main(targets: list[str]) -> int:
    """Print the table of all panels and rules; returns 1 when one is bad."""
    if not targets:
        print(__doc__, file=sys.stderr)
        return 64
    with prometheus(targets) as server:
        evaluations = [*evaluate_panels(server), *evaluate_rules(server)]
    print(table(evaluations))
    bad = [one for one in evaluations if one.bad]
    print(f"\n{len(evaluations)} expressions, {len(bad)} with an error or without the data they should have")
    for one in bad:
        print(f"{one.board} / {one.title}: {one.error or 'no data'}: {one.expr}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
