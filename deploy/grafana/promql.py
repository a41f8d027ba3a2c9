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


def rate(metric: str, by: str = "", where: str = ALL) -> str:
    """Return the rate a second of a counter, summed, or summed by the label `by`."""
    return f"{_over('sum', by)} (rate({metric}{{{where}}}[$__rate_interval]))"


def gauge(of: str, metric: str, by: str = "", where: str = ONE) -> str:
    """Return all series of a gauge as one by `of` (sum, min, max, count), or one for each value of the label `by`."""
    return f"{_over(of, by)} ({metric}{{{where}}})" if by else f"{of}({metric}{{{where}}})"


def increase(metric: str, by: str = "", where: str = ONE, window: str = "$__rate_interval") -> str:
    """Return how far a counter rose in `window`, summed, or summed by the label `by`."""
    total = f"increase({metric}{{{where}}}[{window}])"
    return f"{_over('sum', by)} ({total})" if by else f"sum({total})"


def quantiles(metric: str, where: str = ALL) -> Mapping[str, str]:
    """Return the 50th, 90th and 99th percentile of a histogram, by legend."""
    buckets = rate(metric + "_bucket", "le", where)
    return {f"p{quantile * 100:g}": f"histogram_quantile({quantile}, {buckets})" for quantile in (0.5, 0.9, 0.99)}


def buckets(metric: str) -> str:
    """Return how many observations each bucket of a histogram got in each interval of the graph."""
    return increase(f"{metric}_bucket", "le", ALL)


def anomalous_share(by: str, window: str) -> str:
    """Return the share of judged sessions that were anomalous in `window`, warm-up left out."""
    return f"{_over('sum', by)} (rate({_ANOMALOUS}[{window}])) / ({_over('sum', by)} (rate({_JUDGED}[{window}])) > 0)"


def _over(of: str, by: str) -> str:
    return f"{of} by ({by})" if by else of


BUDGET_USED = (
    f"{gauge('max', 'strayline_incidents_told', 'scope', SCOPED)}"
    f" / ({gauge('max', 'strayline_incident_budget', 'scope', SCOPED)} > 0)"
)
"""The incidents of each scope told in 24 hours, over its budget of a day."""
