"""The built-in masks: Rust regular expressions with their placeholders, in the order in which they apply.

A mask must not depend on which decimal digits a line holds (but in ``0x``, and in the numbers that become words first,
`kept_numbers`): `shape_cache` masks lines that differ in digits only once. Masks with the same placeholder are one
alternation where their order allows it, since polars keeps only 32 compiled expressions.
"""

from __future__ import annotations

from daemon.core.masking.personal_data import UUID

Mask = tuple[str, str]

_EDGE = r"(?-u:\b)"
_H = r"[0-9a-fA-F]"
_MONTH = (
    r"(?:Jan(?:uary|uar|vier)?|Feb(?:ruary|ruar)?|Mar(?:ch|s)?|Mär(?:z)?|Apr(?:il)?|Ma[yi]|Jun[ei]?|Jul[yi]?"
    r"|Aug(?:ust)?"
    r"|Sep(?:tember|t)?|O[ck]t(?:ober)?|Nov(?:ember)?|De[cz](?:ember)?|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT"
    r"|NOV|DEC"
    r"|janv|févr|mars|avr|mai|juin|juil|août|sept|oct|nov|déc|ene|abr|ago|dic)"
)
_DAY = (
    r"(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?"
    r"|M[oi]|D[io]|Fr|S[ao])"
)
_CLOCK = r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?: ?[AaPp]\.?[Mm]\b\.?)?"
_ZONE_NAME = (
    r"(?:Z|UTC|GMT|CES?T|EES?T|WES?T|MSK|BST|IST|[JK]ST|[CEMP][SD]T|AK[SD]T|A[CEW]?[SD]T|NZ[SD]T|HST|SGT|HKT|PKT"
    r"|WIB|[SCEW]AT"
    r"|SAST|BRT|ART|PET)"
)
_ZONE = rf"(?: ?(?:{_ZONE_NAME}|[+-][0-9]{{2}}:?[0-9]{{2}}){_EDGE}){{0,2}}(?: m=[+-][0-9.]+)?"
_DATE = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
_TIMES = (
    # ``20171223-22:6:0:119``: no leading zeros, so the other masks would give it several forms
    rf"{_EDGE}[0-9]{{8}}-[0-9]{{1,2}}:[0-9]{{1,2}}:[0-9]{{1,2}}(?:[:.,][0-9]+)?",
    rf"{_DATE}(?:[T _-]{_CLOCK}{_ZONE})?",
    (
        rf"(?:{_EDGE}{_DAY},? )?{_EDGE}{_MONTH}\.? +[0-9]{{1,2}},? (?:[0-9]{{4}},? )?(?:at )?{_CLOCK}(?:{_ZONE}"
        rf" [0-9]{{4}}{_EDGE})?{_ZONE}"
    ),
    (
        rf"(?:{_EDGE}{_DAY}[.,]+ ?)?{_EDGE}[0-9]{{1,2}}\.?[ /-]{_MONTH}\.?[ /-][0-9]{{2,4}}(?:[T:,"
        rf" ]+{_CLOCK}{_ZONE})?{_EDGE}"
    ),
    rf"{_EDGE}{_MONTH} [0-9]{{1,2}}, [0-9]{{4}}{_EDGE}",
    rf"{_CLOCK}{_ZONE}",
    rf"{_EDGE}[0-9]{{1,2}}:[0-9]{{2}} ?[AaPp][Mm]{_EDGE}",
)
_SIX = rf"(?:{_H}{{1,4}}:){{7}}{_H}{{1,4}}|(?:{_H}{{1,4}}:){{1,6}}(?::{_H}{{1,4}}){{1,6}}"
_SIX_SHORT = rf"::(?:{_H}{{1,4}}:){{0,5}}[0-9]{_H}{{0,3}}"
_FOUR = r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
_MIXED = (
    "|".join(
        f"{one}{{{count}}}{other}{_H}{{{7 - count},}}"
        for one, other in (("[0-9]", "[a-fA-F]"), ("[a-fA-F]", "[0-9]"))
        for count in range(1, 8)
    )
    + f"|[0-9]{{8,}}[a-fA-F]{_H}*|[a-fA-F]{{8,}}[0-9]{_H}*"
)
"""Eight or more hexadecimal digits with at least one letter and one decimal digit. Rust has no look-around"""
""" for this."""
_POD = r"[bcdfghjklmnpqrstvwxz0-9]"
_SCRAMBLED = r"[A-Za-z]*[0-9]+[A-Za-z]+[0-9]+[A-Za-z]+[0-9]+[A-Za-z0-9]*"
"""A word in which digits and letters take turns twice and a half: an identifier."""
_UNIT = r"(?:ns|us|µs|μs|ms|s|m|h|d|sec|secs|min|mins|hrs?)"
_DECIMAL = r"[0-9]+(?:\.[0-9]+)?"
_DURATION = rf"{_DECIMAL}{_UNIT}(?:{_DECIMAL}{_UNIT})*"
_SIZE = rf"{_EDGE}{_DECIMAL}(?: ?[kKMGTPE]i?[Bb](?:yte)?s?|[kKMGT]|B){_EDGE}"

