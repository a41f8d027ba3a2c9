"""Personal data: card and account numbers by their check digits, and data with a form of its own.

Card numbers and IBANs are hidden only with a valid check digit, so most other long numbers stay. Card numbers that
payment services publish for tests stay too, unless a word for a card stands in front.
"""

from __future__ import annotations

import re

CARD = "<CARD>"
EMAIL = "<EMAIL>"
IP = "<IP>"
IBAN = "<IBAN>"
SSN = "<SSN>"
PHONE = "<PHONE>"

EMAIL_FORM = (
    r"(?:\"[^\"@\s][^\"@]{0,40}\"|[\pL\pM\pN_.+-]+)(?:@|%40)[\pL\pN](?:[\pL\pN-]*[\pL\pN])?(?:\.[\pL\pN-]+)*"
    r"\.(?:[A-Za-z]{2,}|xn--[a-z0-9-]+)"
)
EMAIL_RULES = ((r"\b(git)@", "${1}\ufdd0@"), (EMAIL_FORM, EMAIL), ("\ufdd0@", "@"))
"""Hides e-mail addresses, and not the login of a repository (``git@github.com:o/r``), which a noncharacter marks."""
IP_FORM = (
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b"
    r"|(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}\b"
)

_DIGITS = (
    r"(?:(?:[3-6][0-9]{3}|2[2-7][0-9]{2})(?:[ .-][0-9]{4}){2}[ .-][0-9]{3,4}|3[0-9]{3}[ .-][0-9]{6}[ .-][0-9]{4,5}"
    r"|[3-6][0-9]{15}|3[47][0-9]{13}|3[0689][0-9]{12}|2[2-7][0-9]{14})"
)
_EDGE = r"(?:\b|%[0-9A-Fa-f]{2}|\\[nrtbf])"
_COUNTRIES = (
    "A[DELTZ]|B[AEGHRY]|C[HRYZ]|D[EKO]|E[EGS]|F[IOR]|G[BEILRT]|H[RU]|I[ELQST]|JO|K[WZ]|L[BCITUVY]|M[CDEKRTU]|N[LO]"
    "|P[KLST]|QA|R[OS]|S[ACEIKMV]|T[LNR]|UA|V[AG]|XK"
)
_IBAN = rf"(?:{_COUNTRIES})[0-9]{{2}}(?: ?[A-Z0-9]{{4}}){{2,7}}(?: ?[A-Z0-9]{{1,3}})?"
_PHONE = (
    r"\+[1-9][0-9]{0,2}(?:[ .-]\(?[0-9]{1,8}\)?){2,5}|\+[1-9][0-9]{9,13}|\([2-9][0-9]{2}\) ?[0-9]{3}-[0-9]{4}"
    r"|[2-9][0-9]{2}[-.][2-9][0-9]{2}[-.][0-9]{4}"
)
UUID_MARK = "<UUID>"
_CARD_WORDS = r"card|%b|(?:^|[^A-Za-z])pan|ccnum|cc[_-]no|[^a-z]cc[=:]"
NUMBER_FORM = (
    rf"{_EDGE}{_DIGITS}\b|\b{_IBAN}\b|\b[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}\b"
    rf"|(?:{_PHONE})\b|(?i:{_CARD_WORDS})[^0-9]{{0,12}}[0-9]{{4}}[ .-]?[0-9]{{4}}"
    rf"|(?i:ssn|social)[^0-9]{{0,20}}[0-9]{{9}}"
)
"""A text without a match of this holds no number that `without_numbers` hides."""
SHAPE_NUMBER_FORM = (
    NUMBER_FORM.replace("[3-6]", "[0-9]").replace("2[2-7]", "[0-9]{2}").replace("|3[0-9]{3}", "|[0-9]{4}")
    .replace("3[47]", "[0-9]{2}").replace("3[0689]", "[0-9]{2}")
    .replace("[1-9]", "[0-9]").replace("[2-9]", "[0-9]")
)  # fmt: skip
"""The same for texts in which every digit is 1."""
NUMBER_BESIDE = (
    rf"(?i:(?:{_CARD_WORDS})[^0-9]{{0,13}}|(?:ssn|social)[^0-9]{{0,21}})(?:[0-9]|{UUID_MARK})"
    r"|\+[0-9]|\b[A-Z]{2}[0-9]{2}\b"
)
"""A shape with a UUID or a hexadecimal token in it holds no such number in one of these without a match of this."""

