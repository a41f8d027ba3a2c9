"""A baseline as lines of JSON: for another cluster, for a backup, or for a cold start from chosen history.

The first line is a header that names the version, the model and the width of a time bucket. Then comes a line for each
pattern (lines, vector, sessions by bucket over all input partitions, label) and one for each scope's recent scores,
among which a new session is ranked. Vectors and scores are base64 of little-endian numbers.

An import has an input partition of its own (`changelog_codec.IMPORTED`), so it adds to what the partitions of the input
have counted, and importing the same file twice is the same as once. All times can be shifted together: history from
before the window would be forgotten as soon as live sessions come.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from daemon.core.baseline import BUCKETS, Label, Lines, Weight
from daemon.core.calibration import CHUNK, HEADER, LOUD, QUIET, RING, Ring, row_type
from daemon.core.calibration import VERSION as CHUNK_VERSION
from daemon.core.detection import changelog_codec
from daemon.core.detection.components import NAMES
from daemon.core.detection.detector import Detector
from daemon.core.sessions import fingerprint
from daemon.core.types import MINUTE_US, LabelVerdict, TopicPartition, Update, Vector
from daemon.errors import DataError

KIND, VERSION = "strayline baseline", 1
EXPORT_FILE = "baseline.jsonl.zst"
"""The name of the export in a backtest's folder."""
ROW = row_type(len(NAMES))


@dataclass(frozen=True, slots=True)
class RecentRows:
    """A scope's latest sessions, a structured array of `ROW`, oldest first, of all `seen` ever."""

    rows: NDArray[Any]
    seen: int


