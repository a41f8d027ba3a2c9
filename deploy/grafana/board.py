"""A board: its variables, its rows of panels, and the link to the other boards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.panels import DATASOURCE

Rows = Mapping[str, Sequence[Builder[Panel]]]


def build_board(uid: str, title: str, description: str, variables: Mapping[str, str], rows: Rows) -> Dashboard:
    """Return a board; `variables` are labels, each with the metric that has its values, `rows` are panels by title.

    The builder places a row's panels from left to right. Panels are numbered in order, rows included, so that a link to
    one panel (`viewPanel`) stays good while nothing is put before it.
    """
    builder = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["strayline"])
        .version(1)
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .annotations([])
        .link(
            dashboard.DashboardLink("strayline")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["strayline"])
            .as_dropdown(True)
            .keep_time(True)
        )
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for label, metric in variables.items():
        builder.with_variable(_label_variable(label, metric))
    for row, panels in rows.items():
        builder.with_row(dashboard.Row(row))
        for panel in panels:
            builder.with_panel(panel)
    board = builder.build()
    for number, item in enumerate(board.panels or [], start=1):
        item.id_val = number
    return board


def panels_of(board: Dashboard) -> list[Panel]:
    """Return the panels of a board in order, without its rows."""
    return [panel for panel in board.panels or [] if isinstance(panel, Panel)]


def _label_variable(label: str, metric: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(label)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": f"label_values({metric}, {label})", "refId": "variable"})
        .include_all(True)
        .all_value(".*")
        .multi(True)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
