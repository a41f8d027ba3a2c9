"""Records of the baseline's topic, as a daemon publishes what it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from daemon.core.baseline import Label, Weight
from daemon.core.detection.changelog_codec import (
    dump_label,
    dump_vector,
    dump_weight,
    label_key,
    vector_key,
    weight_key,
)
from daemon.core.types import LabelVerdict, TopicPartition, Update, Vector

HOUR_US = 3_600_000_000
BEGIN = 490_000
"""An hour since the epoch, in November 2025: buckets of these records are an hour wide."""


def unit(*values: float) -> Vector:
    """Return a vector of unit length."""
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def lines_record(
    scope: str, pattern: str, lines: Sequence[tuple[str, int]], vector: Vector | None = None, model: str = "mini"
) -> Update:
    """Return the record of a pattern's lines and vector."""
    made = unit(1, 0, 0, 0) if vector is None else vector
    return Update(vector_key(scope, pattern), dump_vector(model, 1, tuple(lines), made))


def weight_record(scope: str, pattern: str, hours: Mapping[int, int], partition: int = 0) -> Update:
    """Return the record of a pattern's sessions by hour after `BEGIN`, none of which deletes it."""
    key = weight_key(scope, pattern, TopicPartition("logs", partition))
    if not hours:
        return Update(key, None)
    buckets = {BEGIN + hour: count for hour, count in hours.items()}
    first, last = (BEGIN + min(hours)) * HOUR_US, (BEGIN + max(hours)) * HOUR_US + 1_000_000
    return Update(key, dump_weight(Weight(buckets, first, last)))


def label_record(scope: str, pattern: str, verdict: LabelVerdict | None) -> Update:
    """Return the record of a pattern's label, None of which takes it back."""
    label = None if verdict is None else dump_label(Label(verdict, 1, "ada", "", 1))
    return Update(label_key(scope, pattern), label)
