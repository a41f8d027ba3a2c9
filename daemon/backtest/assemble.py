"""Puts a finished run's report together: what was counted while it ran, and the figures of its tally."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from daemon.adapters.files import printable
from daemon.backtest.options import BacktestOptions, Setup
from daemon.backtest.report import Cost, Input, Report
from daemon.backtest.summary import (
    a_day,
    calibration,
    days_of,
    incident_row,
    label_row,
    localisation,
    pattern_rows,
    quality_rows,
    range_row,
    rate_of,
    scope_rows,
    threshold_rows,
)
from daemon.backtest.tally import Tally
from daemon.backtest.told import Told
from daemon.core.messages import rfc3339
from daemon.core.types import NO_TIME_COUNTS, Phase, TimeCounts


@dataclass(slots=True)
class Counts:
    """What a run counts besides sessions; grows while it runs. `ranks` are those of `Localisation`."""

    records: int = 0
    lines: int = 0
    times: TimeCounts = NO_TIME_COUNTS
    rejected: Counter[str] = field(default_factory=Counter)
    held_back: int = 0
    ranks: list[int | None] = field(default_factory=list)
    embedded: int = 0
    embedding_seconds: float = 0.0
    seconds: float = 0.0
    peak_mebibytes: float = 0.0


def build(
    options: BacktestOptions,
    setup: Setup,
    tally: Tally,
    counts: Counts,
    told: Told,
    unmet: int | None,
) -> Report:
    """Return the report of a finished run; `unmet` counts labelled keys without a session, None without labels."""
    rate = rate_of(tally)
    files, teach = ([printable(file) for file in files] for files in (options.files, options.teach))
    topics = list(options.records.topics) if options.records else []
    return Report(
        input=Input(files, topics, teach, counts.records, counts.lines, dict(counts.rejected), counts.times),
        model=setup.about.model,
        config=setup.about.config,
        budget=setup.about.budget,
        frozen=options.freeze,
        sessions=tally.sessions,
        taught=tally.phases[Phase.TEACH],
        warm_up=tally.phases[Phase.WARM_UP],
        patterns=len(tally.patterns.known),
        patterns_complete=not tally.patterns.others,
        start=None if tally.start is None else rfc3339(tally.start),
        end=None if tally.end is None else rfc3339(tally.end),
        rate=rate,
        told=told.told,
        told_a_day=a_day(told.told, days_of(tally)),
        held_back=counts.held_back,
        scopes=scope_rows(tally, told.by_scope),
        thresholds=threshold_rows(tally),
        range=range_row(tally, options.since, options.until),
        labels=None if unmet is None else label_row(tally, unmet),
        quality=quality_rows(tally, rate.share),
        localisation=localisation(counts.ranks),
        calibration=calibration(tally),
        top_patterns=pattern_rows(tally),
        incidents=[incident_row(alert) for alert in told.alerts()],
        cost=Cost(counts.seconds, counts.embedding_seconds, counts.embedded, counts.peak_mebibytes),
    )
