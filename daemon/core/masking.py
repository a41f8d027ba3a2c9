"""Variables to placeholders, so that equal events read the same.

Order matters and is the whole design: secrets first (`redaction`), then the user's masks, then shapes that hold other
shapes (a time holds numbers, a URL holds an address), and bare numbers last. What is left is words, and a number glued to
a word leaves the word (``12ms`` becomes ``<NUM>ms``).

Masks are Rust regular expressions applied to whole columns; they run in linear time, so none can hang the daemon.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from daemon.core.formats.extracting import check_pattern
from daemon.core.records import INDEX_BITS
from daemon.core.redaction import RedactionSettings, redact_column, redact_key_blocks

MAX_TEXT = 8_192
"""Characters of a line that are looked at; the rest is cut, with a mark."""
CUT = "…<CUT>"
_SLACK = 8_192
_TAIL = 512

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?"
_ZONE = r"(?: ?(?:Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}\b))?"
_TIME = (
    rf"\d{{4}}[-/]\d{{2}}[-/]\d{{2}}(?:[T _-]{_CLOCK}{_ZONE})?|\d{{2}}/{_MONTH}/\d{{4}}:{_CLOCK}{_ZONE}"
    rf"|(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?\b{_MONTH} +\d{{1,2}},? (?:\d{{4}} )?{_CLOCK}(?:{_ZONE} \d{{4}}\b)?|{_CLOCK}{_ZONE}"
)
_SIX = r"(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}|::(?:[0-9a-fA-F]{1,4}:){0,5}[0-9a-fA-F]{1,4}"

BUILT_IN: tuple[tuple[str, str], ...] = (
    (_TIME, "<TIME>"),
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", "<UUID>"),
    (r"\b(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\b", "<MAC>"),
    (r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>,;]+", "<URL>"),
    (rf"\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+|/\d+)?|\b(?:{_SIX})\b", "<IP>"),
    (r"(^|[^\w<])/[A-Za-z0-9_.~*@-][A-Za-z0-9_.\-<>*@+%~=/]*", "${1}<PATH>"),
    (r"\bblk_-?\d+", "<BLK>"),
    (r"\b\d+(?:\.\d+)?\b", "<NUM>"),
    (r"\b(?:0x[0-9a-fA-F]+|[0-9a-f]{8,}|[0-9A-F]{8,})\b", "<HEX>"),
    (r"\d+(?:\.\d+)?", "<NUM>"),
    (r"[\s&&[^ ]]+|\s{2,}", " "),
)


class Masker:
    """Redacts and masks lines. Stateless: a line's result depends on its record alone."""

    def __init__(self, masks: Sequence[tuple[str, str]] = (), redact: RedactionSettings | None = None) -> None:
        """`masks` are (name, pattern) pairs that come before the built-in ones; raises ValueError for a bad one."""
        for name, pattern in masks:
            problem = check_pattern(pattern)
            if problem is not None:
                raise ValueError(f"mask {name}: {problem}")
        self._redaction = redact or RedactionSettings()
        expression = pl.col("text")
        for name, pattern in masks:
            expression = expression.str.replace_all(pattern, f"<{name.upper()}>".replace("$", "$$"))
        for pattern, placeholder in BUILT_IN:
            expression = expression.str.replace_all(pattern, placeholder)
        self._masked = expression.str.strip_chars().alias("masked")

    def apply(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return `lines` with `text` free of secrets and at most `MAX_TEXT` characters, and its masked form in `masked`."""
        if lines.is_empty():
            return lines.with_columns(pl.col("text").alias("masked"))
        lines = redact_key_blocks(lines, lines["position"] // (1 << INDEX_BITS))
        return lines.with_columns(self._redacted(lines["text"]).alias("text")).with_columns(self._masked)

    def _redacted(self, texts: pl.Series) -> pl.Series:
        """Redact, then cut. What is far too long is cut before too, and loses its tail: it may end in half a secret."""
        endless = texts.str.len_bytes() > MAX_TEXT + _SLACK
        if endless.any():
            rows = endless.arg_true()
            texts = texts.scatter(rows, texts.gather(rows).str.head(MAX_TEXT + _SLACK))
        texts = redact_column(texts, self._redaction)
        if endless.any():
            rows = endless.arg_true()
            texts = texts.scatter(rows, texts.gather(rows).str.head(-_TAIL) + CUT)
        long = texts.str.len_bytes() > MAX_TEXT
        if long.any():
            rows = (texts.str.len_chars() > MAX_TEXT).arg_true()
            texts = texts.scatter(rows, texts.gather(rows).str.head(MAX_TEXT - len(CUT)) + CUT)
        return texts
