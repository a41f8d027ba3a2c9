"""A batch of masked lines, and which are alike: found once, for every stage that counts by line, key or scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from daemon.core.groups import Ints, grouped, numbered

Key = tuple[str, str]
"""Scope and session key."""


@dataclass(frozen=True, slots=True)
class MaskedLines:
    """A batch of n lines, in reading order.

    `distinct` are the different masked lines of `table`, `line` (n,) the index of each row's among them. `keys` are the
    different keys, `key` (n,) the index of each row's; `order` (n,) are the rows grouped by key, each key's in reading
    order, and `sizes` how many each key has. `scopes` are the different scopes, `scope` the index of each key's.
    """

    table: pl.DataFrame
    distinct: Sequence[str]
    line: Ints
    keys: Sequence[Key]
    key: Ints
    order: Ints
    sizes: Ints
    scopes: Sequence[str]
    scope: Ints

    @classmethod
    def of(cls, table: pl.DataFrame) -> MaskedLines:
        """Return the lines of a table with `scope`, `key` and `masked`; keys and scopes are in order of appearance.

        Rows of one number in `form`, where the table has it, have one masked line.
        """
        distinct, line = _told_apart(table)
        column = table["scope"]
        one_scope = not len(column) or bool((column == column[0]).all())
        groups, order, sizes = grouped(table, "key") if one_scope else grouped(table, "scope", "key")
        of_keys = column[:1].to_list() * len(groups) if one_scope else groups["scope"].to_list()
        scopes = {scope: number for number, scope in enumerate(dict.fromkeys(of_keys))}
        key = np.empty(len(order), np.int64)
        key[order] = np.repeat(np.arange(len(sizes)), sizes)
        return cls(
            table=table,
            distinct=distinct,
            line=line,
            keys=list(zip(of_keys, groups["key"].to_list(), strict=True)),
            key=key,
            order=order,
            sizes=sizes,
            scopes=list(scopes),
            scope=np.fromiter(map(scopes.__getitem__, of_keys), np.int64, len(of_keys)),
        )

    def __len__(self) -> int:
        return len(self.line)


def _told_apart(table: pl.DataFrame) -> tuple[list[str], Ints]:
    """Return the different masked lines, and the index of each row's among them; of a form one row is read."""
    if "form" not in table.columns:
        distinct, line = numbered(table["masked"])
        return distinct.to_list(), line
    form = table["form"].to_numpy()
    row = np.zeros(int(form.max(initial=0)) + 1, np.int64)
    row[form] = np.arange(len(form))
    texts = table["masked"][row].to_list()
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return list(numbers), np.array([numbers[text] for text in texts], np.int64)[form]
