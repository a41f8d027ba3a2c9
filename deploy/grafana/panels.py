"""Grafana panels as values: what differs between panels is said once, and the JSON around it is made here.

A panel is laid out by the order it is given in, in a grid 24 wide; `Row` starts a new titled row. `sparse` says why a
panel may rightly show nothing on a healthy daemon under load; every other panel must show data there, which a test
with a real Prometheus holds it to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Json = dict[str, object]
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a panel and the legend of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `steps` are (threshold, colour) in ascending order after the base colour `base`."""

    kind: str
    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    width: int = 8
    height: int = 8
    empty: str = "no data"
    sparse: str = ""
    base: str = "green"
    steps: Sequence[tuple[float, str]] = ()
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    log_base: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a board: the values of `label` on `metric`, or all of them."""

    name: str
    label: str
    metric: str


@dataclass(frozen=True, slots=True)
class Board:
    """A whole board."""

    uid: str
    title: str
    description: str
    variables: Sequence[Variable]
    rows: Sequence[Row]

    def panels(self) -> list[Panel]:
        """Return all panels in order."""
        return [panel for row in self.rows for panel in row.panels]


def board_json(board: Board) -> Json:
    """Return the board as Grafana imports it."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["strayline"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "strayline", "tags": ["strayline"], "asDropdown": True, "keepTime": True}
        ],
        "templating": {"list": [_datasource_variable(), *(_variable(variable) for variable in board.variables)]},
        "panels": _layout(board.rows),
    }


def _datasource_variable() -> Json:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}


def _variable(variable: Variable) -> Json:
    definition = f"label_values({variable.metric}, {variable.label})"
    return {
        "name": variable.name,
        "label": variable.name,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": definition,
        "query": {"query": definition, "refId": "variable"},
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "refresh": 2,
        "sort": 1,
    }


def _layout(rows: Sequence[Row]) -> list[Json]:
    laid: list[Json] = []
    top = 0
    for row in rows:
        laid.append(
            {
                "id": len(laid) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": top},
                "panels": [],
            }
        )
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > 24:
                top, left, height = top + height, 0, 0
            laid.append(_panel(panel, len(laid) + 1, {"h": panel.height, "w": panel.width, "x": left, "y": top}))
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return laid


def _panel(panel: Panel, number: int, place: Json) -> Json:
    instant = panel.kind in {"stat", "table", "bargauge"}
    form = {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series")
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": DATASOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or ("{{le}}" if panel.kind == "heatmap" else "__auto"),
            "format": form,
            "instant": instant,
            "range": not instant,
        }
        for index, query in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
        "targets": targets,
        "transformations": _transformations(panel),
    }


def _defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"value": None, "color": panel.base}]
    steps += [{"value": value, "color": colour} for value, colour in panel.steps]
    defaults: Json = {"unit": panel.unit, "noValue": panel.empty, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        defaults["min"] = 0
        defaults["custom"] = {
            "fillOpacity": 10,
            "showPoints": "never",
            "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
            "scaleDistribution": {"type": "log", "log": panel.log_base} if panel.log_base else {"type": "linear"},
        }
    return defaults


def _overrides(panel: Panel) -> list[Json]:
    return [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
        for name, unit in panel.columns.values()
    ]


def _options(panel: Panel) -> Json:
    if panel.kind == "stat":
        reduce: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduce, "colorMode": "value" if panel.steps else "none", "graphMode": "none"}
    if panel.kind == "heatmap":
        return {
            "calculate": False,
            "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
            "yAxis": {"unit": panel.unit},
            "cellGap": 1,
            "tooltip": {"mode": "single", "yHistogram": True},
        }
    if panel.kind == "table":
        return {"showHeader": True, "cellHeight": "sm"}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def _transformations(panel: Panel) -> list[Json]:
    if panel.kind != "table":
        return []
    names = {column: name for column, (name, _) in panel.columns.items()}
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": names}},
    ]
