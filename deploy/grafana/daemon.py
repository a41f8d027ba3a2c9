"""The board *Daemon*, for the people who run strayline."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models.common import ScaleDistribution

from deploy.grafana.board import build_board
from deploy.grafana.panels import heatmap_panel, stat_panel, timeseries_panel
from deploy.grafana.promql import OF_STRAYLINE, ONE, buckets, gauge, increase, quantiles, rate

_HEALTH = [
    stat_panel(
        "Replicas",
        "Replicas that answered the last scrape.",
        "short",
        gauge("count", "strayline_build_info"),
        empty="none",
    ),
    stat_panel(
        "Engine",
        "1 while the embedding engine of every replica works.",
        "short",
        gauge("min", "strayline_engine_up"),
        empty="no replica",
        limits=[(1, "green")],
        base="red",
    ),
    stat_panel(
        "Since last progress",
        "Time since the slowest loop of any replica came round. Idle input is progress too.",
        "s",
        gauge("max", "strayline_seconds_since_progress"),
        empty="no replica",
        limits=[(30, "yellow"), (120, "red")],
    ),
    stat_panel(
        "Starts in this time range",
        "Times a replica's process started again.",
        "short",
        f"sum(changes(strayline_start_time_seconds{{{ONE}}}[$__range]))",
        empty="none",
        limits=[(1, "yellow"), (3, "red")],
    ),
    stat_panel(
        "Configuration",
        "1 when every replica runs the configuration it was last told to load.",
        "short",
        gauge("min", "strayline_config_last_reload_successful"),
        empty="no replica",
        limits=[(1, "green")],
        base="red",
    ),
    stat_panel(
        "Lag",
        "Records between what was read and the ends of all partitions.",
        "short",
        gauge("sum", "strayline_consumer_lag_records"),
        empty="no partitions",
    ),
]

_INPUT = [
    timeseries_panel(
        "Lines",
        "Log lines read a second, by topic.",
        "ops",
        {"{{topic}}": rate("strayline_lines_total", "topic", ONE)},
        empty="no input",
    ),
    timeseries_panel(
        "Bytes",
        "Bytes of record values read a second, by topic.",
        "Bps",
        {"{{topic}}": rate("strayline_read_bytes_total", "topic", ONE)},
        empty="no input",
    ),
    timeseries_panel(
        "Lag by topic",
        "Records not read yet. It should come back to zero after every peak.",
        "short",
        {"{{topic}}": gauge("sum", "strayline_consumer_lag_records", "topic")},
        empty="no partitions",
    ),
    timeseries_panel(
        "Dead letters",
        "Records that could not be read, a minute, by reason; they are in the dead letter topic.",
        "cpm",
        {"{{reason}}": f"60 * {rate('strayline_dead_letters_total', 'reason', ONE)}"},
        empty="none",
    ),
    timeseries_panel(
        "Left out and corrected",
        "Lines dropped a second by reason, and lines whose own time was not simply taken.",
        "ops",
        {
            "{{reason}}": rate("strayline_dropped_total", "reason", ONE),
            "time clamped": rate("strayline_time_clamped_total", "", ONE),
            "time unreadable": rate("strayline_time_unreadable_total", "", ONE),
            "time held back": rate("strayline_time_held_back_total", "", ONE),
        },
        empty="none",
    ),
    timeseries_panel(
        "Lost to retention",
        "Records the broker deleted before they were read, in all. Anything above zero needs attention.",
        "short",
        {"{{topic}}/{{partition}}": gauge("sum", "strayline_lost_records_total", "topic, partition")},
        empty="none",
    ),
]

_COMMITS = [
    timeseries_panel(
        "Partitions by state",
        "Assigned partitions. All should be running; init lasts seconds.",
        "short",
        {"{{state}}": gauge("sum", "strayline_partition_state", "state")},
        empty="no partitions",
    ),
    timeseries_panel(
        "Commit duration",
        "How long transactions took that committed. It grows with the number of partitions that commit at once.",
        "s",
        quantiles("strayline_commit_duration_seconds", ONE),
        empty="no commits",
    ),
    timeseries_panel(
        "Commits",
        "Transactions committed a second.",
        "ops",
        {"{{instance}}": rate("strayline_commit_duration_seconds_count", "instance", ONE)},
        empty="no commits",
    ),
    timeseries_panel(
        "Checkpoint age",
        "Age of the oldest checkpoint among partitions with work to commit. Above 5 minutes an alert fires.",
        "s",
        {"{{instance}}": gauge("max", "strayline_checkpoint_age_seconds", "instance")},
        empty="no partitions",
        limits=[(300, "red")],
    ),
    timeseries_panel(
        "Unsettled lines",
        "Lines read whose session is not committed: what a restart reads again.",
        "short",
        {"{{instance}}": gauge("sum", "strayline_unsettled_lines", "instance")},
        empty="no partitions",
    ),
    timeseries_panel(
        "Restarts of partitions, and rebalances",
        "Partitions that failed and began again from their checkpoint, by reason, and new assignments.",
        "short",
        {
            "{{reason}}": increase("strayline_partition_restarts_total", "reason"),
            "rebalances": increase("strayline_rebalances_total"),
        },
        empty="none",
    ),
]

_SESSIONS = [
    timeseries_panel(
        "Sessions closed",
        "Sessions closed a second, by what closed them. Many by lines, tokens or pin mean keys too coarse.",
        "ops",
        {"{{reason}}": rate("strayline_sessions_closed_total", "reason", ONE)},
        empty="none",
    ),
    timeseries_panel(
        "Open sessions",
        "Sessions still taking lines.",
        "short",
        {"{{instance}}": gauge("sum", "strayline_sessions_open", "instance")},
        empty="none",
    ),
    heatmap_panel(
        "Tokens of a session",
        "How many closed sessions had how many tokens.",
        buckets("strayline_session_tokens"),
        empty="no sessions",
    ),
    heatmap_panel(
        "Lines of a session",
        "How many closed sessions had how many lines.",
        buckets("strayline_session_lines"),
        empty="no sessions",
    ),
]

_ENGINE = [
    timeseries_panel(
        "Embedding duration",
        "Time from handing a batch to the engine to its vectors.",
        "s",
        quantiles("strayline_embedding_duration_seconds", ONE),
        empty="nothing embedded",
    ),
    timeseries_panel(
        "Patterns embedded",
        "Patterns embedded a second, and how many went in one batch.",
        "short",
        {
            "patterns a second": rate("strayline_embedding_batch_size_sum", "", ONE),
            "patterns a batch": f"{rate('strayline_embedding_batch_size_sum', '', ONE)}"
            f" / ({rate('strayline_embedding_batch_size_count', '', ONE)} > 0)",
        },
        empty="nothing embedded",
    ),
    timeseries_panel(
        "Waiting for a vector",
        "Patterns in the engine's queue. One that only grows means that the engine is the bottleneck.",
        "short",
        {"{{instance}}": gauge("sum", "strayline_embedding_queue_depth", "instance")},
        empty="none",
    ),
    timeseries_panel(
        "Sessions that needed no embedding",
        "Share of sessions whose pattern already had a vector.",
        "percentunit",
        {
            "known patterns": f"{rate('strayline_pattern_cache_hits_total', '', ONE)}"
            f" / ({rate('strayline_sessions_judged_total', '', ONE)} > 0)"
        },
        empty="no sessions",
    ),
    timeseries_panel(
        "Errors",
        "Batches a minute that the engine failed on, retried ones included.",
        "cpm",
        {"{{instance}}": f"60 * {rate('strayline_embedding_errors_total', 'instance', ONE)}"},
        empty="none",
    ),
    timeseries_panel(
        "vLLM: tokens read",
        "Prompt tokens a second by vLLM's own count, where its statistics are on (engine.options).",
        "ops",
        {"{{instance}}": rate("vllm:prompt_tokens_total", "instance", ONE)},
        empty="vLLM's statistics are off",
    ),
]

_BASELINE = [
    timeseries_panel(
        "Patterns",
        "Patterns held, the ten largest scopes, and how many one may hold.",
        "short",
        {
            "{{scope}}": f"topk(10, {gauge('max', 'strayline_baseline_patterns', 'scope')})",
            "limit": gauge("max", "strayline_baseline_max_patterns"),
        },
        empty="nothing learned yet",
    ).scale_distribution(common.ScaleDistributionConfig().type(ScaleDistribution.LOG).log(10)),
    timeseries_panel(
        "Scopes",
        "Scopes that have a baseline, how many are kept at most, and how many were dropped for others in an hour.",
        "short",
        {
            "{{instance}}": gauge("max", "strayline_baseline_scopes", "instance"),
            "limit": gauge("max", "strayline_baseline_max_scopes"),
            "dropped in an hour": increase("strayline_baseline_scopes_let_go_total", window="1h"),
        },
        empty="nothing learned yet",
    ),
    timeseries_panel(
        "Memory of the baselines",
        "Memory of all baselines and their indexes.",
        "bytes",
        {"{{instance}}": gauge("sum", "strayline_baseline_memory_bytes", "instance")},
        empty="nothing learned yet",
    ),
    timeseries_panel(
        "Judging one session",
        "Time to judge one session against its baseline.",
        "s",
        quantiles("strayline_search_duration_seconds", ONE),
        empty="no sessions",
    ),
]

_PROCESS = [
    timeseries_panel(
        "CPU",
        "Processor seconds used a second.",
        "short",
        {"{{instance}}": f"rate(process_cpu_seconds_total[$__rate_interval]) {OF_STRAYLINE}"},
        empty="no replica",
    ),
    timeseries_panel(
        "Memory of the process",
        "Resident memory of the process, the model included when it runs on the CPU.",
        "bytes",
        {"{{instance}}": f"process_resident_memory_bytes {OF_STRAYLINE}"},
        empty="no replica",
    ),
    timeseries_panel(
        "Open files",
        "Open file descriptors against the limit.",
        "percentunit",
        {"{{instance}}": f"process_open_fds / process_max_fds {OF_STRAYLINE}"},
        empty="no replica",
    ),
    timeseries_panel(
        "Event loop lag",
        "The longest the event loop was held up. Above a second, probes and heartbeats are late.",
        "s",
        {"{{instance}}": gauge("max", "strayline_event_loop_lag_seconds", "instance")},
        empty="no replica",
        limits=[(1, "red")],
    ),
    timeseries_panel(
        "Steps abandoned",
        "Steps that ran past their time limit, by step.",
        "short",
        {"{{step}}": increase("strayline_watchdog_total", "step")},
        empty="none",
    ),
    timeseries_panel(
        "GPU",
        "Use of the GPUs by NVIDIA's DCGM exporter, where it is scraped by the same Prometheus.",
        "percent",
        {"{{Hostname}} {{gpu}}": "avg by (gpu, Hostname) (DCGM_FI_DEV_GPU_UTIL)"},
        empty="no DCGM exporter",
    ),
]


BOARD = build_board(
    "strayline-daemon",
    "strayline / Daemon",
    "How the daemon does: health, input, commits, sessions, engine, baseline and process.",
    {"cluster": "strayline_build_info", "group": "strayline_build_info", "instance": "strayline_build_info"},
    {
        "Health": _HEALTH,
        "Input": _INPUT,
        "Partitions and commits": _COMMITS,
        "Sessions": _SESSIONS,
        "Embedding engine": _ENGINE,
        "Baseline": _BASELINE,
        "Process": _PROCESS,
    },
)

MAY_BE_EMPTY: Mapping[str, str] = {
    "Lost to retention": "only when something goes wrong",
    "vLLM: tokens read": "only with vLLM's statistics on",
    "Steps abandoned": "only when something goes wrong",
    "GPU": "only with NVIDIA's DCGM exporter",
    "Held back by the budget": "only when there is more to tell than the budget allows",
}
"""Panels that show nothing on a healthy daemon under load, and why. A test requires data in all others."""
