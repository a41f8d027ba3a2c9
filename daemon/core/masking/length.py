"""Texts cut to a length: of one line its beginning is kept, of several lines the first and the last ones.

The last lines of a stack trace name the cause, those of a program's output its outcome.
"""

from __future__ import annotations

import polars as pl

MAX_TEXT = 8_192
"""Characters of a text that are kept."""
CUT = "…<CUT>"
"""Stands where characters are missing: at the end of a line, or on a line of its own."""
LONGEST_REDACTED = 16_384
"""Characters of a line that are redacted, of several lines from each end: a secret may begin before the cut."""
_BESIDE = 512
"""Characters that are dropped on each side of a cut before redaction: they may be half of a secret."""
_SEAM = f"\n{CUT}\n"
_KEPT = (MAX_TEXT - len(_SEAM)) // 2
_UNEVEN = rf"(?:\n[^\n]{{0,1000}})?\n{CUT}\n(?:[^\n]{{0,1000}}\n)?"
"""A cut with the pieces of lines on its sides."""


def cut(texts: pl.Series) -> pl.Series:
    """Return texts of at most `MAX_TEXT` characters."""
    if (texts.str.len_bytes().max() or 0) <= MAX_TEXT:  # type: ignore[operator]  # polars types it as any scalar
        return texts
    rows = (texts.str.len_chars() > MAX_TEXT).arg_true()
    long = texts.gather(rows)
    ends = (long.str.head(_KEPT) + _SEAM + long.str.tail(_KEPT)).str.replace(_UNEVEN, _SEAM)
    begin = long.str.head(MAX_TEXT - len(CUT)) + CUT
    return texts.clone().scatter(rows, ends.zip_with(long.str.contains("\n", literal=True), begin))


def shortened(texts: pl.Series) -> pl.Series:
    """Return what is redacted of texts that are longer than `LONGEST_REDACTED`; `without_seams` must follow."""
    ends = texts.str.head(LONGEST_REDACTED) + _SEAM + texts.str.tail(LONGEST_REDACTED)
    ends = texts.zip_with(texts.str.len_chars() <= 2 * LONGEST_REDACTED, ends)
    begin = texts.str.head(LONGEST_REDACTED) + CUT
    return ends.zip_with(texts.str.contains("\n", literal=True), begin)


def without_seams(texts: pl.Series) -> pl.Series:
    """Return texts that `shortened` gave, redacted since, without what is next to a cut."""
    texts = texts.str.replace(f"(?s).{{0,{_BESIDE}}}{_SEAM}.{{0,{_BESIDE}}}", _SEAM)
    return texts.str.replace(f"(?s).{{0,{_BESIDE}}}{CUT}$", CUT)
