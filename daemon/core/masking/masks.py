"""The built-in masks: Rust regular expressions with their placeholders, in the order in which they apply.

A mask must not depend on which decimal digits a line holds (except in ``0x``, and in the numbers that become words
first, `kept_numbers`): `shape_cache` masks lines that differ only in digits once. Masks with the same placeholder are
one alternation where their order allows it, since polars keeps only 32 compiled expressions.
"""

from __future__ import annotations

from daemon.core.masking.personal_data import UUID, UUID_MARK

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
_ELSEWHERE = (
    r"(?:janvier|février|mars|avril|juin|juillet|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo"
    r"|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre"
    r"|ottobre|dicembre|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro|januari|februari"
    r"|maart|mei|augustus|augusti|maj|lis|gru|sty|lut|kwi|cze|lip|sie|wrz|paź|Oca|Şub|Nis|Haz|Tem|Ağu|Eyl|Eki|Kas|Ara"
    r"|jan|feb|mrt|apr|jun|jul|aug|okt|nov|dec|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря|янв|фев|апр|авг|сен|окт|ноя|дек)"
)
"""Months of languages other than English and German; they are dates only between a day and a year."""
_DAY_ELSEWHERE = (
    r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo"
    r"|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|(?:segunda|terça|quarta|quinta|sexta)-feira"
    r"|m[aå]n?|tis?|di|wo|do|vr|za|zo|ons|tors|fre|lör|sön|pon|wt|śr|czw|pt|sob|niedz)"
)
_LONE_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_LONE_MONTH = r"(?:January|February|April|June|July|September|October|November|December)"
_HALF = r" ?(?:[AaPp]\.? ?[Mm]\b\.?|[AaPp]\. ?[Mm]\.)"
_CLOCK = (
    r"(?:(?:오전|오후|上午|下午|午前|午後) ?)?(?:[0-9]+ days?,? )?[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?"
    rf"(?:{_HALF})?"
)
_ZONE_NAME = (
    r"(?:Z|UTC|GMT|CES?T|EES?T|WES?T|MSK|BST|IST|[JK]ST|[CEMP][SD]T|AK[SD]T|A[CEW]?[SD]T|NZ[SD]T|HST|SGT|HKT|PKT"
    r"|WIB|[SCEW]AT"
    r"|SAST|BRT|ART|PET)"
)
_ZONE = (
    rf"(?: ?(?:(?:GMT|UTC)[+-][0-9]{{1,2}}(?::?[0-9]{{2}})?|{_ZONE_NAME}|[+-][0-9]{{2}}:?[0-9]{{2}}){_EDGE}){{0,2}}"
    r"(?:\[[A-Z][A-Za-z]+/[A-Za-z_/]+\]| \((?:[A-Z][a-z]+ )+Time\))?(?: m=[+-][0-9.]+)?"
)
_DATE = r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
_TIMES = (
    # ``20171223-22:6:0:119``: no leading zeros, so the other masks would give it several forms
    rf"{_EDGE}[0-9]{{8}}-[0-9]{{1,2}}:[0-9]{{1,2}}:[0-9]{{1,2}}(?:[:.,][0-9]+)?",
    rf"{_DATE}(?:[T _-](?:{_CLOCK}|[0-9]{{1,2}}:[0-9]{{2}}){_ZONE})?",
    rf"[0-9]{{4}}[-/]{_MONTH}[-/][0-9]{{2}}(?:[T ]{_CLOCK}{_ZONE})?",
    (
        rf"(?:{_EDGE}{_DAY_ELSEWHERE}[.,]* )?{_EDGE}[0-9]{{1,2}}\.? (?:de |di )?{_ELSEWHERE}\.?(?: de)? [0-9]{{4}}"
        rf"(?:,? {_CLOCK}{_ZONE})?{_EDGE}"
    ),
    rf"{_EDGE}[0-9]{{1,2}}{_MONTH}[0-9]{{2,4}}(?:[: ]{_CLOCK})?{_EDGE}",
    (
        rf"{_EDGE}[0-9]{{1,2}}-{_MONTH}-[0-9]{{2,4}} [0-9]{{1,2}}\.[0-9]{{2}}\.[0-9]{{2}}(?:\.[0-9]+)?"
        rf"(?:{_HALF})?{_EDGE}"
    ),
    (
        rf"(?:{_EDGE}{_DAY},? )?{_EDGE}{_MONTH}\.? +[0-9]{{1,2}},? (?:[0-9]{{4}},? )?(?:at )?{_CLOCK}(?:{_ZONE}"
        rf" [0-9]{{4}}{_EDGE})?{_ZONE}"
    ),
    rf"{_EDGE}(?:{_DAY},? )?[0-9]{{1,2}}\.? {_MONTH}\.? {_CLOCK}{_ZONE}(?: [0-9]{{4}}{_EDGE})?",
    (
        rf"(?:{_EDGE}{_DAY}[.,]+ ?)?{_EDGE}[0-9]{{1,2}}\.?[ /-]{_MONTH}\.?[ /-][0-9]{{2,4}}(?:[T:,"
        rf" ]+{_CLOCK}{_ZONE})?{_EDGE}"
    ),
    (
        rf"{_EDGE}(?:{_DAY},? )?{_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?(?:, [0-9]{{4}})?{_EDGE}"
        rf"(?: [0-9]{{1,2}}:[0-9]{{2}}{_EDGE})?"
    ),
    rf"{_EDGE}[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?: [0-9]{{4}})?{_EDGE}",
    rf"{_EDGE}{_MONTH} [0-9]{{4}}{_EDGE}",
    rf"{_EDGE}(?:{_LONE_DAY}|{_LONE_MONTH}){_EDGE}",
    rf"{_EDGE}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [0-9]{{1,2}}:[0-9]{{2}}{_EDGE}",
    rf"{_CLOCK}{_ZONE}",
    rf"{_EDGE}[0-9]{{1,2}}(?::[0-9]{{2}})?(?:{_HALF}|{_HALF}{_EDGE})",
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
"""Eight or more hexadecimal digits, with at least one letter and one decimal digit: Rust has no look-around."""
_LETTERS = r"[a-f]{12}|[a-f]{16}|[a-f]{24}|[a-f]{32}|[a-f]{40}"
"""Hexadecimal digits that are all letters; no word is so long."""
_NAME = r"[^\\/\s\"'<>|,;:]+"
_FOLDERS = rf"[\\/](?:{_NAME}(?: {_NAME})*[\\/])*"
_FILE = r"(?:[^\\/\s\"'<>|,;.]+(?: [^\\/\s\"'<>|,;.]+){1,4}\.[A-Za-z0-9]{1,5}(?-u:\b)|[^\\/\s\"'<>|,;]*)"
"""The folders and the file of a Windows path; a file's name may hold blanks if it ends in an extension."""
_POD = r"[bcdfghjklmnpqrstvwxz0-9]"
_SCRAMBLED = r"[A-Za-z]*[0-9]+[A-Za-z]+[0-9]+[A-Za-z]+[0-9]+[A-Za-z0-9]*"
"""A word with at least three runs of digits, separated by letters: an identifier."""
_UNIT = r"(?:ns|us|µs|μs|ms|s|m|h|d|sec|secs|min|mins|hrs?)"
_DECIMAL = r"[0-9]+(?:\.[0-9]+)?"
_REAL = rf"{_DECIMAL}(?:[eE][+-]?[0-9]+)?"
_DURATION = (
    rf"(?:{_REAL}{_UNIT}(?: ?{_DECIMAL}{_UNIT})*|{_REAL} (?:ns|us|µs|μs|ms|secs?|s)"
    rf"|P(?:[0-9]+[YMWD])*T(?:{_DECIMAL}[HMS])+)"
)
_SIZE = rf"{_EDGE}{_DECIMAL}(?: ?[kKMGTPE]i?[Bb](?:it|ps|yte)?s?| ?[kmgt]i?b(?:it|ps)?|[kKMGT]|B){_EDGE}"
_GROUPED = (
    r"[0-9]{1,3}(?:(?:,[0-9]{3})+(?:\.[0-9]+)?|(?:['_\u{2019}\u{a0}\u{202f}][0-9]{3})+(?:[.,][0-9]+)?"
    r"|(?: [0-9]{3}){2,}|(?:\.[0-9]{3}){2,}(?:,[0-9]+)?)"
)
"""Digits in groups of three."""
_BUILD = r"\+(?:[\w.-]|<(?:NUM|HEX)>)+"
_RELEASE = (
    r"(?:(?:[._~-]?(?:[Aa]lpha|[Bb]eta|[Pp]re(?:view)?|dev|post|rc|RC|CR|M|SP|ea|nightly|canary|next)"
    rf"(?:(?:[.-]?<(?:NUM|HEX)>)+|{_EDGE})|[.-](?:SNAPSHOT|RELEASE|Final|GA){_EDGE})(?:{_BUILD})?|{_BUILD})"
)
"""What follows the last number of a version: a pre-release, a build."""

LONE_UUID: Mask = (UUID, f"${{1}}{UUID_MARK}")
"""Masked before shapes are taken: the letters of a UUID would give every line a shape of its own."""
WIDE: tuple[Mask, ...] = (
    ("|".join(_TIMES), "<TIME>"),
    (rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}", UUID_MARK),
    (r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>,;]+", "<URL>"),
    (
        (
            r"((?:[Ii]nvalid|[Ii]llegal|[Uu]nknown) user |(?:^|[ \"'{,;(\[])(?:user|User|USER|ruser|username"
            r"|user_name|user_id|userid|usr|login)(?:[\"']: ?[\"']|=[\"']?| [\"'])"
            r"|(?:password|publickey|pam|none) for |(?:opened|closed) for user |sudo: +"
            r"|(?-u:\b)e?[ug]id=[0-9]+\()"
            r"[^\s\"',;&)(}\]<]+"
        ),
        "${1}<USER>",
    ),
)
COLONS: tuple[Mask, ...] = (
    (rf"{_EDGE}(?:(?:{_H}{{2}}[:-]){{5}}{_H}{{2}}|{_H}{{4}}\.{_H}{{4}}\.{_H}{{4}}){_EDGE}", "<MAC>"),
    (
        (
            rf"(?:{_EDGE}(?:{_SIX})|{_SIX_SHORT}|::(?:[fF]{{4}}:)?{_FOUR}){_EDGE}(?:\.[0-9]{{1,3}}){{0,3}}"
            rf"(?:%[a-z][a-z0-9]*|/[0-9]{{1,3}}{_EDGE})?|{_EDGE}(?:{_H}{{1,4}}:){{1,7}}:/[0-9]{{1,3}}{_EDGE}"
        ),
        "<IP>",
    ),
)
COLONS_GATE = rf":{_H}{{0,4}}:|-{_H}{{2}}-{_H}{{2}}-|\.{_H}{{4}}\."
"""The masks of `COLONS` are expensive: they run only on lines with a match of this, a cheap search."""
NARROW: tuple[Mask, ...] = (
    (rf"{_FOUR}(?:[:/][0-9]+)?", "<IP>"),
    (
        (
            rf"{_EDGE}[A-Za-z]:{_FOLDERS}{_FILE}|\\\\[\w.$-]+{_FOLDERS}{_FILE}"
            r"|(?P<quote>\")(?:[A-Za-z]:[\\/]|/)[^\"\s]+(?: [^\"\s]+)+\""
            r"|(?P<tick>')(?:[A-Za-z]:[\\/]|/)[^'\s]+(?: [^'\s]+)+'"
            r"|\B/[\w.~*@-](?:[\w.\-<>*@+%~=/]|\\ )*"
        ),
        "${quote}${tick}<PATH>${quote}${tick}",
    ),
    (
        (
            rf"{_EDGE}{_POD}{{7,10}}-{_POD}{{5}}{_EDGE}|{_EDGE}(?:0x{_H}+|{_MIXED}|{_LETTERS}){_EDGE}(?:-[A-Z]{{3}}{_EDGE})?"
            rf"|-[0-9]+-g{_H}{{7,40}}{_EDGE}|{_EDGE}[0-9]-{_H}{{8}}-{_H}{{24}}{_EDGE}"
            rf"|{_EDGE}(?:{_H}{{2}} ){{3,}}{_H}{{2}}{_EDGE}|@{_H}{{1,8}}{_EDGE}"
        ),
        "<HEX>",
    ),
    (
        (
            rf"{_EDGE}{_DURATION}{_EDGE}|{_EDGE}{_SCRAMBLED}{_EDGE}|{_SIZE}"
            rf"|{_EDGE}S-[0-9](?:-[0-9]+){{1,14}}{_EDGE}|{_EDGE}[0-9]+(?:st|nd|rd|th){_EDGE}"
            rf"|{_GROUPED}(?: ?(?:[nuµμm]?s|[kKMGT]i?B))?{_EDGE}"
            rf"|{_REAL}|(?:[\p{{Nd}}--[0-9]][0-9]*)+"
        ),
        "<NUM>",
    ),
    (r"[ \t\n\v\f\r]{2,}|[\t\n\v\f\r]", " "),
    (
        (
            r"(?P<before>^|[_ =:,(\[])[+-](?P<signed><NUM>)(?:, ?[+-]?<NUM>)*"
            rf"|(?P<last>\.<NUM>){_RELEASE}|(?P<list><NUM>)(?:, ?[+-]?<NUM>)+|\[(?P<ip><IP>)\]:<NUM>"
            r"|(?P<open>\[) (?P<padded><NUM>\])|(?P<oid><IP>)(?:\.(?:<IP>|<NUM>))+"
            r"|(?P<scrambled><NUM>)(?:[A-Za-z]{1,8}<NUM>){3,}[A-Za-z]{0,8}"
        ),
        "${before}${signed}${last}${list}${ip}${open}${padded}${oid}${scrambled}",
    ),
)
BUILT_IN: tuple[Mask, ...] = (LONE_UUID, *WIDE, *COLONS, *NARROW)
"""All masks in the order in which they apply."""
