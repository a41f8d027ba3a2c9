"""A scope as arrays, for the snapshot that makes a restart quick.

A scope in memory is ahead of the baseline's topic by what is not committed yet. So what the topic is known to hold of
such keys is saved beside the arrays (`ahead`), and put in their place when the scope is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import (
    Arrays,
    nested,
    part,
    texts_from_arrays,
    texts_to_arrays,
    values_from_arrays,
    values_to_arrays,
)
from daemon.core.baseline import baseline_to_arrays, fill_baseline
from daemon.core.detection.scope import Scope
from daemon.core.types import TopicPartition

Ahead = Sequence[tuple[bytes, bytes | None]]
"""Keys of the baseline's topic with the values that it holds, None for none."""


class SavedScope(NamedTuple):
    """A scope's name and content: arrays by name, none of them of objects."""

    name: str
    arrays: Arrays


def save_scope(name: str, scope: Scope, ahead: Ahead) -> SavedScope:
    """Return a copy of `scope`, which holds other values than the topic where `ahead` says so."""
    sources = list(scope.rings)
    arrays = {
        **nested("baseline", baseline_to_arrays(scope.baseline)),
        **nested("topics", texts_to_arrays(source.topic for source in sources)),
        "partitions": np.array([source.partition for source in sources], np.int64),
        "homes": np.array(sorted(scope.homes), np.int64),
        **nested("keys", values_to_arrays(key for key, _ in ahead)),
        **nested("values", values_to_arrays(value for _, value in ahead)),
    }
    for number, ring in enumerate(scope.rings.values()):
        arrays |= nested(f"ring {number}", ring.save())
    return SavedScope(name, arrays)


def fill_scope(scope: Scope, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give an empty scope what `save_scope` returned, but for what `ahead_of` returns."""
    fill_baseline(scope.baseline, part("baseline", arrays))
    scope.homes = frozenset(arrays["homes"].tolist())
    topics = texts_from_arrays(part("topics", arrays))
    for number, source in enumerate(zip(topics, arrays["partitions"].tolist(), strict=True)):
        scope.ring(TopicPartition(*source)).load_all(part(f"ring {number}", arrays))


def ahead_of(arrays: Mapping[str, NDArray[Any]]) -> list[tuple[bytes, bytes | None]]:
    """Return the keys in which the scope was ahead of the topic, with the values that the topic holds."""
    keys, values = (values_from_arrays(part(name, arrays)) for name in ("keys", "values"))
    return [(key or b"", value) for key, value in zip(keys, values, strict=True)]