@dataclass(slots=True)
class Known:
    """One pattern: its lines, its vector, and `weight`, the sum over all input partitions."""

    scope: str
    pattern: str
    lines: Lines = ()
    vector: Vector | None = None
    weight: Weight = field(default_factory=Weight)
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A baseline. `bucket_us` is the width of the weights' buckets, `newest` the latest session's time (0: none)."""

    model: str
    dimensions: int
    bucket_us: int
    patterns: Mapping[tuple[str, str], Known]
    recent: Mapping[str, RecentRows]

    @property
    def newest(self) -> int:
        """The time of the latest session, 0 when there is none."""
        return max((known.weight.last for known in self.patterns.values()), default=0)

    @property
    def scopes(self) -> list[str]:
        """The names of its scopes, sorted."""
        return sorted({scope for scope, _ in self.patterns})


@dataclass(frozen=True, slots=True)
class Import:
    """How an export is imported: the window of the target (microseconds), and by how much its times are shifted.

    With `confirmed`, every pattern is labelled normal by `by` at `at`. Patterns in `labelled` (scope, pattern) keep the
    label they have in the target.
    """

    window_us: int
    shift_us: int = 0
    confirmed: bool = False
    by: str = ""
    at: int = 0
    labelled: Collection[tuple[str, str]] = ()


def take_export(detector: Detector, model: str, dimensions: int, scopes: Collection[str] | None = None) -> Export:
    """Return what a detector knows, of all scopes or of some."""
    patterns: dict[tuple[str, str], Known] = {}
    rings: dict[str, dict[TopicPartition, Ring]] = {}
    for update in detector.dump():
        kind, scope, *rest = changelog_codec.parse_key(update.key)
        if update.value is None or (scopes is not None and scope not in scopes):
            continue
        if kind == "ring":
            ring = rings.setdefault(scope, {}).setdefault(TopicPartition(rest[0], rest[1]), Ring(NAMES))
            ring.load(rest[2], update.value)
            continue
        known = patterns.setdefault((scope, rest[0]), Known(scope, rest[0]))
        if kind == "vector":
            _, known.lines, known.vector = changelog_codec.load_vector(update.value, model, dimensions)
        elif kind == "label":
            known.label = changelog_codec.load_label(update.value)
        else:
            _add(known.weight, changelog_codec.load_weight(update.value))
    recent = {
        scope: _latest([RecentRows(ring.rows(), ring.count) for ring in own.values()]) for scope, own in rings.items()
    }
    return Export(model, dimensions, max(1, detector.settings.window_us // BUCKETS), patterns, recent)


def write_export(export: Export) -> Iterator[bytes]:
    """Yield the lines of the file, without their newlines; patterns without a vector yet are left out."""
    whole = {name: known for name, known in export.patterns.items() if known.vector is not None}
    head = {"kind": KIND, "version": VERSION, "model": export.model, "dimensions": export.dimensions}
    yield orjson.dumps({**head, "bucket_us": export.bucket_us, "parts": NAMES, "patterns": len(whole)})
    for known in whole.values():
        assert known.vector is not None
        weight, label = known.weight, known.label
        yield orjson.dumps(
            {
                "scope": known.scope,
                "pattern": known.pattern,
                "lines": known.lines,
                "vector": b64encode(known.vector.astype("<f2").tobytes()).decode(),
                "first": weight.first,
                "last": weight.last,
                "buckets": sorted(weight.buckets.items()),
                "label": label and {"verdict": label.verdict, "at": label.at, "by": label.by, "note": label.note},
            }
        )
    for scope, recent in export.recent.items():
        rows = b64encode(recent.rows.tobytes()).decode()
        yield orjson.dumps({"scope": scope, "seen": recent.seen, "recent": rows})


def read_export(lines: Iterable[bytes], name: str, renamed: Mapping[str, str] | None = None) -> Export:
    """Read a file's lines; scopes in `renamed` get their new names. Raises DataError that names the line."""
    numbered = enumerate(lines, 1)
    head = _header(next(numbered, (1, b""))[1], name)
    patterns: dict[tuple[str, str], Known] = {}
    recent: dict[str, RecentRows] = {}
    for number, line in numbered:
        try:
            document = orjson.loads(line)
            scope = (renamed or {}).get(document["scope"], document["scope"])
            if "recent" in document:
                rows = RecentRows(np.frombuffer(b64decode(document["recent"]), ROW), int(document["seen"]))
                recent[scope] = _latest([recent[scope], rows]) if scope in recent else rows
            else:
                _merge(patterns, _known(document, scope, head["dimensions"]))
        except (ValueError, KeyError, TypeError, AttributeError, Base64Error) as error:
            raise DataError(f"{name}:{number}: not a line of a baseline: {error!r}"[:300]) from None
    if len(patterns) < head["patterns"] and not renamed:
        raise DataError(f"{name}: ends after {len(patterns)} of {head['patterns']} patterns")
    return Export(head["model"], head["dimensions"], head["bucket_us"], patterns, recent)


