"""The garbage collector, told what this process does: many short-lived objects, few cycles, a large heap that stays.

Left alone it looks at every young object again after each 700 new ones, which costs more than decoding Kafka's records
does, and now and then at all that the model's libraries have loaded, which takes a third of a second. What is there
when the work begins is set aside for good, and the rest is looked at seldom: reference counts free what has no cycle.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 50_000
"""New objects, less those freed, between two looks at the young ones. A look takes a few milliseconds at most."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Have the collector run seldom inside. Enter it when everything that stays has been loaded."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
