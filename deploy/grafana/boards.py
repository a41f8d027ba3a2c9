"""The two Grafana boards: *Anomalies* for the people who read alerts, *Daemon* for those who run strayline.

`python -m deploy.generate` writes them as JSON beside this file. Series are picked by the target labels `cluster` and
`group`, which the scrape configurations in deploy/ and the chart set; where a site sets none, "All" matches everything.
"""

from __future__ import annotations

from deploy.grafana.panels import Board, Panel, Query, Row, Variable

ALL = 'cluster=~"$cluster", group=~"$group"'
SCOPED = ALL + ', scope=~"$scope"'
ONE = ALL + ', instance=~"$instance"'
OURS = f"* on (job, instance) group_left () strayline_build_info{{{ONE}}}"

_FAULT = "only when something goes wrong"


def _rate(metric: str, by: str = "", where: str = ALL) -> str:
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({metric}{{{where}}}[$__rate_interval]))"


def _quantile(quantile: float, metric: str, where: str = ALL) -> str:
    return f"histogram_quantile({quantile}, {_rate(metric + '_bucket', 'le', where)})"


def _quantiles(metric: str, where: str = ALL) -> list[Query]:
    return [Query(_quantile(quantile, metric, where), f"p{quantile * 100:g}") for quantile in (0.5, 0.9, 0.99)]


def _heat(metric: str) -> list[Query]:
    return [Query(f"sum by (le) (increase({metric}_bucket{{{ALL}}}[$__rate_interval]))")]


_JUDGED = f'strayline_sessions_judged_total{{{SCOPED}, verdict=~"normal|anomalous"}}'
_ANOMALOUS = f'strayline_sessions_judged_total{{{SCOPED}, verdict="anomalous"}}'


def _share(by: str, window: str) -> str:
    grouped = f"sum by ({by})" if by else "sum"
    return f"{grouped} (rate({_ANOMALOUS}[{window}])) / ({grouped} (rate({_JUDGED}[{window}])) > 0)"


_USE = f"max by (scope) (strayline_alert_rate{{{SCOPED}}}) / (max by (scope) (strayline_alert_budget{{{SCOPED}}}) > 0)"

_NOW = Row(
    "Now",
    [
        Panel(
            "stat",
            "Anomaly rate, last hour",
            "Share of judged sessions that were anomalous in the last hour, all chosen scopes together.",
            "percentunit",
            [Query(_share("", "1h"))],
            width=4,
            height=5,
            empty="no live scope yet",
        ),
        Panel(
            "stat",
            "Budget used, worst scope",
            "Realised alerts of the last 1,000 sessions over the budget. 1 is on budget; above 1.5 an alert fires.",
            "percentunit",
            [Query(f"max({_USE})")],
            width=4,
            height=5,
            empty="no live scope yet",
            steps=[(1.1, "yellow"), (1.5, "red")],
        ),
        Panel(
            "stat",
            "Open incidents",
            "Incidents that are firing now.",
            "short",
            [Query(f"sum(strayline_incidents_open{{{SCOPED}}})")],
            width=4,
            height=5,
            empty="none",
            steps=[(1, "orange")],
        ),
        Panel(
            "stat",
            "Alerts in this time range",
            "Alerts committed in the time range of the board.",
            "short",
            [Query(f"sum(increase(strayline_alerts_total{{{SCOPED}}}[$__range]))")],
            width=4,
            height=5,
            empty="none",
        ),
        Panel(
            "stat",
            "Sessions judged",
            "Sessions judged a second, warm-up included.",
            "ops",
            [Query(_rate("strayline_sessions_judged_total", where=SCOPED))],
            width=4,
            height=5,
            empty="no sessions",
        ),
        Panel(
            "stat",
            "Scopes that only learn",
            "Scopes with sessions in warm-up in the last 10 minutes: these cannot alert yet.",
            "short",
            [
                Query(
                    "count(sum by (scope) (increase(strayline_sessions_judged_total"
                    f'{{{SCOPED}, verdict="warm_up"}}[10m])) > 0) or vector(0)'
                )
            ],
            width=4,
            height=5,
            empty="none",
        ),
    ],
)

