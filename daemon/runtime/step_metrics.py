"""Counts what steps and transactions did: a few calls to metrics per step, however many sessions it judged.

Looking up a metric's labels costs about as much as a part of judging a session, so sessions are counted first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import structlog
from prometheus_client import Histogram

from daemon.core.stream import Settlement, Step
from daemon.core.types import Batch, Judgement, TopicPartition, Verdict
from daemon.metrics import Metrics

log = structlog.get_logger(__name__)


def count_settlement(
    metrics: Metrics, source: TopicPartition, settlement: Settlement, now: float, timer: float
) -> None:
    """Count and log what a transaction published that was committed at `now`, seconds since the epoch.

    `timer` is the same moment by the clock of `Settlement.closed`.
    """
    observe_all(metrics.verdict_latency, [timer - closed for closed in settlement.closed])
    for alert in settlement.alerts:
        metrics.count_alert(alert.scope, alert.severity, alert.id)
        metrics.incident_events.labels(alert.event).inc()
        metrics.end_to_end_latency.observe(max(0.0, now - alert.end / 1e6))
    for scope, count in settlement.held_back.items():
        metrics.incidents_held_back.labels(metrics.scope(scope)).inc(count)
        log.warning("incidents_held_back", scope=scope, count=count, remedy="raise alerts.budget or alerts.total")
    for kind, count in settlement.let_go.items():
        metrics.incidents_let_go.labels(kind).inc(count)
    for became, count in settlement.sessions.items():
        metrics.incident_sessions.labels(became).inc(count)
    if settlement.alerts:
        scopes = Counter(alert.scope for alert in settlement.alerts)
        log.info("alerts_published", partition=str(source), scopes=dict(scopes), last=settlement.alerts[-1].id)


def count_step(metrics: Metrics, source: TopicPartition, step: Step, batch: Batch | None) -> None:
    """Count what a step did; `batch` is what it took in."""
    if batch is not None:
        metrics.records_read.labels(source.topic).inc(len(batch))
        metrics.read_bytes.labels(source.topic).inc(sum(map(len, filter(None, batch.values))))
        if not step.relayed:
            metrics.lines.labels(source.topic).inc(step.lines)
        metrics.time_clamped.inc(step.times.clamped)
        metrics.time_unreadable.inc(step.times.unreadable)
        metrics.time_held_back.inc(step.times.held_back)
        metrics.dropped.labels("replayed").inc(step.replayed)
        for bound, count in step.cuts.items():
            metrics.multiline_cuts.labels(bound).inc(count)
    for reason, count in step.rejects.items():
        metrics.dead_letters.labels(reason).inc(count)
    for one in step.split:
        metrics.scopes_split.inc()
        remedy = "key records by scope, or set input.repartition and input.repartition_by: scope"
        log.error("scope_in_several_partitions", scope=one.scope, partitions=[one.before, one.now], remedy=remedy)
    metrics.pattern_cache_hits.inc(step.known)
    for verdict in step.feedback:
        metrics.feedback.labels(verdict).inc()
    if step.verdicts:
        metrics.search_duration.observe(step.judging_seconds / len(step.verdicts))
        _count_verdicts(metrics, step.verdicts)


def _count_verdicts(metrics: Metrics, verdicts: Sequence[Verdict]) -> None:
    sessions, judgements = [verdict.session for verdict in verdicts], [verdict.judgement for verdict in verdicts]
    for closed_by, count in Counter([session.closed_by for session in sessions]).items():
        metrics.sessions_closed.labels(closed_by.value).inc(count)
    outcomes = zip([session.scope for session in sessions], map(_outcome, judgements), strict=True)
    for (scope, outcome), count in Counter(outcomes).items():
        metrics.sessions_judged.labels(metrics.scope(scope), outcome).inc(count)
    observe_all(metrics.session_tokens, [session.tokens for session in sessions])
    observe_all(metrics.session_lines, [session.size for session in sessions])
    observe_all(metrics.anomaly_score, [judgement.score for judgement in judgements])
    observe_all(metrics.anomaly_p_value, [one.p_value for one in judgements if one.p_value is not None])


def _outcome(judgement: Judgement) -> str:
    return "anomalous" if judgement.anomalous else "warm_up" if judgement.p_value is None else "normal"


def observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """Observe each of `values`; the library has no public way to observe many at once."""
    bounds = np.array(histogram._upper_bounds)  # noqa: SLF001  # see above
    places = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds)) if values else ()
    for bucket, count in zip(histogram._buckets, places, strict=False):  # noqa: SLF001  # see above
        if count:
            bucket.inc(int(count))
    histogram._sum.inc(float(sum(values)))  # noqa: SLF001  # see above
