"""Private keys that a record holds as several lines: the lines between BEGIN and END are hidden."""

from __future__ import annotations

import re

import polars as pl

from daemon.core.masking.rule_forms import SECRET

_BEGIN = re.compile(r"-----BEGIN[A-Z0-9 ]*(?:PRIVATE KEY(?: BLOCK)?|PGP MESSAGE)-----")
_END = re.compile(r"-----END[A-Z0-9 ]*-----")


def redact_key_blocks(lines: pl.DataFrame, record: pl.Series) -> pl.DataFrame:
    """Hide the lines between BEGIN and END of a private key that a record holds as several lines.

    `record` is the number of each row's record. Where every line of a key is a record of its own, `redact_column`
    recognises the lines by their form.
    """
    begins = lines["text"].str.contains_any(["-----BEGIN"])
    if not begins.any():
        return lines
    begins &= record.is_duplicated()
    if not begins.any():
        return lines
    affected = record.filter(begins).unique().implode()
    rows = record.is_in(affected).arg_true()
    inside: int | None = None
    kept: list[str] = []
    for number, text in zip(record.gather(rows), lines["text"].gather(rows), strict=True):
        begin = _BEGIN.search(text)
        if inside == number and begin is None:
            kept.append(SECRET)
            inside = None if _END.search(text) else number
            continue
        inside = number if begin is not None and _END.search(text, begin.end()) is None else None
        kept.append(text)
    return lines.with_columns(lines["text"].clone().scatter(rows, kept))
