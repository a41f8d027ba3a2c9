"""Tunes the garbage collector to this process: many short-lived objects, few cycles, a large heap that stays.

By default it traverses the young objects after every 700 new ones, which costs more than decoding Kafka's records. From
time to time it also traverses everything that the model's libraries loaded, which takes a third of a second. So the
objects that exist when the work begins are frozen, and the rest is traversed seldom: reference counts free everything
that is not part of a cycle.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 50_000
"""New objects, less those freed, between two collections of the young ones. One takes a few milliseconds at most."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Let the collector run seldom inside the block. Enter it when everything that stays is loaded."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
