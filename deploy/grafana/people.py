"""The board *Console and notifications*, for the people who run the processes that speak to people."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.grafana.board import build_board
from deploy.grafana.panels import heatmap_panel, stat_panel, timeseries_panel
from deploy.grafana.promql import ONE, buckets, gauge, increase, quantiles, rate

_BEGUN = "strayline_console_feed_up", "strayline_notify_failing_seconds"
_OF_PEOPLE = f"and on (job, instance) ({' or '.join(f'{metric}{{{ONE}}}' for metric in _BEGUN)})"
"""Keeps only the series of consoles and of notify, of a metric that every process has."""
_EITHER = f'{{__name__=~"{"|".join(_BEGUN)}"}}'

_NOW = [
    stat_panel(
        "Topics of the console",
        "1 while every console can read its topics. At 0 its pages stay, and say since when they are not current.",
        "short",
        gauge("min", "strayline_console_feed_up"),
        empty="no console",
        limits=[(1, "green")],
        base="red",
    ),
    stat_panel(
        "Behind, console",
        "Offsets of its topics that the console furthest behind has still to read.",
        "short",
        f"max({gauge('sum', 'strayline_console_unread_records', 'instance')})",
        empty="no console",
    ),
    stat_panel(
        "Receiver failing for",
        "How long the receiver in the worst state has taken nothing.",
        "s",
        gauge("max", "strayline_notify_failing_seconds"),
        empty="no notify",
        limits=[(60, "yellow"), (600, "red")],
    ),
    stat_panel(
        "Behind, notify",
        "Records of the alerts topic that the route furthest behind has still to read.",
        "short",
        f"max({gauge('sum', 'strayline_notify_unread_records', 'route')})",
        empty="no notify",
    ),
    stat_panel(
        "Delivered in the last 24 hours",
        "Messages that receivers have taken, all routes together.",
        "short",
        increase("strayline_notify_sent_total", window="24h"),
        empty="no notify",
    ),
    stat_panel(
        "Dead letters in the last 24 hours",
        "Messages that no attempt could deliver. They are in the dead letter topic.",
        "short",
        increase("strayline_notify_dead_letters_total", window="24h"),
        empty="no notify",
        limits=[(1, "red")],
    ),
]

_CONSOLE = [
    timeseries_panel(
        "Requests",
        "Pages and actions a second, by route.",
        "reqps",
        {"{{route}}": rate("strayline_console_request_seconds_count", "route", ONE)},
        empty="no console",
    ),
    timeseries_panel(
        "Time of a request",
        "Time of a request in the console, the stream of changes left out.",
        "s",
        quantiles("strayline_console_request_seconds", ONE),
        empty="no requests",
        limits=[(1, "red")],
    ),
    timeseries_panel(
        "Slowest routes",
        "The five routes with the longest requests: 99 of 100 are faster.",
        "s",
        {
            "{{route}}": "topk(5, histogram_quantile(0.99, "
            + rate("strayline_console_request_seconds_bucket", "le, route", ONE)
            + "))"
        },
        empty="no requests",
    ),
    heatmap_panel(
        "Requests by their time",
        "How many requests took how long. A band that moves up is an archive that has become slow.",
        buckets("strayline_console_request_seconds"),
        empty="no requests",
    ),
    timeseries_panel(
        "Offsets to be read",
        "Offsets of the topics still to be read, by feed. It is large after a start without an archive, then near 0.",
        "short",
        {"{{feed}}, {{instance}}": gauge("max", "strayline_console_unread_records", "feed, instance")},
        empty="no console",
    ),
    timeseries_panel(
        "Records passed over",
        "Records that are neither alerts, feedback nor a baseline, by feed.",
        "short",
        {"{{feed}}": increase("strayline_console_unreadable_records_total", "feed")},
        empty="no console",
    ),
    timeseries_panel(
        "Size of the archive",
        "Bytes of the archive, beside console.max_size. At that the oldest alerts and patterns go before console.keep.",
        "bytes",
        {
            "{{instance}}": gauge("max", "strayline_console_archive_bytes", "instance"),
            "most": gauge("max", "strayline_console_archive_max_bytes"),
        },
        empty="no console",
    ),
    timeseries_panel(
        "Let go",
        "What consoles let go or refused because there was too much of it.",
        "short",
        {"{{what}}": increase("strayline_console_let_go_total", "what")},
        empty="no console",
    ),
]

_NOTIFY = [
    timeseries_panel(
        "Delivered",
        "Messages that receivers have taken, by route and by what was said.",
        "short",
        {"{{route}}, {{stage}}": increase("strayline_notify_sent_total", "route, stage")},
        empty="no notify",
    ),
    timeseries_panel(
        "Failed attempts",
        "Attempts that failed, a minute, by route and reason. Each is tried again, later each time.",
        "cpm",
        {"{{route}}, {{reason}}": f"60 * {rate('strayline_notify_failed_total', 'route, reason', ONE)}"},
        empty="none",
    ),
    timeseries_panel(
        "From alert to delivery",
        "Time from the alert on the topic to its delivery, all routes together.",
        "s",
        quantiles("strayline_notify_delay_seconds", ONE),
        empty="nothing delivered",
        limits=[(60, "yellow")],
    ),
    timeseries_panel(
        "Failing for",
        "How long each route's receiver has taken nothing; 0 while all is well.",
        "s",
        {"{{route}}": gauge("max", "strayline_notify_failing_seconds", "route")},
        empty="no notify",
        limits=[(600, "red")],
    ),
    timeseries_panel(
        "Records to be read",
        "Records of the alerts topic that each route has still to read.",
        "short",
        {"{{route}}": gauge("max", "strayline_notify_unread_records", "route")},
        empty="no notify",
    ),
    timeseries_panel(
        "Not delivered",
        "Dead letters, and records of the alerts topic that are not alerts, by route.",
        "short",
        {
            "{{route}}": increase("strayline_notify_dead_letters_total", "route"),
            "{{route}}, not an alert": increase("strayline_notify_foreign_total", "route"),
        },
        empty="no notify",
    ),
]

_PROCESSES = [
    timeseries_panel(
        "CPU of the processes",
        "Processor seconds used a second.",
        "short",
        {"{{job}}, {{instance}}": f"rate(process_cpu_seconds_total{{{ONE}}}[$__rate_interval]) {_OF_PEOPLE}"},
        empty="no process",
    ),
    timeseries_panel(
        "Memory of the processes",
        "Resident memory. A console's is bounded by console.max_size where it has no file, and by its engine.",
        "bytes",
        {"{{job}}, {{instance}}": f"process_resident_memory_bytes{{{ONE}}} {_OF_PEOPLE}"},
        empty="no process",
    ),
    timeseries_panel(
        "Open files of the processes",
        "Open file descriptors against the limit. Every open page of the console has one.",
        "percentunit",
        {"{{job}}, {{instance}}": f"process_open_fds{{{ONE}}} / process_max_fds {_OF_PEOPLE}"},
        empty="no process",
    ),
]


BOARD = build_board(
    "strayline-people",
    "strayline / Console and notifications",
    "How strayline console and strayline notify do: how current they are, how fast, and what receivers take.",
    dict.fromkeys(("cluster", "group", "instance"), _EITHER),
    {"Now": _NOW, "Console": _CONSOLE, "Notifications": _NOTIFY, "Processes": _PROCESSES},
)

MAY_BE_EMPTY: Mapping[str, str] = {"Failed attempts": "only when a receiver fails"}
"""Panels that show nothing while all is well, and why. A test requires data in all others."""
