"""The built-in masks: Rust regular expressions with their placeholders, in the order in which they apply.

A mask must not depend on which decimal digits a line holds (but in ``0x``, and in statuses, which become words first):
`shape_cache` masks lines that differ in digits only once.
"""

from __future__ import annotations

from daemon.core.masking.redaction import UUID

_WORD_EDGE = r"(?-u:\b)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"
_ZONE = rf"(?: ?(?:Z|UTC|GMT|[+-][0-9]{{2}}:?[0-9]{{2}}){_WORD_EDGE})?"
_DATE = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
_LOOSE_DATE = rf"{_WORD_EDGE}[0-9]{{8}}-[0-9]{{1,2}}:[0-9]{{1,2}}:[0-9]{{1,2}}(?:[:.,][0-9]+)?"
"""``20171223-22:6:0:119``: no leading zeros, so the other masks would give it several forms."""
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
"""Eight or more hexadecimal digits with at least one letter and one decimal digit. Rust has no look-around for this."""

Mask = tuple[str, str]

_STATUS = r"""(HTTP/[0-9.]+" |(?:^|[\s"'{,(\[])status(?:_?code)?["']?[=:] ?["']?)"""
STATUSES: tuple[Mask, ...] = tuple(
    (rf"(?i){_STATUS}{digit}[0-9]{{2}}{_WORD_EDGE}", f"${{1}}<{name}>")
    for digit, name in ((2, "OK"), (3, "REDIRECTION"), (4, "CLIENT_ERROR"), (5, "SERVER_ERROR"))
)
STATUS_GATE = r'HTTP/[0-9.]+" [2-5]|[Ss][Tt][Aa][Tt][Uu][Ss]'
"""Only lines with a match of this hold an HTTP status: as in an access log, or with the name status."""
LONE_UUID: Mask = (UUID, "${1}<UUID>")
"""Masked before shapes are taken: the letters of a UUID would give every line a shape of its own."""
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
"""The masks of `COLONS` are expensive, so they run only on lines with a match of this, which is cheap to search for."""
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