_RATES = Row(
    "Rates and the budget",
    [
        Panel(
            "timeseries",
            "Anomaly rate",
            "Share of judged sessions that were anomalous, all chosen scopes together, over 5 minutes and an hour.",
            "percentunit",
            [Query(_share("", "5m"), "5 minutes"), Query(_share("", "1h"), "1 hour")],
            empty="no live scope yet",
        ),
        Panel(
            "timeseries",
            "Anomaly rate by scope",
            "The ten scopes with the highest share of anomalous sessions over 5 minutes.",
            "percentunit",
            [Query(f"topk(10, {_share('scope', '5m')})", "{{scope}}")],
            empty="no live scope yet",
        ),
        Panel(
            "timeseries",
            "Realised rate against the budget",
            "Alerts of each scope's last 1,000 sessions over its budget: 1 is on budget, above 1.5 for an hour alerts.",
            "percentunit",
            [Query(_USE, "{{scope}}")],
            empty="no live scope yet",
            steps=[(1, "yellow"), (1.5, "red")],
        ),
        Panel(
            "timeseries",
            "Alerts by severity",
            "Alerts committed a minute.",
            "cpm",
            [Query(f"60 * {_rate('strayline_alerts_total', 'severity', SCOPED)}", "{{severity}}")],
            empty="no alerts",
        ),
        Panel(
            "timeseries",
            "Open incidents by scope",
            "Incidents that are firing.",
            "short",
            [Query(f"sum by (scope) (strayline_incidents_open{{{SCOPED}}})", "{{scope}}")],
            empty="none",
        ),
        Panel(
            "timeseries",
            "From line to alert",
            "Time from a session's last line to its committed alert. The session's idle gap is part of it.",
            "s",
            _quantiles("strayline_end_to_end_latency_seconds"),
            empty="no alerts",
        ),
    ],
)

_SCORES = Row(
    "Scores",
    [
        Panel(
            "heatmap",
            "Scores",
            "How many sessions had which score; larger is stranger. A band that moves up is traffic that changes.",
            "short",
            _heat("strayline_anomaly_score"),
            empty="no sessions",
        ),
        Panel(
            "heatmap",
            "P-values",
            "How many sessions had which p-value. Steady traffic fills it evenly; a bright floor is an outbreak.",
            "short",
            _heat("strayline_anomaly_p_value"),
            empty="no live scope yet",
        ),
        Panel(
            "timeseries",
            "Calibration: share of p-values at or below",
            "On steady traffic a share of about 1% lies at or below 0.01 and 10% at or below 0.1.",
            "percentunit",
            [
                Query(
                    _rate("strayline_anomaly_p_value_bucket", where=f'{ALL}, le="{number}"')
                    + f" / ({_rate('strayline_anomaly_p_value_count')} > 0)",
                    f"p <= {number}",
                )
                for number in ("0.01", "0.1")
            ],
            empty="no live scope yet",
        ),
    ],
)

_SCOPES = Row(
    "Scopes and feedback",
    [
        Panel(
            "table",
            "Top scopes",
            "The twenty scopes with the most alerts in the time range of the board.",
            "short",
            [
                Query(f"topk(20, sum by (scope) (increase(strayline_alerts_total{{{SCOPED}}}[$__range])))"),
                Query(f"sum by (scope) (rate(strayline_sessions_judged_total{{{SCOPED}}}[5m]))"),
                Query(_share("scope", "1h")),
                Query(_USE),
                Query(f"max by (scope) (strayline_baseline_patterns{{{SCOPED}}})"),
            ],
            width=16,
            height=9,
            empty="no alerts",
            columns={
                "scope": ("Scope", "string"),
                "Value #A": ("Alerts", "short"),
                "Value #B": ("Sessions", "ops"),
                "Value #C": ("Anomaly rate, 1 h", "percentunit"),
                "Value #D": ("Budget used", "percentunit"),
                "Value #E": ("Patterns", "short"),
            },
        ),
        Panel(
            "timeseries",
            "Feedback",
            "Labels that people sent, by verdict.",
            "short",
            [Query(f"sum by (verdict) (increase(strayline_feedback_total{{{ALL}}}[$__rate_interval]))", "{{verdict}}")],
            height=9,
            empty="no feedback",
        ),
        Panel(
            "timeseries",
            "Suppressed",
            "Anomalous sessions that made no alert, by reason.",
            "short",
            [
                Query(
                    f"sum by (reason) (increase(strayline_alerts_suppressed_total{{{ALL}}}[$__rate_interval]))",
                    "{{reason}}",
                )
            ],
            empty="none",
        ),
        Panel(
            "timeseries",
            "Known patterns by scope",
            "Patterns in the rolling window. One that climbs without end has lines that the masks do not fold.",
            "short",
            [Query(f"topk(10, max by (scope) (strayline_baseline_patterns{{{SCOPED}}}))", "{{scope}}")],
            width=16,
            empty="nothing learned yet",
        ),
    ],
)

