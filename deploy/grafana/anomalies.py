"""The board *Anomalies*, for the people who read alerts."""

from __future__ import annotations

from deploy.grafana.board import build_board
from deploy.grafana.panels import heatmap_panel, scope_table, stat_panel, timeseries_panel
from deploy.grafana.promql import ALL, BUDGET_USED, SCOPED, anomalous_share, buckets, quantiles, rate

_NOW = [
    stat_panel(
        "Anomaly rate, last hour",
        "Share of judged sessions that were anomalous in the last hour, all chosen scopes together.",
        "percentunit",
        anomalous_share("", "1h"),
        empty="no live scope yet",
    ),
    stat_panel(
        "Budget used, worst scope",
        "Realised alerts of the last 1,000 sessions over the budget. 1 is on budget; above 1.5 an alert fires.",
        "percentunit",
        f"max({BUDGET_USED})",
        empty="no live scope yet",
        limits=[(1.1, "yellow"), (1.5, "red")],
    ),
    stat_panel(
        "Open incidents",
        "Incidents that are firing now.",
        "short",
        f"sum(strayline_incidents_open{{{SCOPED}}})",
        empty="none",
        limits=[(1, "orange")],
    ),
    stat_panel(
        "Alerts in this time range",
        "Alerts committed in the time range of the board.",
        "short",
        f"sum(increase(strayline_alerts_total{{{SCOPED}}}[$__range]))",
        empty="none",
    ),
    stat_panel(
        "Sessions judged",
        "Sessions judged a second, warm-up included.",
        "ops",
        rate("strayline_sessions_judged_total", where=SCOPED),
        empty="no sessions",
    ),
    stat_panel(
        "Scopes that only learn",
        "Scopes with sessions in warm-up in the last 10 minutes: these cannot alert yet.",
        "short",
        "count(sum by (scope) (increase(strayline_sessions_judged_total"
        f'{{{SCOPED}, verdict="warm_up"}}[10m])) > 0) or vector(0)',
        empty="none",
    ),
]

_RATES = [
    timeseries_panel(
        "Anomaly rate",
        "Share of judged sessions that were anomalous, all chosen scopes together, over 5 minutes and an hour.",
        "percentunit",
        {"5 minutes": anomalous_share("", "5m"), "1 hour": anomalous_share("", "1h")},
        empty="no live scope yet",
    ),
    timeseries_panel(
        "Anomaly rate by scope",
        "The ten scopes with the highest share of anomalous sessions over 5 minutes.",
        "percentunit",
        {"{{scope}}": f"topk(10, {anomalous_share('scope', '5m')})"},
        empty="no live scope yet",
    ),
    timeseries_panel(
        "Realised rate against the budget",
        "Alerts of each scope's last 1,000 sessions over its budget: 1 is on budget, above 1.5 for an hour alerts.",
        "percentunit",
        {"{{scope}}": BUDGET_USED},
        empty="no live scope yet",
        limits=[(1, "yellow"), (1.5, "red")],
    ),
    timeseries_panel(
        "Alerts by severity",
        "Alerts committed a minute.",
        "cpm",
        {"{{severity}}": f"60 * {rate('strayline_alerts_total', 'severity', SCOPED)}"},
        empty="no alerts",
    ),
    timeseries_panel(
        "Open incidents by scope",
        "Incidents that are firing.",
        "short",
        {"{{scope}}": f"sum by (scope) (strayline_incidents_open{{{SCOPED}}})"},
        empty="none",
    ),
    timeseries_panel(
        "From line to alert",
        "Time from a session's last line to its committed alert. The session's idle gap is part of it.",
        "s",
        quantiles("strayline_end_to_end_latency_seconds"),
        empty="no alerts",
    ),
]

_SCORES = [
    heatmap_panel(
        "Scores",
        "How many sessions had which score; larger is stranger. A band that moves up is traffic that changes.",
        buckets("strayline_anomaly_score"),
        empty="no sessions",
    ),
    heatmap_panel(
        "P-values",
        "How many sessions had which p-value. Steady traffic fills it evenly; a bright floor is an outbreak.",
        buckets("strayline_anomaly_p_value"),
        empty="no live scope yet",
    ),
    timeseries_panel(
        "Calibration: share of p-values at or below",
        "On steady traffic a share of about 1% lies at or below 0.01 and 10% at or below 0.1.",
        "percentunit",
        {
            f"p <= {number}": rate("strayline_anomaly_p_value_bucket", where=f'{ALL}, le="{number}"')
            + f" / ({rate('strayline_anomaly_p_value_count')} > 0)"
            for number in ("0.01", "0.1")
        },
        empty="no live scope yet",
    ),
]

_SCOPES = [
    scope_table(
        "Top scopes",
        "The twenty scopes with the most alerts in the time range of the board.",
        [
            ("Alerts", "short", f"topk(20, sum by (scope) (increase(strayline_alerts_total{{{SCOPED}}}[$__range])))"),
            ("Sessions", "ops", f"sum by (scope) (rate(strayline_sessions_judged_total{{{SCOPED}}}[5m]))"),
            ("Anomaly rate, 1 h", "percentunit", anomalous_share("scope", "1h")),
            ("Budget used", "percentunit", BUDGET_USED),
            ("Patterns", "short", f"max by (scope) (strayline_baseline_patterns{{{SCOPED}}})"),
        ],
        empty="no alerts",
    )
    .span(16)
    .height(9),
    timeseries_panel(
        "Feedback",
        "Labels that people sent, by verdict.",
        "short",
        {"{{verdict}}": f"sum by (verdict) (increase(strayline_feedback_total{{{ALL}}}[$__rate_interval]))"},
        empty="no feedback",
    ).height(9),
    timeseries_panel(
        "Suppressed",
        "Anomalous sessions that made no alert, by reason.",
        "short",
        {"{{reason}}": f"sum by (reason) (increase(strayline_alerts_suppressed_total{{{ALL}}}[$__rate_interval]))"},
        empty="none",
    ),
    timeseries_panel(
        "Known patterns by scope",
        "Patterns in the rolling window. One that climbs without end has lines that the masks do not fold.",
        "short",
        {"{{scope}}": f"topk(10, max by (scope) (strayline_baseline_patterns{{{SCOPED}}}))"},
        empty="nothing learned yet",
    ).span(16),
]


BOARD = build_board(
    "strayline-anomalies",
    "strayline / Anomalies",
    "What the logs do: anomaly rates by scope, the alert budget, scores, incidents and feedback.",
    {
        "cluster": "strayline_build_info",
        "group": "strayline_build_info",
        "scope": "strayline_sessions_judged_total",
    },
    {"Now": _NOW, "Rates and the budget": _RATES, "Scores": _SCORES, "Scopes and feedback": _SCOPES},
)