_H = r"[0-9A-Fa-f]"
_UUID = rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}"
_BEFORE_UUID = r"""[ "'=/,(\[{]"""
UUID = rf"(^|{_BEFORE_UUID}){_UUID}(?-u:\b)"
"""A UUID that stands alone: it is not a secret. No hint begins or ends inside of it, and its digits are not a card's.

A UUID after a colon is not one of these (``:AA`` begins a token), nor one after a character that may end an escape.
"""
_UUIDS = re.compile(rf"((?:^|(?<={_BEFORE_UUID})){_UUID}\b)", re.ASCII)
_LONG_NUMBERS = re.compile(rf"{_DIGITS}(?![0-9])|[0-9](?:[ .-]?[0-9]){{12,18}}", re.ASCII)
_USUAL_CARD = re.compile(_DIGITS)
_CARD_WORD = re.compile(
    r"(?:card|amex|visa|maestro|discover|%b|(?:^|[^a-z])pan|ccnum|cc[_-]?no|(?:^|[^a-z])cc[=:])[^0-9]{0,12}$",
    re.IGNORECASE,
)
_CARD_BEHIND = re.compile(r"[^0-9A-Za-z]{1,3}(?:[a-z]+ ){0,2}card\b", re.IGNORECASE)
_MEASURE = re.compile(
    r"(?:[_.](?:ns|us|nanos|micros)|duration|elapsed|offset|timestamp|epoch|bytes|imei)[\"']?\s*[=:]?\s*[\"']?$",
    re.IGNORECASE,
)
"""Words before a number that measures or counts something."""
_EDGE_BEFORE = re.compile(r"(?:^|[^\w.]|%[0-9A-Fa-f]{2}|\\[nrtbf])$", re.ASCII)
_IBANS = re.compile(rf"(?<!\w){_IBAN}(?!\w)", re.ASCII)
_SSNS = re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w-])", re.ASCII)
_NAMED_SSNS = re.compile(r"(?:(?<=ssn)|(?<=social))([^0-9]{1,20})[0-9]{9}\b", re.ASCII | re.IGNORECASE)
_PHONES = re.compile(rf"(?:{_PHONE})(?![\w-])", re.ASCII)
_TEST_CARDS = frozenset(
    re.findall(
        r"[0-9]+",
        "4242424242424242 4000000000000002 4000000000009995 4000000000000069 4000000000000127 "
        "4012888888881881 4000056655665556 5555555555554444 5500000000000004 5105105105105100 "
        "5200828282828210 2223003122003222 378282246310005 371449635398431 340000000000009 6011111111111117 "
        "6011000990139424 6011000000000004 3056930009020004 36227206271667 30000000000004 3566002020360505 "
        "3530111333300000 6200000000000005 4222222222222 4917610000000000 ",
    )
)
"""Numbers that payment services publish for tests: nobody's card."""


def without_numbers(text: str) -> str:
    """Return `text` with card numbers, IBANs, social security numbers and telephone numbers as placeholders.

    The digits of a UUID are never one of these.
    """
    parts = _UUIDS.split(text)
    for at in range(0, len(parts), 2):
        part = _LONG_NUMBERS.sub(_card, parts[at])
        part = _IBANS.sub(_iban, part)
        part = _NAMED_SSNS.sub(rf"\1{SSN}", _SSNS.sub(_ssn, part))
        parts[at] = _PHONES.sub(_phone, part)
    return "".join(parts)


def _card(match: re.Match[str]) -> str:
    """Hide digits with a valid Luhn check digit (ISO/IEC 7812-1, annex B)."""
    if match.string[match.end() : match.end() + 1].isdigit():
        return match[0]
    before = match.string[: match.start()]
    digits = re.sub(r"[^0-9]", "", match[0])
    behind = match.string[match.end() : match.end() + 24]
    if _CARD_WORD.search(before[-20:]) is None and _CARD_BEHIND.match(behind) is None:
        usual = _USUAL_CARD.fullmatch(match[0]) is not None and _EDGE_BEFORE.search(before[-4:]) is not None
        usual = usual and _MEASURE.search(before[-20:]) is None
        if not usual or digits in _TEST_CARDS or match.string[match.end() : match.end() + 1].isalpha():
            return match[0]
    return CARD if luhn(digits) else match[0]


def _ssn(match: re.Match[str]) -> str:
    """Hide a social security number, unless its area, group or serial number is never assigned."""
    before, number = match.string[match.start() - 1 : match.start()], match[0]
    given = number[:3] not in ("000", "666") and number[0] != "9" and number[4:6] != "00" and number[7:] != "0000"
    return SSN if given and not re.match(r"[\w-]", before, re.ASCII) else number


def _phone(match: re.Match[str]) -> str:
    before = match.string[match.start() - 1 : match.start()]
    return match[0] if re.match(r"[\w.+-]", before, re.ASCII) else PHONE


def luhn(digits: str) -> bool:
    """Return whether the last of `digits` is their check digit."""
    doubled = "0246813579"
    return sum(int(doubled[int(d)] if at % 2 else d) for at, d in enumerate(reversed(digits))) % 10 == 0


def _iban(match: re.Match[str]) -> str:
    """Hide an account number with valid check digits (ISO 13616)."""
    text = match[0].replace(" ", "")
    number = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return IBAN if 15 <= len(text) <= 34 and int(number) % 97 == 1 else match[0]