ANOMALIES = Board(
    "strayline-anomalies",
    "strayline / Anomalies",
    "What the logs do: anomaly rates by scope, the alert budget, scores, incidents and feedback.",
    [
        Variable("cluster", "cluster", "strayline_build_info"),
        Variable("group", "group", "strayline_build_info"),
        Variable("scope", "scope", "strayline_sessions_judged_total"),
    ],
    [_NOW, _RATES, _SCORES, _SCOPES],
)

_HEALTH = Row(
    "Health",
    [
        Panel(
            "stat",
            "Replicas",
            "Replicas that answered the last scrape.",
            "short",
            [Query(f"count(strayline_build_info{{{ONE}}})")],
            width=4,
            height=5,
            empty="none",
        ),
        Panel(
            "stat",
            "Engine",
            "1 while the embedding engine of every replica works.",
            "short",
            [Query(f"min(strayline_engine_up{{{ONE}}})")],
            width=4,
            height=5,
            empty="no replica",
            base="red",
            steps=[(1, "green")],
        ),
        Panel(
            "stat",
            "Since last progress",
            "Time since the slowest loop of any replica came round. Idle input is progress too.",
            "s",
            [Query(f"max(strayline_seconds_since_progress{{{ONE}}})")],
            width=4,
            height=5,
            empty="no replica",
            steps=[(30, "yellow"), (120, "red")],
        ),
        Panel(
            "stat",
            "Starts in this time range",
            "Times a replica's process started again.",
            "short",
            [Query(f"sum(changes(strayline_start_time_seconds{{{ONE}}}[$__range]))")],
            width=4,
            height=5,
            empty="none",
            steps=[(1, "yellow"), (3, "red")],
        ),
        Panel(
            "stat",
            "Configuration",
            "1 when every replica runs the configuration it was last told to load.",
            "short",
            [Query(f"min(strayline_config_last_reload_successful{{{ONE}}})")],
            width=4,
            height=5,
            empty="no replica",
            base="red",
            steps=[(1, "green")],
        ),
        Panel(
            "stat",
            "Lag",
            "Records between what was read and the ends of all partitions.",
            "short",
            [Query(f"sum(strayline_consumer_lag_records{{{ONE}}})")],
            width=4,
            height=5,
            empty="no partitions",
        ),
    ],
)

_INPUT = Row(
    "Input",
    [
        Panel(
            "timeseries",
            "Lines",
            "Log lines read a second, by topic.",
            "ops",
            [Query(_rate("strayline_lines_total", "topic", ONE), "{{topic}}")],
            empty="no input",
        ),
        Panel(
            "timeseries",
            "Bytes",
            "Bytes of record values read a second, by topic.",
            "Bps",
            [Query(_rate("strayline_read_bytes_total", "topic", ONE), "{{topic}}")],
            empty="no input",
        ),
        Panel(
            "timeseries",
            "Lag by topic",
            "Records not read yet. It should come back to zero after every peak.",
            "short",
            [Query(f"sum by (topic) (strayline_consumer_lag_records{{{ONE}}})", "{{topic}}")],
            empty="no partitions",
        ),
        Panel(
            "timeseries",
            "Dead letters",
            "Records that could not be read, a minute, by reason; they are in the dead letter topic.",
            "cpm",
            [Query(f"60 * {_rate('strayline_dead_letters_total', 'reason', ONE)}", "{{reason}}")],
            empty="none",
        ),
        Panel(
            "timeseries",
            "Left out and corrected",
            "Lines dropped a second by reason, and lines whose absurd time was replaced by their record's.",
            "ops",
            [
                Query(_rate("strayline_dropped_total", "reason", ONE), "{{reason}}"),
                Query(_rate("strayline_time_clamped_total", "", ONE), "time clamped"),
            ],
            empty="none",
        ),
        Panel(
            "timeseries",
            "Lost to retention",
            "Records the broker deleted before they were read, in all. Anything above zero needs attention.",
            "short",
            [Query(f"sum by (topic, partition) (strayline_lost_records_total{{{ONE}}})", "{{topic}}/{{partition}}")],
            empty="none",
            sparse=_FAULT,
        ),
    ],
)

