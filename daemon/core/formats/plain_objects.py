"""JSON objects as machines write them, read by the kernel: a line each, no escapes, texts where texts are expected.

What the kernel does not read is left to `json`, which reads whatever is JSON, with the same result. So this module only
saves time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from daemon.core.formats.base import FieldPaths, Reader, ReaderOutput, value_paths
from daemon.core.formats.exceptions import HOLDERS, TRACES
from daemon.core.formats.json_paths import path_tree
from daemon.core.kernel import ABSENT, COLUMNS, NO_TIME, PlainParts, read_objects
from daemon.core.types import Batch

_ROOT = 255
_MOST_NODES, _MOST_NAME = 96, 255
_OBJECT, _TEXT, _EXCEPTION = range(3)
_Node = tuple[int, int, bytes]
"""The number of the object it is in, its kind, and its name."""
_EXCEPTIONS = frozenset((*TRACES, *HOLDERS))


class PlainObjects:
    """Reads the objects of a batch that are plain, and gives the other records to another reader. Implements `Reader`.

    The lines of plain objects have no text as their time but `micros`, and the number `alike` of their message.
    """

    def __init__(self, fields: FieldPaths, wanted: bytes, others: Reader) -> None:
        """`wanted` is what `wanted_parts` says of the fields."""
        self._columns = [name for name, _ in fields.items()]
        self._wanted = wanted
        self._others = others

    def __call__(self, batch: Batch) -> ReaderOutput:
        """Read the values of a batch; see `Reader`."""
        values = pl.Series("value", batch.values, dtype=pl.Binary)
        parts = read_objects(batch.values, values.bin.size(), self._wanted)
        there = parts.sizes[0] != ABSENT
        if not there.any():
            return self._others(batch)
        lines = self._lines(values, parts)
        if there.all():
            return ReaderOutput(lines, independent=True)
        rows = np.flatnonzero(~there)
        read = self._others(batch.rows(rows.tolist()))
        others = read.table.with_columns(row=pl.Series(rows).gather(read.table["row"]))
        end = int(rows[-read.unread]) if read.unread else len(batch)
        lines = lines.filter(there & (np.arange(len(batch)) < end))
        return replace(
            read,
            table=pl.concat([lines, others], how="diagonal").sort("row", "index"),
            rejects=[replace(reject, row=int(rows[reject.row])) for reject in read.rejects],
            unread=len(batch) - end,
        )

    def _lines(self, values: pl.Series, parts: PlainParts) -> pl.DataFrame:
        """Return a row for each value; nothing is in those that are not plain objects."""
        columns: dict[str, Any] = {"value": values, "row": np.arange(len(values)), "micros": parts.times}
        columns["alike"] = parts.alike
        texts = []
        for name in self._columns:
            sizes = parts.sizes[COLUMNS.index(name)]
            there = sizes != ABSENT
            if name == "time" or not there.any():  # times have been read
                texts.append(pl.lit(None, dtype=pl.String).alias(name))
                continue
            begin, size = f"begin of {name}", f"size of {name}"
            columns[begin], columns[size] = parts.begins[COLUMNS.index(name)], sizes
            text = pl.col("value").bin.slice(begin, size).cast(pl.String)
            texts.append((text if there.all() else pl.when(pl.col(size) != ABSENT).then(text)).alias(name))
        micros = pl.col("micros")
        if (parts.times == NO_TIME).any():
            micros = pl.when(micros != NO_TIME).then(micros).alias("micros")
        index = pl.lit(0, dtype=pl.Int64).alias("index")
        return pl.DataFrame(columns).select("row", index, *texts, micros, "alike")


def wanted_parts(fields: FieldPaths) -> bytes | None:
    """Return what is looked for, as `objects.zig` reads it; None where it is more than that can look for.

    First the nodes: of how many objects and texts, then of each the number of the object it is in, its kind and its
    name. Then of each column how many nodes may hold it, and these.
    """
    paths = {name: value_paths(path) for name, path in fields.items()}
    tree, nested = path_tree([path for choices in paths.values() for path in choices])
    nodes: list[_Node] = []
    at: dict[tuple[str, ...], int] = {}
    _add(tree, _ROOT, (), nodes, at)
    nodes += [(_ROOT, _EXCEPTION, name.encode()) for name in sorted(_EXCEPTIONS) if (name,) not in at]
    if len(nodes) > _MOST_NODES or any(len(name) > _MOST_NAME for _, _, name in nodes):
        return None
    written = [bytes([len(nodes)]), *(bytes([parent, kind, len(name)]) + name for parent, kind, name in nodes)]
    for column in COLUMNS:
        choices = [number for path in paths.get(column, ()) for number in _holders(path, nested, at)]
        written.append(bytes([len(choices), *choices]))
    return b"".join(written)


def _add(
    tree: Mapping[str, Any], parent: int, above: tuple[str, ...], nodes: list[_Node], at: dict[tuple[str, ...], int]
) -> None:
    """Append the nodes of a tree of paths; `at` gets the number of each by its names."""
    for name, inner in tree.items():
        steps = (*above, name)
        at[steps] = number = len(nodes)
        exception = not above and name.partition(".")[0] in _EXCEPTIONS
        kind = _EXCEPTION if exception else _TEXT if inner is None else _OBJECT
        nodes.append((parent, kind, name.encode()))
        if inner is not None:
            _add(inner, number, steps, nodes, at)


def _holders(path: str, nested: set[str], at: Mapping[tuple[str, ...], int]) -> list[int]:
    """Return the nodes that hold a path, as nested objects first and then as one key."""
    steps = tuple(path.split("."))
    return [at[name] for name in ([steps] if len(steps) > 1 and path in nested else []) + [(path,)]]
