"""What a step did, put into metrics: a few calls a step, however many sessions it judged.

A metric's label look-up costs about as much as judging part of a session does, so sessions are counted first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from prometheus_client import Histogram

from daemon.core.stream import Step
from daemon.core.types import Batch, TopicPartition, Verdict
from daemon.metrics import Metrics


def count_step(metrics: Metrics, source: TopicPartition, step: Step, batch: Batch | None) -> None:
    """Put into metrics what a step did."""
    if batch is not None:
        metrics.records_read.labels(source.topic).inc(len(batch))
        metrics.read_bytes.labels(source.topic).inc(sum(map(len, filter(None, batch.values))))
        metrics.lines.labels(source.topic).inc(step.lines)
        metrics.time_clamped.inc(step.clamped)
        metrics.dropped.labels("replayed").inc(step.replayed)
    for reason, count in step.rejects.items():
        metrics.dead_letters.labels(reason).inc(count)
    metrics.pattern_cache_hits.inc(step.known)
    for word in step.feedback:
        metrics.feedback.labels(word).inc()
    if step.verdicts:
        metrics.search_duration.observe(step.judging_seconds / len(step.verdicts))
        metrics.alerts_suppressed.labels("incident").inc(step.suppressed)
        _count_verdicts(metrics, step.verdicts)


def _count_verdicts(metrics: Metrics, verdicts: Sequence[Verdict]) -> None:
    for closed_by, count in Counter(verdict.session.closed_by for verdict in verdicts).items():
        metrics.sessions_closed.labels(closed_by.value).inc(count)
    for (scope, outcome), count in Counter((v.session.scope, _outcome(v)) for v in verdicts).items():
        metrics.sessions_judged.labels(metrics.scope(scope), outcome).inc(count)
    observe_all(metrics.session_tokens, [verdict.session.tokens for verdict in verdicts])
    observe_all(metrics.session_lines, [verdict.session.size for verdict in verdicts])
    observe_all(metrics.anomaly_score, [verdict.judgement.score for verdict in verdicts])
    p_values = (verdict.judgement.p_value for verdict in verdicts)
    observe_all(metrics.anomaly_p_value, [p_value for p_value in p_values if p_value is not None])


def _outcome(verdict: Verdict) -> str:
    judged = verdict.judgement
    return "anomalous" if judged.anomalous else "warm_up" if judged.p_value is None else "normal"


def observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """Do what `observe` does for each value; the library has no public way to observe many."""
    bounds = np.array(histogram._upper_bounds)  # noqa: SLF001  # see above
    places = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds)) if values else ()
    for bucket, count in zip(histogram._buckets, places, strict=False):  # noqa: SLF001  # see above
        if count:
            bucket.inc(int(count))
    histogram._sum.inc(float(sum(values)))  # noqa: SLF001  # see above
