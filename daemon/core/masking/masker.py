"""Redacts and masks a batch of lines: which lines go through which step, and which only through the shape cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from daemon.core.formats import check_pattern
from daemon.core.groups import Ints
from daemon.core.kernel import number_shapes
from daemon.core.masking.expressions import compile_all
from daemon.core.masking.hex_runs import without_hexadecimal
from daemon.core.masking.identifiers import with_identifiers
from daemon.core.masking.kept_numbers import is_telling, with_words
from daemon.core.masking.key_blocks import redact_key_blocks
from daemon.core.masking.length import LONGEST_REDACTED, MAX_TEXT, cut, shortened, without_seams
from daemon.core.masking.masks import COLONS, COLONS_GATE, LONE_UUID, NARROW, WIDE, Mask
from daemon.core.masking.redaction import RedactionSettings, is_suspicious, mark_names, redact_column
from daemon.core.masking.shape_cache import ShapeCache, shapes, without_digits
from daemon.core.positions import INDEX_BITS

Known = tuple[str, bool, bool]


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
        self._alike = ShapeCache(self._examined)
        self._shapes = ShapeCache(lambda shapes: self._alike.known(without_hexadecimal(shapes)))
        self._suspects_alike = ShapeCache(lambda shapes: [is_suspicious(without_digits(shape)) for shape in shapes])
        self._suspects = ShapeCache(lambda shapes: self._suspects_alike.known(without_hexadecimal(shapes)))
        """Whether names may hold a secret, by shape."""
        compile_all()
        self._short(pl.Series("text", [""]))  # polars loads parts of itself on first use: now, not under load

    def apply(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return `lines` with `text` redacted and at most `MAX_TEXT` characters long, and `masked`, its masked form.

        Lines with one number in `form`, where there is one, have one masked form. Secrets are removed from scopes and
        keys too; different names stay different.
        """
        if lines.is_empty():
            return lines.with_columns(pl.col("text").alias("masked"))
        known = lines["alike"] if "alike" in lines.columns else None
        whole = redact_key_blocks(lines, lines["position"] // (1 << INDEX_BITS))
        if whole is not lines:
            lines, known = whole, None
        texts = lines["text"]
        long = (texts.str.len_bytes() > MAX_TEXT).arg_true()
        if self._every_line or len(long) == len(texts):
            texts, masked = self._by_line(texts)
        elif len(long):
            cut, masked_cut = self._by_line(texts.gather(long))
            texts, masked, _ = self._short(texts.clone().scatter(long, ""))
            texts, masked = texts.clone().scatter(long, cut), masked.clone().scatter(long, masked_cut)
        else:
            texts, masked, form = self._short(texts, known)
            lines = lines.with_columns(pl.Series("form", form))
        return lines.with_columns(texts.alias("text"), *self._names(lines), masked.alias("masked"))

    def _by_line(self, texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return texts of any length redacted and cut, and their masked forms."""
        texts = self._redacted(texts)
        own = pl.DataFrame([texts.alias("text")]).select(self._own)["text"]
        return texts, self._masked(own)[0]

    def _short(self, texts: pl.Series, known: pl.Series | None = None) -> tuple[pl.Series, pl.Series, Ints]:
        """Return texts within the limit of length redacted, their masked forms, and the number of each's form.

        `known` numbers some texts by shape. Two forms with different numbers may be the same.

        A line that held a secret, or may hold a number that stays, gets another one than its shape's.
        """
        alike = number_shapes(texts, known)
        number = alike.number
        forms, suspect, tells = zip(*self._shapes.known(_shapes_of(texts.gather(alike.firsts))), strict=True)
        masked = pl.Series("masked", forms, dtype=pl.String).gather(number)
        other = np.array(tells)[number]
        rows = np.flatnonzero(np.array(suspect)[number])
        if len(rows):
            before = texts.gather(rows)
            redacted = redact_column(before, self._redaction)
            texts = texts.clone().scatter(rows, redacted)
            other[rows] |= (redacted != before).to_numpy()
        rows = np.flatnonzero(other)
        if len(rows):
            masked_alone, number_alone = self._masked(texts.gather(rows))
            masked, number = masked.scatter(rows, masked_alone), number.copy()
            number[rows] = number_alone + len(forms)
        return texts, masked, number

    def _masked(self, texts: pl.Series) -> tuple[pl.Series, Ints]:
        """Return redacted texts with the built-in masks applied, once for each shape, and the shape's number."""
        texts = with_words(texts.str.replace_all(*LONE_UUID))
        alike = number_shapes(texts)
        names = shapes(texts.gather(alike.firsts))
        forms = [form for form, _, _ in self._alike.known(without_hexadecimal(names))]
        return pl.Series("masked", forms, dtype=pl.String).gather(alike.number), alike.number

    def _examined(self, names: pl.Series) -> list[Known]:
        """Return for each shape its masked form, and whether its lines may hold a secret, or a number that stays."""
        return [
            (form, is_suspicious(bare), is_telling(bare))
            for form, bare in zip(self._by_masks(names), map(without_digits, names), strict=True)
        ]

    def _by_masks(self, texts: pl.Series) -> pl.Series:
        """Return texts with the masks applied that do not distinguish digits."""
        table = pl.DataFrame([texts.alias("text")]).select(self._wide)
        gated = table["text"].str.contains(COLONS_GATE)
        if gated.any():
            rows = gated.arg_true()
            table = table.with_columns(table["text"].clone().scatter(rows, table[rows].select(self._expensive)["text"]))
        return pl.DataFrame([with_identifiers(table["text"])]).select(self._narrow)["text"]

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
        redacted = self._redacted_names(pl.concat(names.values()))
        changed, start = [], 0
        for name, one_each in names.items():
            marked = mark_names(one_each, redacted[start : start + len(one_each)])
            start += len(one_each)
            if marked is not one_each:
                changed.append(lines[name].replace(one_each, marked))
        return changed

    def _redacted_names(self, names: pl.Series) -> pl.Series:
        """Return names redacted."""
        if self._redaction.ips:
            return redact_column(names, self._redaction)
        alike = number_shapes(names)
        suspect = self._suspects.known(_shapes_of(names.gather(alike.firsts)))
        rows = pl.Series(np.flatnonzero(np.array(suspect)[alike.number]))
        return names.clone().scatter(rows, redact_column(names.gather(rows), self._redaction)) if len(rows) else names


def _shapes_of(texts: pl.Series) -> pl.Series:
    """Return the shapes of texts, UUIDs that stand alone as placeholders."""
    return shapes(texts.str.replace_all(*LONE_UUID))


def _replaced(masks: Sequence[Mask]) -> pl.Expr:
    """Return an expression that applies masks to the column `text` in their order."""
    expression = pl.col("text")
    for pattern, placeholder in masks:
        expression = expression.str.replace_all(pattern, placeholder)
    return expression
