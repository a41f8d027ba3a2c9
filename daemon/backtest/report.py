"""A backtest's result as one document: what was read, what alerted, how that compares with the budget and the labels.

`Report` is plain data, and `report.json` is its fields. Shares are 0 to 1 and times RFC 3339.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from daemon.core.types import TimeCounts

OURS = "strayline"


@dataclass(frozen=True, slots=True)
class Input:
    """What was read. `rejected` counts records by reason, `times` lines whose own time was not simply taken."""

    files: Sequence[str]
    topics: Sequence[str]
    teach: Sequence[str]
    records: int
    lines: int
    rejected: Mapping[str, int]
    times: TimeCounts


@dataclass(frozen=True, slots=True)
class RealisedRate:
    """Alerts among live sessions against the budget. `budget` is a share; a budget a day is turned into one by the
    traffic seen (None when its time is unknown). `blocks` are the realised shares of every 1,000 live sessions."""

    sessions: int
    alerts: int
    realised: float
    budget: float | None
    per_day: float | None
    blocks: Sequence[float]


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One score on labelled live sessions; see `daemon.backtest.evaluation`."""

    name: str
    average_precision: float
    best_f1: float
    precision: float
    recall: float
    f1: float
    flagged: int


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """One scope's part, with its average precision where labels tell."""

    scope: str
    sessions: int
    live: int
    alerts: int
    realised: float
    average_precision: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What a budget would have cost, and found where labels tell."""

    budget: float
    alerts: int
    per_day: float | None
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A budget to start with, and why."""

    budget: float
    why: str


@dataclass(frozen=True, slots=True)
class RangeRow:
    """Would it have fired: live sessions that touch the range asked for, and the alerts among them."""

    since: str | None
    until: str | None
    sessions: int
    alerts: int
    scopes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """How the labels met the sessions. `unmet` labelled keys were in no session."""

    anomalous: int
    normal: int
    unlabelled: int
    anomalous_in_warm_up: int
    unmet: int


@dataclass(frozen=True, slots=True)
class Localisation:
    """With labels by line: share of true alerts whose first line is a labelled one, and the mean reciprocal rank."""

    alerts: int
    hit_at_1: float
    mean_reciprocal_rank: float


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One of the most frequent patterns: `lines` are the first of its `distinct` ones."""

    pattern: str
    scope: str
    sessions: int
    alerts: int
    distinct: int
    lines: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One of the strangest alerts, in short; `positions` lead to its lines, `labelled` is what the labels call it."""

    id: str
    start: str
    end: str
    scope: str
    key: str
    p_value: float | None
    score: float
    severity: str
    summary: str
    incident: str
    positions: Sequence[str]
    labelled: bool | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What it took: seconds in all and waiting for the engine, patterns embedded, peak memory of the process in MiB."""

    seconds: float
    embedding_seconds: float
    embedded: int
    peak_mebibytes: float


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. Shares are 0 to 1; times RFC 3339; a figure that cannot be known is null."""

    input: Input
    model: str
    config: str
    budget: str
    frozen: bool
    sessions: int
    taught: int
    warm_up: int
    patterns: int
    patterns_complete: bool
    start: str | None
    end: str | None
    rate: RealisedRate
    incidents: int
    scopes: Sequence[ScopeRow]
    budgets: Sequence[BudgetRow]
    suggestion: Suggestion | None
    range: RangeRow | None
    labels: LabelRow | None
    quality: Sequence[QualityRow]
    localisation: Localisation | None
    calibration: Sequence[tuple[float, float]]
    top_patterns: Sequence[PatternRow]
    strangest: Sequence[AlertRow]
    cost: Cost

    def encode(self) -> bytes:
        """Return the document as JSON; what is not a number becomes null."""
        return orjson.dumps(self, option=orjson.OPT_INDENT_2)
