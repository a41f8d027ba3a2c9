"""Baselines as a whole, for people: read out of the topic, looked at, saved, and put back.

Reading builds a detector of its own from what is committed; nothing here takes part in the daemon's work. An import is
one transaction of ordinary records, so running replicas take it in as they read it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from daemon.adapters.files import FileReader, check_files
from daemon.core.baseline import Label
from daemon.core.detection import (
    EXPORT_FILE,
    Detector,
    DetectorSettings,
    Export,
    Import,
    PatternStatistics,
    ScopeStatistics,
    export_updates,
    parse_key,
    read_export,
    vector_model,
)
from daemon.core.messages import rfc3339
from daemon.core.types import OutRecord, TopicPartition, Update
from daemon.errors import DataError, ModelMismatchError
from daemon.ports import Broker

Times = Literal["auto", "keep", "now"]
Publish = Callable[[Sequence[OutRecord]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Held:
    """A baseline read whole: the model its vectors are of, their dimensions, and a detector that holds it."""

    model: str
    dimensions: int
    detector: Detector


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `moved_us` is by how much all times were moved, `kept` the labels that stayed as they are."""

    scopes: Sequence[str]
    patterns: int
    sessions: int
    labels: int
    kept: int
    moved_us: int


async def read_topic(broker: Broker, topic: str, settings: DetectorSettings) -> Held | None:
    """Return what is committed in a baseline's topic by now; None when it holds no pattern.

    Raises UnavailableError when the topic does not exist, ModelMismatchError when it holds vectors of two models.
    """
    ends = await broker.stable_ends(topic)
    found: list[Update] = []
    following = broker.follow(topic)
    async for came, read in following:
        found += came
        if all(read.get(partition, -1) >= end for partition, end in ends.items()):
            break
    if isinstance(following, AsyncGenerator):
        await following.aclose()
    return hold(found, settings)


def hold(updates: Iterable[Update], settings: DetectorSettings) -> Held | None:
    """Return a detector of what records say; None when no vector is among them. Raises as `Detector.apply` does."""
    newest = {update.key: update for update in updates}
    vectors = (u.value for u in newest.values() if u.value is not None and parse_key(u.key)[0] == "vector")
    first = next(vectors, None)
    if first is None:
        return None
    model, dimensions = vector_model(first)
    detector = Detector(settings, model, dimensions)
    detector.apply(list(newest.values()))
    return Held(model, dimensions, detector)


def load(path: Path, renamed: Mapping[str, str] | None = None) -> Export:
    """Read a file that `write_export` filled, or the one in the folder that a backtest wrote; `-` is standard input.

    Raises InputError when it cannot be read, DataError with the line when it is not a baseline.
    """
    name = str(path / EXPORT_FILE if path.is_dir() else path)
    check_files([name])
    reader = FileReader([name], TopicPartition(name, 0))
    return read_export((value or b"" for batch in reader.batches() for value in batch.values), name, renamed)


def shift_of(newest: int, now: int, window_us: int, times: Times) -> int:
    """Return by how much to move times so that the newest session lies at `now`; 0 where they can stay.

    Under `auto` they stay where they are while the newest session is in the window that ends now.
    """
    if not newest or times == "keep" or (times == "auto" and now - window_us < newest <= now):
        return 0
    return now - newest


async def put(saved: Export, how: Import, publish: Publish, held: Held | None, *, name: str = "the file") -> Imported:
    """Publish what was saved to a topic that holds `held`. Raises ModelMismatchError when their models differ."""
    if held is not None and (held.model, held.dimensions) != (saved.model, saved.dimensions):
        raise ModelMismatchError(
            f"{name} was made with {saved.model} and the baseline's topic with {held.model}: "
            "their vectors cannot be compared; name a new baseline topic to begin with this file"
        )
    if not saved.patterns:
        raise DataError(f"{name}: holds no patterns")
    records = [OutRecord("baseline", u.key, u.value, partition=0) for u in export_updates(saved, how)]
    await publish(records)
    labels = [parse_key(record.key or b"")[0] for record in records].count("label")
    said = sum(known.label is not None or how.confirmed for known in saved.patterns.values())
    sessions = sum(sum(known.weight.buckets.values()) for known in saved.patterns.values())
    return Imported(saved.scopes, len(saved.patterns), sessions, labels, said - labels, how.shift_us)


def labelled(held: Held | None) -> Collection[tuple[str, str]]:
    """Return (scope, pattern) of everything that carries a label."""
    if held is None:
        return frozenset()
    scopes = [statistics.scope for statistics in held.detector.scopes()]
    return {(scope, pattern) for scope in scopes for pattern in held.detector.labels(scope)}


def chosen(held: Held, scope: str | None) -> list[ScopeStatistics]:
    """Return what the scopes are doing, or the one that is named. Raises DataError when there is none of that name."""
    scopes = held.detector.scopes()
    found = [it for it in scopes if scope in (None, it.scope)]
    if scope is not None and not found:
        raise DataError(f"no scope is called {scope}; there are {', '.join(it.scope for it in scopes)}")
    return found


def describe(held: Held | None, scope: str | None, limit: int) -> dict[str, object]:
    """Return scopes, up to `limit` patterns of each (0: all) and all labels, as one JSON document."""
    if held is None:
        return {"model": None, "dimensions": None, "scopes": []}
    scopes = []
    for it in chosen(held, scope):
        patterns = held.detector.patterns(it.scope)
        said = [_label(pattern.pattern, pattern.label) for pattern in patterns if pattern.label is not None]
        shown = [_pattern(pattern) for pattern in patterns[: limit or None]]
        scopes.append(asdict(it) | {"patterns_by_weight": shown, "labelled": said})
    return {"model": held.model, "dimensions": held.dimensions, "scopes": scopes}


def _pattern(it: PatternStatistics) -> dict[str, object]:
    return {
        "pattern": it.pattern,
        "weight": round(it.weight, 6),
        "first_seen": rfc3339(it.first) if it.last else None,
        "last_seen": rfc3339(it.last) if it.last else None,
        "label": it.label and it.label.verdict,
        "lines": [{"count": count, "text": line} for line, count in it.lines],
    }


def _label(pattern: str, label: Label) -> dict[str, object]:
    said = {"verdict": label.verdict, "by": label.by, "at": rfc3339(label.at), "note": label.note}
    return {"pattern": pattern, **said}