LONE_UUID: Mask = (UUID, "${1}<UUID>")
"""Masked before shapes are taken: the letters of a UUID would give every line a shape of its own."""
WIDE: tuple[Mask, ...] = (
    ("|".join(_TIMES), "<TIME>"),
    (rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}", "<UUID>"),
    (r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>,;]+", "<URL>"),
    (
        (
            r"((?:[Ii]nvalid|[Ii]llegal|[Uu]nknown) user |(?:^|[ \"'{,;(\[])(?:user|User|USER|ruser|username"
            r"|user_name|usr|login)(?:[\"']: ?[\"']|=[\"']?))"
            r"[^\s\"',;&)}\]<]+"
        ),
        "${1}<USER>",
    ),
)
COLONS: tuple[Mask, ...] = (
    (rf"{_EDGE}(?:{_H}{{2}}[:-]){{5}}{_H}{{2}}{_EDGE}", "<MAC>"),
    (rf"(?:{_EDGE}(?:{_SIX})|{_SIX_SHORT}|::(?:[fF]{{4}}:)?{_FOUR}){_EDGE}(?:\.[0-9]{{1,3}}){{0,3}}", "<IP>"),
)
COLONS_GATE = rf":{_H}{{0,4}}:|-{_H}{{2}}-{_H}{{2}}-"
"""The masks of `COLONS` are expensive, so they run only on lines with a match of this, which is cheap to"""
""" search for."""
NARROW: tuple[Mask, ...] = (
    (rf"{_FOUR}(?:[:/][0-9]+)?", "<IP>"),
    (
        (
            r"[A-Za-z]:\\(?:[^\\\s\"'<>|,;:]+(?: [^\\\s\"'<>|,;:]+)*\\)*[^\\\s\"'<>|,;]*|\\\\[\w.$-]+\\[^\s\"'<>|,;]+"
            r"|\B/[\w.~*@-][\w.\-<>*@+%~=/]*"
        ),
        "<PATH>",
    ),
    (
        (
            rf"{_EDGE}{_POD}{{7,10}}-{_POD}{{5}}{_EDGE}|{_EDGE}(?:0x{_H}+|{_MIXED}){_EDGE}(?:-[A-Z]{{3}}{_EDGE})?"
            rf"|{_EDGE}(?:{_H}{{2}} ){{3,}}{_H}{{2}}{_EDGE}|@{_H}{{1,8}}{_EDGE}"
        ),
        "<HEX>",
    ),
    (r"_-[0-9]+", "_<NUM>"),
    (
        (
            rf"{_EDGE}{_DURATION}{_EDGE}|{_EDGE}{_SCRAMBLED}{_EDGE}|{_SIZE}"
            rf"|[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?{_EDGE}"
            rf"|{_DECIMAL}(?:[eE][+-]?[0-9]+)?|[\p{{Nd}}--[0-9]]+"
        ),
        "<NUM>",
    ),
    (r"[\t\n\v\f\r]+", " "),
    (r"  +", " "),
    (r"<NUM>(?:, ?<NUM>)+", "<NUM>"),
)
BUILT_IN: tuple[Mask, ...] = (LONE_UUID, *WIDE, *COLONS, *NARROW)
"""All masks in the order in which they apply."""
