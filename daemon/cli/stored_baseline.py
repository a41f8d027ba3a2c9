"""Whole baselines: read from the topic or a file, described, and imported.

Reading builds a separate detector from the committed records and does not touch the running daemon. An import is one
transaction of ordinary records, which running replicas apply as they read them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from daemon.cli.baseline_file import BaselineFile
from daemon.core.baseline import Label
from daemon.core.detection import (
    Detector,
    DetectorSettings,
    Import,
    PatternStatistics,
    ScopeStatistics,
    export_updates,
    parse_key,
    vector_model,
)
from daemon.core.incidents import HISTORY_KEY, Filing, history_records
from daemon.core.messages import rfc3339
from daemon.core.stream import LABELS
from daemon.core.types import OutRecord, Update
from daemon.errors import DataError, ModelMismatchError
from daemon.ports import Broker

Times = Literal["auto", "keep", "now"]
Publish = Callable[[Sequence[OutRecord]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """A whole baseline: the model and dimensions of its vectors, and a detector that holds it."""

    model: str
    dimensions: int
    detector: Detector


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import. `moved_us` is added to all times; `kept` counts the labels that were not replaced.

    `causes` is the number of causes that the incidents stage takes in.
    """

    scopes: Sequence[str]
    patterns: int
    sessions: int
    causes: int
    labels: int
    kept: int
    moved_us: int


async def read_topic(broker: Broker, topic: str, settings: DetectorSettings) -> StoredBaseline | None:
    """Return the committed baseline of a topic; None when it holds no pattern.

    Raises UnavailableError when the topic does not exist, ModelMismatchError when it holds vectors of two models.
    """
    ends = await broker.stable_ends(topic)
    updates: list[Update] = []
    following = broker.follow(topic)
    async for new, read in following:
        updates += new
        if all(read.get(partition, -1) >= end for partition, end in ends.items()):
            break
    if isinstance(following, AsyncGenerator):
        await following.aclose()
    return hold(updates, settings)


def hold(updates: Iterable[Update], settings: DetectorSettings) -> StoredBaseline | None:
    """Return the baseline of these records; None when no vector is among them. Raises as `Detector.apply` does."""
    newest = {update.key: update for update in updates}
    vectors = (u.value for u in newest.values() if u.value is not None and parse_key(u.key)[0] == "vector")
    first = next(vectors, None)
    if first is None:
        return None
    model, dimensions = vector_model(first)
    detector = Detector(settings, model, dimensions)
    try:
        detector.apply(list(newest.values()))
    except ModelMismatchError:
        models = {(model, dimensions), *map(vector_model, vectors)}
        named = " and with ".join(f"{name} ({size} dimensions)" for name, size in sorted(models))
        raise ModelMismatchError(
            f"the baseline was made with {named}: their vectors cannot be compared; name a new topics.baseline and let "
            "it learn again"
        ) from None
    return StoredBaseline(model, dimensions, detector)


def shift_of(newest: int, now: int, window_us: int, times: Times) -> int:
    """Return the microseconds to add to all times so that the newest session is at `now`; 0 to keep them.

    With `auto` they are kept while the newest session is in the window that ends now.
    """
    if not newest or times == "keep" or (times == "auto" and now - window_us < newest <= now):
        return 0
    return now - newest


async def put(
    saved: BaselineFile,
    how: Import,
    publish: Publish,
    stored: StoredBaseline | None,
    *,
    name: str = "the file",
    place: Callable[[str], int] = lambda _: LABELS,
) -> Imported:
    """Publish `saved` to a topic that holds `stored`. Raises ModelMismatchError when their models differ.

    `place` returns the partition of a scope in that topic; labels have one of their own. What the incidents stage takes
    in goes to the topic of observations, in the same transaction.
    """
    baseline = saved.baseline
    if stored is not None and (stored.model, stored.dimensions) != (baseline.model, baseline.dimensions):
        raise ModelMismatchError(
            f"{name} was made with {baseline.model} and the baseline's topic with {stored.model}: "
            "their vectors cannot be compared; name a new topics.baseline to start from this file"
        )
    if not baseline.patterns:
        raise DataError(f"{name}: holds no patterns")
    records, labels = list[OutRecord](), 0
    for update in export_updates(baseline, how):
        kind, scope, *_ = parse_key(update.key)
        labels += kind == "label"
        partition = LABELS if kind == "label" else place(scope)
        records.append(OutRecord("baseline", update.key, update.value, partition=partition))
    filing = Filing(how.window_us / 1e6, how.shift_us / 1e6, how.confirmed)
    values = history_records(saved.history, filing)
    records += [OutRecord("observations", HISTORY_KEY, value, partition=0) for value in values]
    await publish(records)
    asked = sum(known.label is not None or how.confirmed for known in baseline.patterns.values())
    return Imported(
        scopes=baseline.scopes,
        patterns=len(baseline.patterns),
        sessions=sum(sum(known.weight.buckets.values()) for known in baseline.patterns.values()),
        causes=saved.history.causes,
        labels=labels,
        kept=asked - labels,
        moved_us=how.shift_us,
    )


def labelled(stored: StoredBaseline | None) -> Collection[tuple[str, str]]:
    """Return (scope, pattern) of every label."""
    if stored is None:
        return frozenset()
    scopes = [statistics.scope for statistics in stored.detector.scopes()]
    return {(scope, pattern) for scope in scopes for pattern in stored.detector.labels(scope)}


def chosen(stored: StoredBaseline, scope: str | None) -> list[ScopeStatistics]:
    """Return statistics of all scopes, or of the named one. Raises DataError when there is no such scope."""
    scopes = stored.detector.scopes()
    named = [statistics for statistics in scopes if scope in (None, statistics.scope)]
    if scope is not None and not named:
        raise DataError(f"there is no scope {scope}; there are {', '.join(statistics.scope for statistics in scopes)}")
    return named


def describe(stored: StoredBaseline | None, scope: str | None, limit: int) -> dict[str, object]:
    """Return scopes, up to `limit` patterns of each (0: all) and all labels, as one JSON document."""
    if stored is None:
        return {"model": None, "dimensions": None, "scopes": []}
    scopes = []
    for statistics in chosen(stored, scope):
        patterns = stored.detector.patterns(statistics.scope)
        labels = [_label(pattern.pattern, pattern.label) for pattern in patterns if pattern.label is not None]
        shown = [_pattern(pattern) for pattern in patterns[: limit or None]]
        scopes.append(asdict(statistics) | {"patterns_by_weight": shown, "labelled": labels})
    return {"model": stored.model, "dimensions": stored.dimensions, "scopes": scopes}


def _pattern(pattern: PatternStatistics) -> dict[str, object]:
    return {
        "pattern": pattern.pattern,
        "weight": round(pattern.weight, 6),
        "first_seen": rfc3339(pattern.first) if pattern.last else None,
        "last_seen": rfc3339(pattern.last) if pattern.last else None,
        "label": pattern.label and pattern.label.verdict,
        "lines": [{"count": count, "text": line} for line, count in pattern.lines],
    }


def _label(pattern: str, label: Label) -> dict[str, object]:
    document = {"verdict": label.verdict, "by": label.by, "at": rfc3339(label.at), "note": label.note}
    return {"pattern": pattern, **document}
