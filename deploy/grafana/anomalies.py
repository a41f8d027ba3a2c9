"""The board *Anomalies*, for the people who read alerts."""

from __future__ import annotations

from deploy.grafana.board import build_board
from deploy.grafana.panels import heatmap_panel, scope_table, stat_panel, timeseries_panel
from deploy.grafana.promql import (
    ALL,
    BUDGET_USED,
    SCOPED,
    anomalous_share,
    buckets,
    gauge,
    increase,
    quantiles,
    rate,
)

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
        "Incidents told in the last 24 hours over the budget of a day. At 1 the budget holds back what is less grave.",
        "percentunit",
        f"max({BUDGET_USED})",
        empty="nothing observed yet",
        limits=[(0.5, "yellow"), (1, "red")],
    ),
    stat_panel(
        "Open incidents",
        "Incidents that are firing now.",
        "short",
        gauge("sum", "strayline_incidents_open", where=SCOPED),
        empty="none",
        limits=[(1, "orange")],
    ),
    stat_panel(
        "Told in the last 24 hours",
        "Incidents opened, reopened or made graver in the last 24 hours, all chosen scopes together.",
        "short",
        f"sum({gauge('max', 'strayline_incidents_told', 'scope', SCOPED)})",
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
        "Told against the budget",
        "Incidents of each scope told in 24 hours over its budget. A quiet day is 0; the budget is never exceeded.",
        "percentunit",
        {"{{scope}}": BUDGET_USED},
        empty="nothing observed yet",
        limits=[(0.5, "yellow"), (1, "red")],
    ),
    timeseries_panel(
        "Messages by event",
        "What was said of incidents. opened, reopened and escalated are told, and count against the budget.",
        "short",
        {"{{event}}": increase("strayline_incident_events_total", "event", ALL)},
        empty="no messages",
    ),
    timeseries_panel(
        "Messages by severity",
        "Messages about incidents committed a minute, by the gravest symptom.",
        "cpm",
        {"{{severity}}": f"60 * {rate('strayline_alerts_total', 'severity', SCOPED)}"},
        empty="no messages",
    ),
    timeseries_panel(
        "Open incidents by scope",
        "Incidents that are firing.",
        "short",
        {"{{scope}}": gauge("sum", "strayline_incidents_open", "scope", SCOPED)},
        empty="none",
    ),
    timeseries_panel(
        "From line to message",
        "Time from an incident's latest line to its committed message. A failure nobody has seen is told at once.",
        "s",
        quantiles("strayline_end_to_end_latency_seconds"),
        empty="no messages",
    ),
    timeseries_panel(
        "From close to verdict",
        "Time from a session's close to its committed verdict: of those with a clue, or of all with topics.verdicts.",
        "s",
        quantiles("strayline_verdict_latency_seconds"),
        empty="no verdicts",
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

_MOST_MESSAGES = f"topk(20, {increase('strayline_alerts_total', 'scope', SCOPED, '$__range')})"

_SCOPES = [
    scope_table(
        "Top scopes",
        "The twenty scopes with the most messages in the time range of the board.",
        [
            ("Messages", "short", _MOST_MESSAGES),
            ("Told, 24 h", "short", gauge("max", "strayline_incidents_told", "scope", SCOPED)),
            ("Sessions", "ops", f"sum by (scope) (rate(strayline_sessions_judged_total{{{SCOPED}}}[5m]))"),
            ("Anomaly rate, 1 h", "percentunit", anomalous_share("scope", "1h")),
            ("Budget used", "percentunit", BUDGET_USED),
            ("Patterns", "short", gauge("max", "strayline_baseline_patterns", "scope", SCOPED)),
        ],
        empty="no messages",
    )
    .span(16)
    .height(9),
    timeseries_panel(
        "Feedback",
        "Labels that people sent, by verdict.",
        "short",
        {"{{verdict}}": increase("strayline_feedback_total", "verdict", ALL)},
        empty="no feedback",
    ).height(9),
    timeseries_panel(
        "Held back by the budget",
        "Incidents that were not told because the budget of their scope, or alerts.total, was used up.",
        "short",
        {"{{scope}}": increase("strayline_incidents_held_back_total", "scope", SCOPED)},
        empty="none",
    ),
    timeseries_panel(
        "Known patterns by scope",
        "Patterns in the rolling window. One that climbs without end has lines that the masks do not fold.",
        "short",
        {"{{scope}}": f"topk(10, {gauge('max', 'strayline_baseline_patterns', 'scope', SCOPED)})"},
        empty="nothing learned yet",
    ).span(16),
]


BOARD = build_board(
    "strayline-anomalies",
    "strayline / Anomalies",
    "What the logs do: incidents against the budget, anomaly rates by scope, scores and feedback.",
    {
        "cluster": "strayline_build_info",
        "group": "strayline_build_info",
        "scope": "strayline_sessions_judged_total",
    },
    {"Now": _NOW, "Rates and the budget": _RATES, "Scores": _SCORES, "Scopes and feedback": _SCOPES},
)
