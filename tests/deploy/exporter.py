"""Metrics under load, without the processes: as busy daemons, consoles and notify move them."""

from __future__ import annotations

import random

from daemon.console import ConsoleMetrics
from daemon.metrics import Metrics
from daemon.notify import NotifyMetrics

SCOPES = ("shop", "payments", "postgresql")


def begin(metrics: Metrics) -> None:
    """Set what a replica sets once at its start."""
    metrics.build.info({"version": "0.1.0", "python": "3.11", "model": "all-MiniLM-L6-v2:384"})
    metrics.start_time.set(1.7e9)
    metrics.engine_up.set(1)
    metrics.baseline_max_patterns.set(50_000)
    metrics.baseline_max_scopes.set(10_000)


def traffic(metrics: Metrics, random_: random.Random) -> None:
    """One moment of load."""
    metrics.seconds_since_progress.set(random_.random())
    metrics.event_loop_lag.set(random_.random() / 100)
    metrics.records_read.labels("logs").inc(100)
    metrics.read_bytes.labels("logs").inc(15_000)
    metrics.lines.labels("logs").inc(100)
    metrics.consumer_lag.labels("logs", "0").set(random_.randrange(1_000))
    metrics.dead_letters.labels("not_json").inc()
    metrics.rebalances.inc()
    metrics.partition_state.labels("running").set(4)
    metrics.commit_duration.observe(random_.random() / 5)
    metrics.checkpoint_age.set(random_.random() * 5)
    metrics.unsettled_lines.set(random_.randrange(10_000))
    metrics.sessions_open.set(random_.randrange(500))
    metrics.embedding_queue_depth.set(random_.randrange(20))
    metrics.embedding_batch_size.observe(random_.randrange(1, 32))
    metrics.embedding_duration.observe(random_.random() / 10)
    metrics.baseline_memory.set(3e7)
    metrics.baseline_scopes.set(3)
    metrics.baseline_scopes_let_go.inc(0)
    metrics.feedback.labels("normal").inc()
    for scope in SCOPES:
        _session(metrics, scope, random_)
    metrics.set_by_scope(metrics.incidents_told, {scope: random_.randrange(20) for scope in SCOPES})
    metrics.set_by_scope(metrics.incident_budget, dict.fromkeys(SCOPES, 20.0), worst=True)
    metrics.set_by_scope(metrics.incidents_open, dict.fromkeys(SCOPES, 1.0))
    metrics.set_by_scope(metrics.baseline_patterns, dict.fromkeys(SCOPES, 140.0))


def _session(metrics: Metrics, scope: str, random_: random.Random) -> None:
    verdict = random_.choice(("warm_up", "normal", "normal", "normal", "anomalous"))
    metrics.sessions_closed.labels("gap").inc()
    metrics.session_lines.observe(random_.randrange(1, 100))
    metrics.session_tokens.observe(random_.randrange(10, 2_000))
    metrics.sessions_judged.labels(metrics.scope(scope), verdict).inc()
    metrics.search_duration.observe(random_.random() / 1_000)
    metrics.pattern_cache_hits.inc()
    metrics.anomaly_score.observe(random_.expovariate(0.5))
    metrics.anomaly_p_value.observe(random_.random())
    if verdict == "anomalous":
        metrics.count_alert(scope, "warning", "8f3c2a-1b")
        metrics.incident_events.labels("opened").inc()
        metrics.incidents_held_back.labels(metrics.scope(scope)).inc()
        metrics.end_to_end_latency.observe(random_.random() * 40)
        metrics.verdict_latency.observe(random_.random() * 2)


def console_traffic(metrics: ConsoleMetrics, random_: random.Random) -> None:
    """One moment of a console that people look at."""
    for feed in ("messages", "patterns"):
        metrics.feed_up.labels(feed).set(1)
        metrics.unread.labels(feed).set(random_.randrange(100))
        metrics.unreadable.labels(feed).inc()
    metrics.bounds.archive_bytes.set(200_000_000 + random_.randrange(1_000_000))
    metrics.bounds.archive_most.set(1_000_000_000)
    metrics.bounds.let_go.labels("alerts").inc()
    for route in ("/", "/incident/", "/services"):
        metrics.seconds.labels(route).observe(random_.random() / 10)


def notify_traffic(metrics: NotifyMetrics, random_: random.Random) -> None:
    """One moment of notify with two routes."""
    for route in ("pager", "team"):
        metrics.begin(route)
        metrics.sent.labels(route, "opened").inc()
        metrics.failed.labels(route, "busy").inc()
        metrics.delay.labels(route).observe(random_.random())
        metrics.unread.labels(route).set(random_.randrange(10))
