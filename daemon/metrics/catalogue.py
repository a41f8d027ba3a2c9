"""All metrics, in one place.

Three rules:

* One instance a process, on the registry it is given. Each metric is an attribute; nothing looks one up by name.
* Units are base units, and counters end in `_total`. Label values are few and known: states, reasons, topics,
  partitions. Only `scope` is open-ended: the first `max_scopes` names have their own series and all later ones share
  `other`, so traffic cannot grow the exposition. A session, key, pattern or line is never a label.
* `series` describes every metric in order, with its group, for docs/metrics.md.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from daemon.core.messages import VERDICTS
from daemon.core.types import ClosedBy
from daemon.metrics.described import DescribedMetrics
from daemon.metrics.ports import of_process

_REJECTS = (
    "empty",
    "not_utf8",
    "not_json",
    "not_an_object",
    "missing_field",
    "bad_time",
    "too_many_lines",
    "too_many_parts",
    "bad_compression",
    "batch_too_large",
    "not_otlp",
    "not_avro",
    "not_protobuf",
    "unknown_schema",
    "bad_feedback",
    "too_many_labels",
    "bad_observation",
    "bad_document",
    "empty_document",
    "refused_text",
)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LATENCY = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_SEARCH = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
_TOKENS = (16, 64, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_LINES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SCORE = (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30)
_P_VALUE = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)


class Metrics(DescribedMetrics):
    """All metrics of the daemon as attributes. `max_scopes` bounds the values of the `scope` label."""

    def __init__(self, registry: CollectorRegistry, max_scopes: int = 200) -> None:
        super().__init__(registry, max_scopes)
        self.ports = of_process(registry)
        self._process()
        self._input()
        self._partitions()
        self._sessions()
        self._engine()
        self._detector()
        self._alerts()

    def count_alert(self, scope: str, severity: str, alert_id: str) -> None:
        """Count one committed alert; its id is the exemplar where the scraper asks for OpenMetrics."""
        self.alerts.labels(self.scope(scope), severity).inc(exemplar={"alert_id": alert_id})

    def _process(self) -> None:
        self._group = "Process"
        self.build = self._info("build", "What is running; always 1.", ("version", "python", "model"))
        self.start_time = self._gauge("start_time_seconds", "When the process started, in seconds since the epoch.")
        self.seconds_since_progress = self._gauge(
            "seconds_since_progress",
            "Seconds since the slowest part of the daemon made progress while it had work; idle is progress.",
        )
        self.stalled = self._gauge(
            "stalled",
            "1 while a part of the daemon stands still, else 0.",
            "cause",
            values=("kafka", "group", "partition", "baseline", "engine", "detector", "event_time"),
        )
        self.event_loop_lag = self._gauge(
            "event_loop_lag_seconds", "The longest time the event loop was blocked since the last measurement."
        )
        self.watchdog = self._counter(
            "watchdog",
            "Steps taken because a partition was behind and received no data.",
            "step",
            values=("reseek", "rejoin"),
        )

    def _input(self) -> None:
        self._group = "Input"
        self.records_read = self._counter("records_read", "Kafka records fetched.", "topic")
        self.read_bytes = self._counter("read_bytes", "Bytes of the values of records fetched.", "topic")
        self.lines = self._counter("lines", "Log lines found in records.", "topic")
        self.dropped = self._counter(
            "dropped",
            "Lines and records that were read again although a commit had already settled them.",
            "reason",
            values=("replayed",),
        )
        self.dead_letters = self._counter(
            "dead_letters",
            "Records published to the dead letter topic.",
            "reason",
            values=_REJECTS,
        )
        self.time_clamped = self._counter(
            "time_clamped", "Lines with an implausible time, which got their record's time instead."
        )
        self.time_unreadable = self._counter(
            "time_unreadable", "Lines whose time could not be read, which got their record's time instead."
        )
        self.time_held_back = self._counter(
            "time_held_back", "Lines with a time so far ahead that they did not move stream time."
        )
        self.multiline_cuts = self._counter(
            "multiline_cuts",
            "Times that lines which belong together were not joined because of a bound of input.multiline.",
            "bound",
            values=("lines", "bytes", "time"),
        )
        self.lost_records = self._counter(
            "lost_records",
            "Records that the broker's retention deleted before they were read.",
            "topic",
            "partition",
        )
        self.consumer_lag = self._gauge(
            "consumer_lag_records",
            "Records between the fetched position and the end of the partition.",
            "topic",
            "partition",
        )

    def _partitions(self) -> None:
        self._group = "Partitions and commits"
        self.rebalances = self._counter("rebalances", "Times the group gave this replica a new assignment.")
        self.partition_state = self._gauge(
            "partition_state", "Assigned partitions by state.", "state", values=("init", "running", "dead")
        )
        self.partition_restarts = self._counter(
            "partition_restarts",
            "Partitions that failed and started again from their checkpoint.",
            "reason",
            values=("commit", "fenced", "init", "timeout", "input_made_anew", "error"),
        )
        self.commit_duration = self._histogram(
            "commit_duration_seconds", "Duration of transactions that committed, from begin to commit.", _SECONDS
        )
        self.checkpoint_age = self._gauge(
            "checkpoint_age_seconds", "Age of the oldest checkpoint among running partitions that have work to commit."
        )
        self.unsettled_lines = self._gauge(
            "unsettled_lines", "Lines read whose session is not committed yet; a restart reads them again."
        )

    def _sessions(self) -> None:
        self._group = "Sessions"
        self.sessions_open = self._gauge("sessions_open", "Sessions that are open.")
        self.sessions_closed = self._counter("sessions_closed", "Sessions closed.", "reason", values=tuple(ClosedBy))
        self.session_tokens = self._histogram(
            "session_tokens", "Tokens of closed sessions, all lines counted.", _TOKENS
        )
        self.session_lines = self._histogram("session_lines", "Lines of closed sessions.", _LINES)

    def _engine(self) -> None:
        self._group = "Embedding engine"
        self.engine_up = self._gauge("engine_up", "1 while the embedding engine answers its health check, else 0.")
        self.embedding_batch_size = self._histogram(
            "embedding_batch_size", "Patterns sent to the engine at once.", _BATCH
        )
        self.embedding_duration = self._histogram(
            "embedding_duration_seconds", "Time from handing a batch to the engine to its vectors.", _SECONDS
        )
        self.embedding_queue_depth = self._gauge("embedding_queue_depth", "Patterns waiting for their vector.")
        self.guest_texts = self._counter("guest_texts", "Texts embedded for other programs (serve.with_run).")
        self.guest_refusals = self._counter(
            "guest_refusals", "Requests of other programs that were refused because the stream needed the engine."
        )
        self.guest_wait = self._histogram(
            "guest_wait_seconds", "Time for which a part of another program's request waited for the stream.", _SECONDS
        )
        self.embedding_errors = self._counter(
            "embedding_errors", "Batches that failed in the engine, retries included."
        )
        self.pattern_cache_hits = self._counter(
            "pattern_cache_hits", "Sessions whose pattern already had a vector, so nothing was embedded."
        )

    def _detector(self) -> None:
        self._group = "Detector and baseline"
        self.sessions_judged = self._counter(
            "sessions_judged", "Sessions judged. verdict: warm_up, normal, anomalous.", "scope", "verdict"
        )
        self.anomaly_score = self._histogram("anomaly_score", "Scores of judged sessions; larger is stranger.", _SCORE)
        self.anomaly_p_value = self._histogram(
            "anomaly_p_value", "P-values of judged sessions; there is none while a scope warms up.", _P_VALUE
        )
        self.baseline_patterns = self._gauge("baseline_patterns", "Patterns in a scope's rolling window.", "scope")
        self.baseline_max_patterns = self._gauge(
            "baseline_max_patterns", "The most patterns that a scope may hold (detector.max_patterns)."
        )
        self.baseline_scopes = self._gauge("baseline_scopes", "Scopes that have a baseline.")
        self.baseline_max_scopes = self._gauge(
            "baseline_max_scopes", "The most scopes that are kept (detector.max_scopes)."
        )
        self.baseline_scopes_let_go = self._counter(
            "baseline_scopes_let_go", "Scopes whose baseline was dropped because there were too many."
        )
        self.baseline_labels = self._gauge(
            "baseline_labels",
            "Labels of people, of all scopes (detector.max_labels is for each). Refused ones are "
            'strayline_dead_letters_total{reason="too_many_labels"}.',
        )
        self.baseline_cold_scopes = self._gauge(
            "baseline_cold_scopes", "Scopes on the disk, since nobody used them (detector.cold_after)."
        )
        self.baseline_cold_bytes = self._gauge("baseline_cold_bytes", "Bytes that cold scopes take on the disk.")
        self.baseline_cold_returns = self._counter(
            "baseline_cold_returns", "Scopes that came back from the disk because they were used."
        )
        self.baseline_cold_failures = self._counter(
            "baseline_cold_failures", "Times that the disk took no more cold scopes; they stayed in memory."
        )
        self.scopes_split = self._counter(
            "scopes_split",
            "Scopes that are judged in several partitions, with detector.baselines: served, against a part of their "
            "history in each.",
        )
        self.documents_base_unfinished = self._gauge(
            "documents_base_unfinished",
            "1 while documents are checked against their base as it was, since another program embeds it with another "
            "model.",
        )
        self.baseline_foreign_records = self._counter(
            "baseline_foreign_records", "Records of the baseline topic that are not ours; they are passed over."
        )
        self.baseline_snapshots = self._counter(
            "baseline_snapshots", "Snapshots of the baselines. result: written, failed, loaded, refused.", "result"
        )
        self.baseline_snapshot_bytes = self._gauge("baseline_snapshot_bytes", "Size of the last snapshot written.")
        self.baseline_memory = self._gauge("baseline_memory_bytes", "Memory of all baselines and their indexes.")
        self.search_duration = self._histogram(
            "search_duration_seconds", "Time to judge one session against its baseline.", _SEARCH
        )

    def _alerts(self) -> None:
        self._group = "Alerts and feedback"
        self.alerts = self._counter("alerts", "Messages about incidents committed.", "scope", "severity")
        self.incident_events = self._counter(
            "incident_events",
            "What was said of incidents. opened, reopened and escalated are told: they count against the budget.",
            "event",
            values=("opened", "reopened", "escalated", "updated", "resolved"),
        )
        self.incidents_open = self._gauge("incidents_open", "Incidents that are firing.", "scope")
        self.incidents_told = self._gauge("incidents_told", "Incidents told in the last 24 hours.", "scope")
        self.incidents_held_back = self._counter(
            "incidents_held_back", "Incidents that were not told because the budget was used up.", "scope"
        )
        self.incident_sessions = self._counter(
            "incident_sessions",
            "Sessions with a clue. late joined an incident that was over, held one that was held back, alone none.",
            "became",
            values=("joined", "late", "held", "alone"),
        )
        self.incidents_let_go = self._counter(
            "incidents_let_go",
            "What the incidents stage let go because it held too much (docs/memory.md).",
            "kind",
            values=("scopes", "causes", "rewordings", "clues", "incidents", "mutes"),
        )
        self.mutes = self._gauge("mutes", "Mutes in force (alerts.max_mutes).")
        self.feedback = self._counter("feedback", "Feedback applied.", "verdict", values=VERDICTS)
        self.incident_budget = self._gauge(
            "incident_budget", "The most incidents that may be told in 24 hours (alerts.budget).", "scope"
        )
        self.verdict_latency = self._histogram(
            "verdict_latency_seconds",
            "Time from a session's close to its committed verdict: of sessions with a clue, or of all with "
            "topics.verdicts.",
            _LATENCY,
        )
        self.end_to_end_latency = self._histogram(
            "end_to_end_latency_seconds", "Time from the latest line of an incident to its committed message.", _LATENCY
        )
