"""How dates are written: a pattern for each dialect, whose groups name the parts of a time.

Digits are those of ASCII. Of a date in digits with a year of two, a first number over 12 before slashes is the year, as
Spark and Hadoop write it.
"""

from __future__ import annotations

_TIME = (
    r"(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{1,2})(?:[:.](?P<second>[0-9]{1,2})(?:[.,:](?P<fraction>[0-9]{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.? ?[Mm](?:\.|(?-u:\b)))?"
)
_OFFSET = r"[+-][0-9]{1,2}(?::?[0-9]{2})?"
REGION = r"[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+|[A-Z]{3}[0-9][A-Z]{3}"
_ZONE = rf"(?: ?\(?(?P<zone>(?:[A-Za-z]{{3,4}})?{_OFFSET}|[A-Za-z]{{1,5}}|{REGION})\)?)?"
_REST = r"(?: \(?[A-Za-z][A-Za-z/_ ]*\)?)?(?: m=[+-][0-9.]+)?"  # Go and JavaScript repeat the zone
_WEEKDAY = r"(?:[\p{L}-]{2,13}\.?,? +)?"
_NAME = r"\p{L}{3,11}\.?"
_YEAR, _DAY_OF_MONTH = r"(?P<year>[0-9]{4})", r"(?P<day>[0-9]{1,2})"
_DATE_DIGITS = r"(?P<month>0[1-9]|1[0-2])(?P<day>[0-2][0-9]|3[01])"
COMPACT = (
    rf"^(?P<year>19[0-9]{{2}}|2[0-2][0-9]{{2}}){_DATE_DIGITS}"
    rf"(?:[T _-]?(?P<hour>[01][0-9]|2[0-4]):?(?P<minute>[0-5][0-9])"
    rf"(?::?(?P<second>[0-6][0-9])(?:[.,]?(?P<fraction>(?:[0-9]{{3}}){{1,3}}|[.,][0-9]{{1,9}}))?)?{_ZONE})?$"
)
"""Digits that are a date: ``20261122104107``. As an epoch they would be a time before 1980 or after 2400."""

DIALECTS = tuple(
    "^" + "".join(parts) + "$"
    for parts in (
        # 2026-11-22 10:41:07,123 +0100; 2026/11/22 10:41:07; 2019-Nov-20 00:04:38.804; 2026-11-22-10.41.07; 2026-11-22
        (
            _YEAR,
            rf"(?:[-/ ]|\. ?)(?P<month>[0-9]{{1,2}}|{_NAME})(?:[-/ ]|\. ?)",
            _DAY_OF_MONTH,
            r"\.?(?:(?:[T_:-]|,? +)",
            _TIME,
            _ZONE,
            _REST,
            ")?",
        ),
        # 2026-11-22_10-41-07
        (
            _YEAR,
            rf"-(?P<month>[0-9]{{2}})-{_DAY_OF_MONTH}[T _-]",
            r"(?P<hour>[0-9]{2})-(?P<minute>[0-9]{2})-(?P<second>[0-9]{2})(?:[-.,](?P<fraction>[0-9]{1,9}))?",
            _ZONE,
        ),
        # 22 Nov 10:41:07.123
        (
            _WEEKDAY,
            rf"{_DAY_OF_MONTH}[-/. ] ?(?P<month>{_NAME})[T ]+",
            r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?",
            _ZONE,
        ),
        # 22/Nov/2026:18:01:20 +0000; Thu, 22 Nov 2018 10:41:07 GMT; 22-NOV-26 10.41.07.123 AM; 30. Nov 2026 10:00:00
        (
            _WEEKDAY,
            _DAY_OF_MONTH,
            rf"(?:[-/. ] ?)?(?:de )?(?P<month>{_NAME})[-/. ,]*(?:de )?(?P<year>[0-9]{{4}}|[0-9]{{2}})[: T,]+",
            _TIME,
            _ZONE,
            _REST,
        ),
        # Nov 22 10:41:07; May 27, 2020 11:11:17 AM; Wed Jul 15 11:13:07.315 CEST 2020; Nov 22 2026 10:41:07 GMT+0100
        (
            _WEEKDAY,
            rf"(?P<month>{_NAME}) +",
            _DAY_OF_MONTH,
            rf"(?:st|nd|rd|th)?(?:,? +{_YEAR})?,?(?: @)?[ T]+(?:at )?",
            _TIME,
            rf"{_ZONE}(?: +(?P<late_year>[0-9]{{4}}))?",
            _REST,
        ),
        # 22.11.2026 10:41:07; 11/22/2026 10:41:07 AM
        (
            r"(?P<first>[0-9]{1,2})(?P<mark>[./-])(?P<other>[0-9]{1,2})[./-]",
            _YEAR,
            "(?:[ T_:,]+",
            _TIME,
            _ZONE,
            _REST,
            ")?",
        ),
        (COMPACT.strip("^$"),),
        # 20171223-22:6:0:119
        (_YEAR, _DATE_DIGITS, "[T _-]", _TIME, _ZONE),
        # 2026-W48-4T10:41:07Z; 2026-330T10:41:07Z
        (_YEAR, r"-?W(?P<week>[0-9]{2})-?(?P<weekday>[1-7])(?:[T _]", _TIME, _ZONE, ")?"),
        (_YEAR, r"[-. /]?(?P<ordinal>[0-9]{3})[T _:]", _TIME, _ZONE),
        # 22.11.26 10:41:07; 11/22/26 10:41:07:123 CET; 26/11/22 10:41:07; 26-11-22 10:41:07; 261122 10:41:07
        (rf"{_DAY_OF_MONTH}\.(?P<month>[0-9]{{1,2}})\.(?P<year>[0-9]{{2}})[ T_,]+", _TIME, _ZONE, _REST),
        (rf"(?P<month>0?[1-9]|1[0-2])/{_DAY_OF_MONTH}/(?P<year>[0-9]{{2}})[ T_,]+", _TIME, _ZONE, _REST),
        (rf"(?P<year>[0-9]{{2}})[-/](?P<month>[0-9]{{2}})[-/]{_DAY_OF_MONTH}[ T_,]+", _TIME, _ZONE, _REST),
        (rf"(?P<year>[0-9]{{2}}){_DATE_DIGITS} +", _TIME),
        # 11-22 10:41:07.123; 22/11 10:41:07; 1122 10:41:07.123456
        (rf"(?P<month>0?[1-9]|1[0-2])[-/]{_DAY_OF_MONTH}[ T]+", _TIME, _ZONE),
        (r"(?P<day>[0-9]{1,2})[-/.](?P<month>[0-9]{1,2})\.?[ T]+", _TIME, _ZONE),
        (rf"[DIWEF]?{_DATE_DIGITS} +", _TIME),
    )
)
"""Patterns in the order in which they are tried."""