def export_updates(export: Export, how: Import) -> Iterator[Update]:
    """Yield the records that import an export into a baseline's topic."""
    width, newest = max(1, how.window_us // BUCKETS), export.newest + how.shift_us
    for (scope, pattern), known in export.patterns.items():
        if known.vector is None:
            continue
        value = changelog_codec.dump_vector(export.model, max(newest, 1), known.lines, known.vector)
        yield Update(changelog_codec.vector_key(scope, pattern), value)
        if known.weight.buckets:
            weight = _moved(known.weight, export.bucket_us, width, how.shift_us)
            yield Update(
                changelog_codec.weight_key(scope, pattern, changelog_codec.IMPORTED),
                changelog_codec.dump_weight(weight),
            )
        label = known.label
        if label is not None:
            label = Label(label.verdict, label.at, label.by, label.note, newest)
        elif how.confirmed:
            label = Label(LabelVerdict.NORMAL, how.at, how.by, "imported as confirmed normal", newest)
        if label is not None and (scope, pattern) not in how.labelled:
            yield Update(changelog_codec.label_key(scope, pattern), changelog_codec.dump_label(label))
    for scope, recent in export.recent.items():
        for chunk, content in _chunks(recent, how.shift_us // MINUTE_US):
            yield Update(changelog_codec.ring_key(scope, changelog_codec.IMPORTED, chunk), content)


def _header(line: bytes, name: str) -> dict[str, Any]:
    try:
        head = orjson.loads(line)
    except orjson.JSONDecodeError:
        head = None
    if not isinstance(head, dict) or head.get("kind") != KIND:
        raise DataError(f"{name}: not a baseline that `strayline baseline export` or a backtest wrote")
    if head.get("version") != VERSION or head.get("parts") != list(NAMES):
        raise DataError(f"{name}: version {head.get('version')} of the format; this release reads version {VERSION}")
    return head


def _known(document: dict[str, Any], scope: str, dimensions: int) -> Known:
    vector = np.frombuffer(b64decode(document["vector"]), "<f2").astype(np.float32)
    if len(vector) != dimensions:
        raise ValueError(f"a vector of {len(vector)} numbers")
    lines = tuple((str(line), int(count)) for line, count in document["lines"])
    buckets = {int(bucket): int(n) for bucket, n in document["buckets"]}
    stored = document["label"]
    label = stored and Label(LabelVerdict(stored["verdict"]), int(stored["at"]), stored["by"], stored["note"])
    if document["pattern"] != fingerprint(document["scope"], lines):
        raise ValueError("the pattern is not the fingerprint of its lines")
    weight = Weight(buckets, int(document["first"]), int(document["last"]))
    return Known(scope, fingerprint(scope, lines), lines, vector, weight, label)


def _merge(patterns: dict[tuple[str, str], Known], known: Known) -> None:
    earlier = patterns.setdefault((known.scope, known.pattern), known)
    if earlier is not known:
        _add(earlier.weight, known.weight)
        earlier.label = earlier.label or known.label


def _add(weight: Weight, more: Weight) -> None:
    weight.first = min(weight.first, more.first) if weight.buckets else more.first
    weight.last = max(weight.last, more.last)
    for bucket, n in more.buckets.items():
        weight.buckets[bucket] = weight.buckets.get(bucket, 0) + n


def _moved(weight: Weight, old: int, new: int, shift: int) -> Weight:
    moved = Weight(first=weight.first + shift, last=weight.last + shift)
    for bucket, n in weight.buckets.items():
        # Between first and last: a bucket of the export may be wider than those of the target.
        time = min(max(bucket * old + shift, moved.first), moved.last)
        moved.buckets[time // new] = moved.buckets.get(time // new, 0) + n
    return moved


def _latest(parts: list[RecentRows]) -> RecentRows:
    rows = np.concatenate([part.rows for part in parts])
    latest = rows[np.argsort(rows["minute"], kind="stable")][-RING:]
    return RecentRows(np.asarray(latest), sum(part.seen for part in parts))


def _chunks(recent: RecentRows, minutes: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield a ring's chunks as `Ring.dump` writes them; None clears what an earlier import may have left."""
    whole = np.zeros(RING, ROW)
    turns = np.arange(max(recent.seen - len(recent.rows), 0), recent.seen)[-len(recent.rows) or RING :]
    rows = recent.rows[-len(turns) or RING :].copy()
    rows["minute"] = np.clip(rows["minute"].astype(np.int64) + minutes, 0, 2**32 - 1)
    rows["state"][rows["state"] == LOUD] = QUIET  # none of them is an alert of this daemon's
    whole[turns % RING] = rows
    counts = np.zeros(RING // CHUNK, np.int64)
    np.maximum.at(counts, turns % RING // CHUNK, turns + 1)
    for chunk, count in enumerate(counts.tolist()):
        cut = whole[chunk * CHUNK : (chunk + 1) * CHUNK]
        yield chunk, HEADER.pack(CHUNK_VERSION, len(NAMES), CHUNK, count) + cut.tobytes() if count else None
