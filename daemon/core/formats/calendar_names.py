"""The names in written dates: months and halves of a day in several languages, zones, and the CJK signs."""

from __future__ import annotations

import polars as pl

_MONTHS_BY_LANGUAGE = (
    "jan feb mar apr may jun jul aug sep oct nov dec",  # English, and what others share with it
    "jän feb mär apr mai jun jul aug sep okt nov dez",  # German
    "jan fév mar avr mai juin juil aoû sep oct nov déc",  # French
    "ene feb mar abr may jun jul ago set oct nov dic",  # Spanish
    "gen feb mar apr mag giu lug ago set ott nov dic",  # Italian
    "jan fev mar abr mai jun jul ago set out nov dez",  # Portuguese
    "jan feb mrt apr mei jun jul aug sep okt nov dec",  # Dutch, Indonesian
    "jan feb mar apr maj jun jul aug sep okt nov dec",  # Swedish, Danish
    "sty lut mar kwi maj cze lip sie wrz paź lis gru",  # Polish
    "led úno bře dub kvě čvn čvc srp zář říj lis pro",  # Czech
    "oca şub mar nis may haz tem ağu eyl eki kas ara",  # Turkish
    "янв фев мар апр мая июн июл авг сен окт ноя дек",  # Russian
    "jan fev márc ápr máj jún júl aug szep okt nov dec",  # Hungarian
)
MONTHS = {
    **{name: number for names in _MONTHS_BY_LANGUAGE for number, name in enumerate(names.split(), 1)},
    "mrz": 3,
    "май": 5,
    "des": 12,
}
"""Numbers of months by the first three letters of their names, of some by the first four, in lower case."""

ZONES = {
    **dict.fromkeys(("", "Z", "UTC", "GMT", "WET", "UT"), 0.0),
    **dict.fromkeys(("BST", "CET", "MEZ", "WAT", "WEST"), 1.0),
    **dict.fromkeys(("CEST", "MESZ", "EET", "CAT", "SAST"), 2.0),
    **dict.fromkeys(("EEST", "MSK", "EAT", "TRT", "IDT"), 3.0),
    "IRST": 3.5,
    **dict.fromkeys(("GST", "SAMT", "AZT", "GET"), 4.0),
    "AFT": 4.5,
    **dict.fromkeys(("PKT", "UZT", "YEKT"), 5.0),
    "IST": 5.5,
    "NPT": 5.75,
    "OMST": 6.0,
    "MMT": 6.5,
    **dict.fromkeys(("ICT", "WIB", "NOVT", "KRAT"), 7.0),
    **dict.fromkeys(("AWST", "HKT", "SGT", "PHT", "MYT", "WITA", "IRKT"), 8.0),
    **dict.fromkeys(("JST", "KST", "WIT", "YAKT"), 9.0),
    "ACST": 9.5,
    **dict.fromkeys(("AEST", "CHST", "VLAT"), 10.0),
    "ACDT": 10.5,
    **dict.fromkeys(("AEDT", "MAGT"), 11.0),
    **dict.fromkeys(("NZST", "PETT"), 12.0),
    "NZDT": 13.0,
    "BRST": -2.0,
    "NDT": -2.5,
    "NST": -3.5,
    **dict.fromkeys(("ADT", "BRT", "ART", "CLST", "UYT"), -3.0),
    **dict.fromkeys(("AST", "EDT", "CLT", "VET", "BOT", "PYT"), -4.0),
    **dict.fromkeys(("EST", "CDT", "PET", "COT", "ECT"), -5.0),
    **dict.fromkeys(("CST", "MDT"), -6.0),
    **dict.fromkeys(("MST", "PDT"), -7.0),
    **dict.fromkeys(("PST", "AKDT"), -8.0),
    "AKST": -9.0,
    "HST": -10.0,
}
"""Hours east of Greenwich of zone names. A name with two meanings has that of Europe, North America or India."""

_BEFORE_NOON, _AFTER_NOON = ("上午", "午前", "오전"), ("下午", "午後", "오후")
_HALVES = "|".join((*_BEFORE_NOON, *_AFTER_NOON))
_NUMERALS = ("十一", "十二", *"一二三四五六七八九十")
_NUMBERS = ("11", "12", *(str(number) for number in range(1, 11)))
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_ASCII = "[^\x00-\x7f]"


def in_signs(texts: pl.Series) -> pl.Series:
    """Return dates with the signs that the patterns know.

    ``2026年11月22日 下午10:41:07`` becomes ``2026-11-22 10:41:07 PM``; wide digits and blanks become plain ones.
    """
    if not texts.str.contains(_NOT_ASCII).any():
        return texts
    texts = texts.str.normalize("NFKC").str.replace_many(
        [f"{numeral}月" for numeral in _NUMERALS], [f"{number}月" for number in _NUMBERS], leftmost=True
    )
    texts = (
        texts.str.replace(r"([0-9]) ?[日일](?: ?(?:\(.\)|(?:星期|週|周).|.(?:曜日|요일)))?", "$1 ")
        .str.replace("^([0-9]+) ?[年년] ?([0-9]+) ?[月월] ?", "$1-$2-")
        .str.replace("([0-9]+) ?[时時点시] ?([0-9]+) ?[分분](?: ?([0-9.]+) ?[秒초])?", "$1:$2:$3")
        .str.replace(rf"({_HALVES}) ?([0-9][0-9:.,]*)", "$2 $1")
    )
    english = [(f"{number}{sign}", name) for number, name in enumerate(_ENGLISH, 1) for sign in "月월"]
    words = [*((half, "AM") for half in _BEFORE_NOON), *((half, "PM") for half in _AFTER_NOON), *english]
    texts = texts.str.replace_many([word for word, _ in words], [plain for _, plain in words], leftmost=True)
    return texts.str.strip_chars(" :").str.replace_all(" {2,}", " ")
