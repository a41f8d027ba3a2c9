"""PromQL that the panels share: how series are chosen, and the usual forms of a rate, a quantile and a share.

Series are chosen by the target labels `cluster` and `group`, which the scrape configurations in deploy/ and the chart
set. Where a site sets none, "All" matches everything.
"""

from __future__ import annotations

from collections.abc import Mapping

ALL = 'cluster=~"$cluster", group=~"$group"'
SCOPED = ALL + ', scope=~"$scope"'
ONE = ALL + ', instance=~"$instance"'
OF_STRAYLINE = f"* on (job, instance) group_left () strayline_build_info{{{ONE}}}"
"""Keeps only the replicas' own series of a metric that every process has."""

_JUDGED = f'strayline_sessions_judged_total{{{SCOPED}, verdict=~"normal|anomalous"}}'
_ANOMALOUS = f'strayline_sessions_judged_total{{{SCOPED}, verdict="anomalous"}}'

BUDGET_USED = (
    f"max by (scope) (strayline_incidents_told{{{SCOPED}}})"
    f" / (max by (scope) (strayline_incident_budget{{{SCOPED}}}) > 0)"
)


def rate(metric: str, by: str = "", where: str = ALL) -> str:
    """Return the rate a second of a counter, summed, or summed by the label `by`."""
    return f"{_sum(by)} (rate({metric}{{{where}}}[$__rate_interval]))"


def quantiles(metric: str, where: str = ALL) -> Mapping[str, str]:
    """Return the 50th, 90th and 99th percentile of a histogram, by legend."""
    buckets = rate(metric + "_bucket", "le", where)
    return {f"p{quantile * 100:g}": f"histogram_quantile({quantile}, {buckets})" for quantile in (0.5, 0.9, 0.99)}


def buckets(metric: str) -> str:
    """Return how many observations each bucket of a histogram got in each interval of the graph."""
    return f"sum by (le) (increase({metric}_bucket{{{ALL}}}[$__rate_interval]))"


def anomalous_share(by: str, window: str) -> str:
    """Return the share of judged sessions that were anomalous in `window`, warm-up left out."""
    return f"{_sum(by)} (rate({_ANOMALOUS}[{window}])) / ({_sum(by)} (rate({_JUDGED}[{window}])) > 0)"


def _sum(by: str) -> str:
    return f"sum by ({by})" if by else "sum"
