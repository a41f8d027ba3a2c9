"""What holds of all messages of one shape is found out once for each shape, where a reader has numbered them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from daemon.core.kernel import number_shapes

ALIKE = "alike"
"""The column of the numbers."""


def of_shapes(holds: Callable[[pl.Series], pl.Series], messages: pl.Series, table: pl.DataFrame) -> pl.Series:
    """Return `holds` of each message of a table; it must take messages that differ only in digits for the same."""
    if ALIKE not in table.columns:
        return holds(messages)
    shapes = number_shapes(messages, table[ALIKE])
    return holds(messages.gather(shapes.firsts)).gather(shapes.number)
