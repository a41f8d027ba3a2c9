"""The panels of the boards: Grafana's own builders with what all panels of one type have in common.

A function returns the builder, so that a board can go on with whatever else the builder offers. Every panel says what
it shows (`description`), in what unit, and what it writes when there is nothing to show (`empty`). `limits` are
(value, colour) in ascending order above the base colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    ScaleDistribution,
    SortOrder,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
Limits = Sequence[tuple[float, str]]


def stat_panel(
    title: str, description: str, unit: str, expr: str, *, empty: str, limits: Limits = (), base: str = "green"
) -> stat.Panel:
    """Return one number: the value of `expr` now, coloured when it has limits. Six of them fill a row."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(4)
        .height(5)
        .unit(unit)
        .no_value(empty)
        .thresholds(_thresholds(base, limits))
        .with_target(_query(0, expr).format(PromQueryFormat.TIME_SERIES).legend_format("__auto").instant())
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .color_mode(BigValueColorMode.VALUE if limits else BigValueColorMode.NONE)
        .graph_mode(BigValueGraphMode.NONE)
    )


def timeseries_panel(
    title: str, description: str, unit: str, series: Mapping[str, str], *, empty: str, limits: Limits = ()
) -> timeseries.Panel:
    """Return lines over time from 0 up: an expression by its legend. Limits are dashed lines."""
    dashed = GraphThresholdsStyleMode.DASHED if limits else GraphThresholdsStyleMode.OFF
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(8)
        .height(8)
        .unit(unit)
        .no_value(empty)
        .min(0)
        .thresholds(_thresholds("green", limits))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))
        .fill_opacity(10)
        .show_points(VisibilityMode.NEVER)
        .scale_distribution(common.ScaleDistributionConfig().type(ScaleDistribution.LINEAR))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    for number, (legend, expr) in enumerate(series.items()):
        panel.with_target(_query(number, expr).format(PromQueryFormat.TIME_SERIES).legend_format(legend).range())
    return panel


def heatmap_panel(title: str, description: str, expr: str, *, empty: str) -> heatmap.Panel:
    """Return a histogram's buckets over time; `expr` has one series for each `le`."""
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(8)
        .height(8)
        .unit("short")
        .no_value(empty)
        .thresholds(_thresholds("green", ()))
        .with_target(_query(0, expr).format(PromQueryFormat.HEATMAP).legend_format("{{le}}").range())
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(HeatmapColorMode.SCHEME)
            .scheme("Oranges")
            .steps(64)
            .fill("dark-orange")
            .exponent(0.5)
        )
        .y_axis(heatmap.YAxisConfig().unit("short"))
        .cell_gap(1)
        .mode(TooltipDisplayMode.SINGLE)
        .show_y_histogram()
    )


def scope_table(title: str, description: str, columns: Sequence[tuple[str, str, str]], *, empty: str) -> table.Panel:
    """Return a table with a row for each scope; a column is (name, unit, expression by scope)."""
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit("short")
        .no_value(empty)
        .thresholds(_thresholds("green", ()))
        .cell_height(TableCellHeight.SM)
        .override_by_name("Scope", [DynamicConfigValue("unit", "string")])
    )
    names = {"scope": "Scope"}
    for number, (name, unit, expr) in enumerate(columns):
        query = _query(number, expr).format(PromQueryFormat.TABLE).legend_format("__auto").instant()
        panel.with_target(query).override_by_name(name, [DynamicConfigValue("unit", unit)])
        names[f"Value #{ascii_uppercase[number]}"] = name
    organize: dict[str, object] = {"excludeByName": {"Time": True}, "renameByName": names}
    merge = DataTransformerConfig(id_val="merge", options={})
    return panel.transformations([merge, DataTransformerConfig(id_val="organize", options=organize)])


def _query(number: int, expr: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(ascii_uppercase[number]).datasource(DATASOURCE).expr(expr)


def _thresholds(base: str, limits: Limits) -> dashboard.ThresholdsConfig:
    steps = [Threshold(None, base), *(Threshold(value, colour) for value, colour in limits)]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