_COMMITS = Row(
    "Partitions and commits",
    [
        Panel(
            "timeseries",
            "Partitions by state",
            "Assigned partitions. All should be running; init lasts seconds.",
            "short",
            [Query(f"sum by (state) (strayline_partition_state{{{ONE}}})", "{{state}}")],
            empty="no partitions",
        ),
        Panel(
            "timeseries",
            "Commit duration",
            "How long transactions took that committed. It grows with the number of partitions that commit at once.",
            "s",
            _quantiles("strayline_commit_duration_seconds", ONE),
            empty="no commits",
        ),
        Panel(
            "timeseries",
            "Commits",
            "Transactions committed a second.",
            "ops",
            [Query(_rate("strayline_commit_duration_seconds_count", "instance", ONE), "{{instance}}")],
            empty="no commits",
        ),
        Panel(
            "timeseries",
            "Checkpoint age",
            "Age of the oldest checkpoint among partitions with work to commit. Above 5 minutes an alert fires.",
            "s",
            [Query(f"max by (instance) (strayline_checkpoint_age_seconds{{{ONE}}})", "{{instance}}")],
            empty="no partitions",
            steps=[(300, "red")],
        ),
        Panel(
            "timeseries",
            "Unsettled lines",
            "Lines read whose session is not committed: what a restart reads again.",
            "short",
            [Query(f"sum by (instance) (strayline_unsettled_lines{{{ONE}}})", "{{instance}}")],
            empty="no partitions",
        ),
        Panel(
            "timeseries",
            "Restarts of partitions, and rebalances",
            "Partitions that failed and began again from their checkpoint, by reason, and new assignments.",
            "short",
            [
                Query(
                    f"sum by (reason) (increase(strayline_partition_restarts_total{{{ONE}}}[$__rate_interval]))",
                    "{{reason}}",
                ),
                Query(f"sum(increase(strayline_rebalances_total{{{ONE}}}[$__rate_interval]))", "rebalances"),
            ],
            empty="none",
        ),
    ],
)

_SESSIONS = Row(
    "Sessions",
    [
        Panel(
            "timeseries",
            "Sessions closed",
            "Sessions closed a second, by what closed them. Many by lines, tokens or pin mean keys too coarse.",
            "ops",
            [Query(_rate("strayline_sessions_closed_total", "reason", ONE), "{{reason}}")],
            empty="none",
        ),
        Panel(
            "timeseries",
            "Open sessions",
            "Sessions still taking lines.",
            "short",
            [Query(f"sum by (instance) (strayline_sessions_open{{{ONE}}})", "{{instance}}")],
            empty="none",
        ),
        Panel(
            "heatmap",
            "Tokens of a session",
            "How many closed sessions had how many tokens.",
            "short",
            _heat("strayline_session_tokens"),
            empty="no sessions",
        ),
        Panel(
            "heatmap",
            "Lines of a session",
            "How many closed sessions had how many lines.",
            "short",
            _heat("strayline_session_lines"),
            empty="no sessions",
        ),
    ],
)

_ENGINE = Row(
    "Embedding engine",
    [
        Panel(
            "timeseries",
            "Embedding duration",
            "Time from handing a batch to the engine to its vectors.",
            "s",
            _quantiles("strayline_embedding_duration_seconds", ONE),
            empty="nothing embedded",
        ),
        Panel(
            "timeseries",
            "Patterns embedded",
            "Patterns embedded a second, and how many went in one batch.",
            "short",
            [
                Query(_rate("strayline_embedding_batch_size_sum", "", ONE), "patterns a second"),
                Query(
                    f"{_rate('strayline_embedding_batch_size_sum', '', ONE)}"
                    f" / ({_rate('strayline_embedding_batch_size_count', '', ONE)} > 0)",
                    "patterns a batch",
                ),
            ],
            empty="nothing embedded",
        ),
        Panel(
            "timeseries",
            "Waiting for a vector",
            "Patterns in the engine's queue. One that only grows means that the engine is the bottleneck.",
            "short",
            [Query(f"sum by (instance) (strayline_embedding_queue_depth{{{ONE}}})", "{{instance}}")],
            empty="none",
        ),
        Panel(
            "timeseries",
            "Sessions that needed no embedding",
            "Share of sessions whose pattern already had a vector.",
            "percentunit",
            [
                Query(
                    f"{_rate('strayline_pattern_cache_hits_total', '', ONE)}"
                    f" / ({_rate('strayline_sessions_judged_total', '', ONE)} > 0)",
                    "known patterns",
                )
            ],
            empty="no sessions",
        ),
        Panel(
            "timeseries",
            "Errors",
            "Batches a minute that the engine failed on, retried ones included.",
            "cpm",
            [Query(f"60 * {_rate('strayline_embedding_errors_total', 'instance', ONE)}", "{{instance}}")],
            empty="none",
        ),
        Panel(
            "timeseries",
            "vLLM: tokens read",
            "Prompt tokens a second by vLLM's own count, where its statistics are on (engine.options).",
            "ops",
            [Query(_rate("vllm:prompt_tokens_total", "instance", ONE), "{{instance}}")],
            empty="vLLM's statistics are off",
            sparse="only with vLLM's statistics on",
        ),
    ],
)

