"""Variables to placeholders, so that equal events read the same.

Order matters and is the whole design: secrets first (`redaction`), then the user's masks, then shapes that hold other
shapes (a time holds numbers, a URL holds an address), and bare numbers last. What is left is words, and a number glued
to a word leaves the word (``12ms`` becomes ``<NUM>ms``). The status of an HTTP answer is a word in digits: its class
stays (``HTTP/1.1" 502`` becomes ``HTTP/<NUM>" <SERVER_ERROR>``).

Masks are Rust regular expressions applied to whole columns; they run in linear time, so none can hang the daemon. The
built-in ones run over the lines' shapes (`shapes`), of which there are few.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from daemon.core.formats import check_pattern
from daemon.core.masking.redaction import (
    UUID,
    RedactionSettings,
    mark_names,
    redact_column,
    redact_key_blocks,
    suspicious,
)
from daemon.core.masking.shape_cache import HEXADECIMAL, ShapeMemory
from daemon.core.positions import INDEX_BITS

MAX_TEXT = 8_192
"""Characters of a line that are looked at; the rest is cut, with a mark."""
CUT = "…<CUT>"
_SLACK = 8_192
_TAIL = 512

_WORD_EDGE = r"(?-u:\b)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"
_ZONE = rf"(?: ?(?:Z|UTC|GMT|[+-][0-9]{{2}}:?[0-9]{{2}}){_WORD_EDGE})?"
_DATE = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
_LOOSE_DATE = rf"{_WORD_EDGE}[0-9]{{8}}-[0-9]{{1,2}}:[0-9]{{1,2}}:[0-9]{{1,2}}(?:[:.,][0-9]+)?"
"""``20171223-22:6:0:119``: without leading zeros, so that the other rules would leave it in several forms."""
_NAMED_DATE = rf"{_MONTH} +[0-9]{{1,2}},? (?:[0-9]{{4}} )?{_CLOCK}(?:{_ZONE} [0-9]{{4}}{_WORD_EDGE})?"
_LOG_DATE = rf"[0-9]{{2}}/{_MONTH}/[0-9]{{4}}:{_CLOCK}"
_H = r"[0-9a-fA-F]"
_SIX = rf"(?:{_H}{{1,4}}:){{7}}{_H}{{1,4}}|(?:{_H}{{1,4}}:){{1,6}}(?::{_H}{{1,4}}){{1,6}}"
_SIX_SHORT = rf"::(?:{_H}{{1,4}}:){{0,5}}[0-9]{_H}{{0,3}}"
_MIXED = (
    "|".join(
        f"{one}{{{count}}}{other}{_H}{{{7 - count},}}"
        for one, other in (("[0-9]", "[a-fA-F]"), ("[a-fA-F]", "[0-9]"))
        for count in range(1, 8)
    )
    + f"|[0-9]{{8,}}[a-fA-F]{_H}*|[a-fA-F]{{8,}}[0-9]{_H}*"
)
"""Eight or more hexadecimal digits with a letter and a decimal among them (there is no look-around to say so)."""

Mask = tuple[str, str]

_STATUS = r"""(HTTP/[0-9.]+" |(?:^|[\s"'{,(\[])status(?:_?code)?["']?[=:] ?["']?)"""
STATUSES: tuple[Mask, ...] = tuple(
    (rf"(?i){_STATUS}{digit}[0-9]{{2}}{_WORD_EDGE}", f"${{1}}<{name}>")
    for digit, name in ((2, "OK"), (3, "REDIRECTION"), (4, "CLIENT_ERROR"), (5, "SERVER_ERROR"))
)
STATUS_GATE = r'HTTP/[0-9.]+" [2-5]|[Ss][Tt][Aa][Tt][Uu][Ss]'
"""Classes of HTTP answers: as in an access log, or called a status."""
LONE_UUID: Mask = (UUID, "${1}<UUID>")
"""Its letters would give every line a shape of its own."""
WIDE: tuple[Mask, ...] = (
    (_LOOSE_DATE, "<TIME>"),
    (rf"{_DATE}(?:[T _-]{_CLOCK}{_ZONE})?", "<TIME>"),
    (rf"{_DAY}[a-z]*,? {_NAMED_DATE}|{_NAMED_DATE}", "<TIME>"),
    (rf"{_LOG_DATE}{_ZONE}", "<TIME>"),
    (rf"{_CLOCK}{_ZONE}", "<TIME>"),
    (rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}", "<UUID>"),
    (r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>,;]+", "<URL>"),
)
COLONS: tuple[Mask, ...] = (
    (rf"{_WORD_EDGE}(?:{_H}{{2}}[:-]){{5}}{_H}{{2}}{_WORD_EDGE}", "<MAC>"),
    (rf"(?:{_WORD_EDGE}(?:{_SIX})|{_SIX_SHORT}){_WORD_EDGE}", "<IP>"),
)
COLONS_GATE = rf":{_H}{{0,4}}:|-{_H}{{2}}-{_H}{{2}}-"
"""Dear masks are tried only on lines with this, which is cheap to look for."""
NARROW: tuple[Mask, ...] = (
    (r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:[:/][0-9]+)?", "<IP>"),
    (r"[A-Za-z]:\\[^\s\"'<>|,;]+", "<PATH>"),
    (r"\B/[A-Za-z0-9_.~*@-][A-Za-z0-9_.\-<>*@+%~=/]*", "<PATH>"),
    (r"_-[0-9]+", "_<NUM>"),
    (rf"{_WORD_EDGE}(?:0x{_H}+|{_MIXED}){_WORD_EDGE}", "<HEX>"),
    (r"[0-9]+(?:\.[0-9]+)?", "<NUM>"),
    (r"[\t\n\v\f\r]+", " "),
    (r"  +", " "),
)
BUILT_IN: tuple[Mask, ...] = (LONE_UUID, *STATUSES, *WIDE, *COLONS, *NARROW)
"""All masks in the order they apply."""


class Masker:
    """Redacts and masks lines. A line's result depends on its record alone; what is remembered only saves work."""

    def __init__(self, masks: Sequence[tuple[str, str]] = (), redact: RedactionSettings | None = None) -> None:
        """`masks` are (name, pattern) pairs that come before the built-in ones; raises ValueError for a bad one."""
        for name, pattern in masks:
            problem = check_pattern(pattern)
            if problem is not None:
                raise ValueError(f"mask {name}: {problem}")
        self._redaction = redact or RedactionSettings()
        self._own = _replaced([(pattern, f"<{name.upper()}>".replace("$", "$$")) for name, pattern in masks])
        self._every_line = bool(masks) or self._redaction.ips  # what goes by a line's digits goes over every line
        self._statuses = _replaced(STATUSES)
        self._wide = _replaced(WIDE)
        self._dear = _replaced(COLONS)
        self._narrow = _replaced(NARROW).str.strip_chars()
        self._shapes = ShapeMemory(lambda found: (self._built_in(found), suspicious(found)))
        self._by_shape(pl.Series("text", [""]))  # what polars loads on first use, it loads now and not under load

    def apply(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return `lines` with `text` redacted and at most `MAX_TEXT` characters long, and `masked`, its masked form.

        Secrets in scopes and keys give way too; different ones stay different.
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
        """Return texts of any length without secrets, cut, and masked."""
        texts = self._redacted(texts)
        own = pl.DataFrame([texts.alias("text")]).select(self._own)["text"]
        return texts, self._masked(own) if by_shape else self._built_in(own)

    def _short(self, texts: pl.Series, *, by_shape: bool) -> tuple[pl.Series, pl.Series]:
        """Return texts within the limit of length without secrets, and masked."""
        if by_shape:
            return self._by_shape(texts)
        texts = redact_column(texts, self._redaction)
        return texts, self._built_in(texts)

    def _by_shape(self, texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return texts without secrets, and masked: all by shape but the lines whose shape may hold a secret."""
        shaped = self._shapes.of(self._worded(texts))
        masked = shaped.masked.gather(shaped.number)
        rows = pl.Series(np.flatnonzero(shaped.suspect[shaped.number]))
        if len(rows):
            changed = redact_column(texts.gather(rows), self._redaction)
            texts = texts.clone().scatter(rows, changed)
            masked = masked.scatter(rows, self._masked(changed))
        return texts, self._with_hexadecimal(texts, masked)

    def _masked(self, texts: pl.Series) -> pl.Series:
        """Return redacted texts with the built-in masks applied, by shape."""
        shaped = self._shapes.of(self._worded(texts))
        return self._with_hexadecimal(texts, shaped.masked.gather(shaped.number))

    def _with_hexadecimal(self, texts: pl.Series, masked: pl.Series) -> pl.Series:
        """Return `masked` but for the texts that a shape does not tell enough of: those with a ``0x``."""
        rows = texts.str.contains(HEXADECIMAL, literal=True).arg_true()
        return masked.scatter(rows, self._built_in(texts.gather(rows))) if len(rows) else masked

    def _built_in(self, texts: pl.Series) -> pl.Series:
        """Return texts with the built-in masks applied."""
        table = pl.DataFrame([self._worded(texts).alias("text")]).select(self._wide)
        gated = table["text"].str.contains(COLONS_GATE)
        if gated.any():
            rows = gated.arg_true()
            table = table.with_columns(table["text"].clone().scatter(rows, table[rows].select(self._dear)["text"]))
        return table.select(self._narrow)["text"]

    def _worded(self, texts: pl.Series) -> pl.Series:
        """Return texts with UUIDs and statuses of HTTP answers in words; what else a shape leaves out tells nothing."""
        texts = texts.str.replace_all(*LONE_UUID)
        rows = texts.str.contains(STATUS_GATE).arg_true()
        if not len(rows):
            return texts
        worded = pl.DataFrame([texts.gather(rows).alias("text")]).select(self._statuses)["text"]
        return texts.clone().scatter(rows, worded)

    def _redacted(self, texts: pl.Series) -> pl.Series:
        """Return texts without secrets, cut.

        What is far too long is cut before it is redacted too, and loses its tail: it may end in half a secret.
        """
        rows = (texts.str.len_bytes() > MAX_TEXT + _SLACK).arg_true()
        if len(rows):
            texts = texts.clone().scatter(rows, texts.gather(rows).str.head(MAX_TEXT + _SLACK))
        texts = redact_column(texts, self._redaction)
        if len(rows):
            texts = texts.clone().scatter(rows, texts.gather(rows).str.head(-_TAIL) + CUT)
        return _cut(texts)

    def _names(self, lines: pl.DataFrame) -> list[pl.Series]:
        """Return the columns of scopes and keys that hold secrets, without them."""
        names = {name: lines[name].unique() for name in ("scope", "key")}
        redacted = redact_column(pl.concat(names.values()), self._redaction)
        found, at = [], 0
        for name, distinct in names.items():
            marked = mark_names(distinct, redacted[at : at + len(distinct)])
            at += len(distinct)
            if marked is not distinct:
                found.append(lines[name].replace(distinct, marked))
        return found


def _cut(texts: pl.Series) -> pl.Series:
    """Return texts of at most `MAX_TEXT` characters, the longer ones cut, with a mark."""
    if (texts.str.len_bytes().max() or 0) <= MAX_TEXT:  # type: ignore[operator]  # polars types it as any scalar
        return texts
    rows = (texts.str.len_chars() > MAX_TEXT).arg_true()
    return texts.clone().scatter(rows, texts.gather(rows).str.head(MAX_TEXT - len(CUT)) + CUT)


def _replaced(masks: Sequence[Mask]) -> pl.Expr:
    """Return the column `text` with masks applied in order."""
    expression = pl.col("text")
    for pattern, placeholder in masks:
        expression = expression.str.replace_all(pattern, placeholder)
    return expression
