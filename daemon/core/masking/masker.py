"""Redacts and masks a batch of lines: which lines go through which step, and which only through the shape cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from daemon.core.formats import check_pattern
from daemon.core.masking.identifiers import with_identifiers
from daemon.core.masking.kept_numbers import GATE as KEPT_NUMBER_GATE
from daemon.core.masking.kept_numbers import with_words
from daemon.core.masking.key_blocks import redact_key_blocks
from daemon.core.masking.length import LONGEST_REDACTED, MAX_TEXT, cut, shortened, without_seams
from daemon.core.masking.masks import COLONS, COLONS_GATE, LONE_UUID, NARROW, WIDE, Mask
from daemon.core.masking.redaction import (
    RedactionSettings,
    mark_names,
    redact_column,
    suspicious,
)
from daemon.core.masking.shape_cache import HEXADECIMAL, ShapeCache
from daemon.core.positions import INDEX_BITS


class Masker:
    """Redacts and masks lines. The result of a line depends on its record alone; the cache only saves work."""

    def __init__(self, masks: Sequence[tuple[str, str]] = (), redact: RedactionSettings | None = None) -> None:
        """`masks` are (name, pattern) pairs that come before the built-in ones; raises ValueError for a bad one."""
        for name, pattern in masks:
            problem = check_pattern(pattern)
            if problem is not None:
                raise ValueError(f"mask {name}: {problem}")
        self._redaction = redact or RedactionSettings()
        self._own = _replaced([(pattern, f"<{name.upper()}>".replace("$", "$$")) for name, pattern in masks])
        self._every_line = bool(masks) or self._redaction.ips  # these depend on digits, so they run on every line
        self._wide = _replaced(WIDE)
        self._expensive = _replaced(COLONS)
        self._narrow = _replaced(NARROW).str.strip_chars()
        self._shapes = ShapeCache(
            lambda shapes: (self._by_masks(shapes), suspicious(shapes), shapes.str.contains(KEPT_NUMBER_GATE))
        )
        self._by_shape(pl.Series("text", [""]))  # polars loads parts of itself on first use: now, not under load

    def apply(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return `lines` with `text` redacted and at most `MAX_TEXT` characters long, and `masked`, its masked form.

        Secrets are removed from scopes and keys too; different names stay different.
        """
        if lines.is_empty():
            return lines.with_columns(pl.col("text").alias("masked"))
        lines = redact_key_blocks(lines, lines["position"] // (1 << INDEX_BITS))
        texts, by_shape = lines["text"], self._shapes.pays()
        long = (texts.str.len_bytes() > MAX_TEXT).arg_true()
        if self._every_line or len(long) == len(texts):
            texts, masked = self._by_line(texts, by_shape=by_shape)
        elif len(long):
            cut, masked_cut = self._by_line(texts.gather(long), by_shape=by_shape)
            texts, masked = self._short(texts.clone().scatter(long, ""), by_shape=by_shape)
            texts, masked = texts.clone().scatter(long, cut), masked.clone().scatter(long, masked_cut)
        else:
            texts, masked = self._short(texts, by_shape=by_shape)
        return lines.with_columns(texts.alias("text"), *self._names(lines), masked.alias("masked"))

    def _by_line(self, texts: pl.Series, *, by_shape: bool) -> tuple[pl.Series, pl.Series]:
        """Return texts of any length redacted and cut, and their masked forms."""
        texts = self._redacted(texts)
        own = pl.DataFrame([texts.alias("text")]).select(self._own)["text"]
        return texts, self._masked(own) if by_shape else self._built_in(own)

    def _short(self, texts: pl.Series, *, by_shape: bool) -> tuple[pl.Series, pl.Series]:
        """Return texts within the limit of length redacted, and their masked forms."""
        if by_shape:
            return self._by_shape(texts)
        texts = redact_column(texts, self._redaction)
        return texts, self._built_in(texts)

    def _by_shape(self, texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return redacted texts and masked forms.

        Lines of a shape that may hold a secret, or a number that stays, are redacted and masked one by one.
        """
        shaped = self._shapes.of(texts.str.replace_all(*LONE_UUID))
        masked = shaped.masked.gather(shaped.number)
        rows = pl.Series(np.flatnonzero(shaped.suspect[shaped.number]))
        if len(rows):
            texts = texts.clone().scatter(rows, redact_column(texts.gather(rows), self._redaction))
        rows = pl.Series(np.flatnonzero((shaped.suspect | shaped.telling)[shaped.number]))
        if len(rows):
            masked = masked.scatter(rows, self._masked(texts.gather(rows)))
        return texts, self._with_hexadecimal(texts, masked)

    def _masked(self, texts: pl.Series) -> pl.Series:
        """Return redacted texts with the built-in masks applied, once for each shape."""
        shaped = self._shapes.of(self._worded(texts))
        return self._with_hexadecimal(texts, shaped.masked.gather(shaped.number))

    def _with_hexadecimal(self, texts: pl.Series, masked: pl.Series) -> pl.Series:
        """Return `masked`, with texts that hold ``0x`` masked again: their masked form depends on their digits."""
        rows = texts.str.contains_any([HEXADECIMAL]).arg_true()
        return masked.scatter(rows, self._built_in(texts.gather(rows))) if len(rows) else masked

    def _built_in(self, texts: pl.Series) -> pl.Series:
        """Return texts with the built-in masks applied."""
        return self._by_masks(self._worded(texts))

    def _by_masks(self, texts: pl.Series) -> pl.Series:
        """Return texts with the masks applied that do not distinguish digits."""
        table = pl.DataFrame([texts.alias("text")]).select(self._wide)
        gated = table["text"].str.contains(COLONS_GATE)
        if gated.any():
            rows = gated.arg_true()
            table = table.with_columns(table["text"].clone().scatter(rows, table[rows].select(self._expensive)["text"]))
        return pl.DataFrame([with_identifiers(table["text"])]).select(self._narrow)["text"]

    def _worded(self, texts: pl.Series) -> pl.Series:
        """Return texts with UUIDs as placeholders and numbers that stay as words."""
        return with_words(texts.str.replace_all(*LONE_UUID))

    def _redacted(self, texts: pl.Series) -> pl.Series:
        """Return texts redacted, then cut.

        A text that is far too long is cut before redaction too. Then it also loses what is next to the cut, which may
        be half of a secret.
        """
        rows = (texts.str.len_bytes() > LONGEST_REDACTED).arg_true()
        if len(rows):
            texts = texts.clone().scatter(rows, shortened(texts.gather(rows)))
        texts = redact_column(texts, self._redaction)
        if len(rows):
            texts = texts.clone().scatter(rows, without_seams(texts.gather(rows)))
        return cut(texts)

    def names(self, table: pl.DataFrame, *columns: str) -> pl.DataFrame:
        """Return a table whose columns of names, such as scopes, have no secrets; different names stay different."""
        return table.with_columns(*self._names(table, columns))

    def _names(self, lines: pl.DataFrame, columns: Sequence[str] = ("scope", "key")) -> list[pl.Series]:
        """Return those of the columns in which redaction changes something, redacted."""
        names = {name: lines[name].unique() for name in columns}
        redacted = redact_column(pl.concat(names.values()), self._redaction)
        changed, start = [], 0
        for name, distinct in names.items():
            marked = mark_names(distinct, redacted[start : start + len(distinct)])
            start += len(distinct)
            if marked is not distinct:
                changed.append(lines[name].replace(distinct, marked))
        return changed


def _replaced(masks: Sequence[Mask]) -> pl.Expr:
    """Return an expression that applies masks to the column `text` in their order."""
    expression = pl.col("text")
    for pattern, placeholder in masks:
        expression = expression.str.replace_all(pattern, placeholder)
    return expression