_BASELINE = Row(
    "Baseline",
    [
        Panel(
            "timeseries",
            "Patterns",
            "Patterns held, the ten largest scopes, and how many one may hold.",
            "short",
            [
                Query(f"topk(10, max by (scope) (strayline_baseline_patterns{{{ONE}}}))", "{{scope}}"),
                Query(f"max(strayline_baseline_max_patterns{{{ONE}}})", "limit"),
            ],
            empty="nothing learned yet",
            log_base=10,
        ),
        Panel(
            "timeseries",
            "Memory of the baselines",
            "Memory of all baselines and their indexes.",
            "bytes",
            [Query(f"sum by (instance) (strayline_baseline_memory_bytes{{{ONE}}})", "{{instance}}")],
            empty="nothing learned yet",
        ),
        Panel(
            "timeseries",
            "Judging one session",
            "Time to judge one session against its baseline.",
            "s",
            _quantiles("strayline_search_duration_seconds", ONE),
            empty="no sessions",
        ),
    ],
)

_PROCESS = Row(
    "Process",
    [
        Panel(
            "timeseries",
            "CPU",
            "Processor seconds used a second.",
            "short",
            [Query(f"rate(process_cpu_seconds_total[$__rate_interval]) {OURS}", "{{instance}}")],
            empty="no replica",
        ),
        Panel(
            "timeseries",
            "Memory of the process",
            "Resident memory of the process, the model included when it runs on the CPU.",
            "bytes",
            [Query(f"process_resident_memory_bytes {OURS}", "{{instance}}")],
            empty="no replica",
        ),
        Panel(
            "timeseries",
            "Open files",
            "Open file descriptors against the limit.",
            "percentunit",
            [Query(f"process_open_fds / process_max_fds {OURS}", "{{instance}}")],
            empty="no replica",
        ),
        Panel(
            "timeseries",
            "Event loop lag",
            "The longest the event loop was held up. Above a second, probes and heartbeats are late.",
            "s",
            [Query(f"max by (instance) (strayline_event_loop_lag_seconds{{{ONE}}})", "{{instance}}")],
            empty="no replica",
            steps=[(1, "red")],
        ),
        Panel(
            "timeseries",
            "Steps abandoned",
            "Steps that ran past their time limit, by step.",
            "short",
            [
                Query(
                    f"sum by (step) (increase(strayline_watchdog_total{{{ONE}}}[$__rate_interval]))",
                    "{{step}}",
                )
            ],
            empty="none",
            sparse=_FAULT,
        ),
        Panel(
            "timeseries",
            "GPU",
            "Use of the GPUs by NVIDIA's DCGM exporter, where it is scraped by the same Prometheus.",
            "percent",
            [Query("avg by (gpu, Hostname) (DCGM_FI_DEV_GPU_UTIL)", "{{Hostname}} {{gpu}}")],
            empty="no DCGM exporter",
            sparse="only with NVIDIA's DCGM exporter",
        ),
    ],
)

DAEMON = Board(
    "strayline-daemon",
    "strayline / Daemon",
    "How the daemon does: health, input, commits, sessions, engine, baseline and process.",
    [
        Variable("cluster", "cluster", "strayline_build_info"),
        Variable("group", "group", "strayline_build_info"),
        Variable("instance", "instance", "strayline_build_info"),
    ],
    [_HEALTH, _INPUT, _COMMITS, _SESSIONS, _ENGINE, _BASELINE, _PROCESS],
)

BOARDS = {"anomalies": ANOMALIES, "daemon": DAEMON}
