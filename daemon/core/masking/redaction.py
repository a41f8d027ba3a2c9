"""Secrets to placeholders: the one place where they leave a line. Everything downstream sees redacted text only.

Clean lines are cheap: a search for a few dozen literals and for the digits of a card number picks the lines that may
hold a secret, and only those go through the rules (`secret_rules`). A rule keeps the name of what it hides
(``password=<SECRET>``), so that the line still says what happened.

In doubt a rule hides: it takes any value behind a name for a secret, whatever the value looks like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl

from daemon.core.masking.secret_rules import HINT_LINE, HINT_START, HINTS, LONE, MOST_IN_A_WORD, RULES, SECRET, WORD
from daemon.core.masking.shape_cache import without_digits

CARD = "<CARD>"
EMAIL = "<EMAIL>"
IP = "<IP>"


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """What is hidden besides secrets and card numbers, which are always hidden."""

    emails: bool = True
    ips: bool = False


_EMAIL = r"[\w.+-]+(?:@|%40)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
_IPS = (
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b"
    r"|(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}\b"
)
_DIGITS = r"(?:[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{3,4}|3[0-9]{3}[ -]?[0-9]{6}[ -]?[0-9]{4,5})"
_CARD = rf"(?:(?-u:\b)|%[0-9A-Fa-f]{{2}}|\\[nrtbf]){_DIGITS}(?-u:\b)"
_CARD_PYTHON = re.compile(rf"(?:(?<!\w)(?<!_-)|(?<=%[0-9A-Fa-f]{{2}})|(?<=\\[nrtbf])){_DIGITS}\b", re.ASCII)

_H = r"[0-9A-Fa-f]"
_UUID = rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}"
_BEFORE_UUID = r"""[ "'=/,(\[{]"""
UUID = rf"(^|{_BEFORE_UUID}){_UUID}(?-u:\b)"
"""A UUID that stands alone: it is not a secret. No hint begins or ends inside of it, and its digits are not a card's.

A UUID behind a colon is not one of these (``:AA`` begins a token), nor one behind a character that may end an escape.
"""
_UUIDS = re.compile(rf"((?:^|(?<={_BEFORE_UUID})){_UUID}\b)", re.ASCII)
_LONE = re.compile(LONE)
_WORDS = re.compile(WORD)

_HINTS = pl.lit(pl.Series(HINTS)).implode()
_SHAPE_HINTS = pl.lit(pl.Series(sorted({without_digits(hint) for hint in HINTS}))).implode()
_SHAPE_CARD = _CARD.replace("[3-6]", "[0-9]").replace("|3[0-9]{3}", "|[0-9]{4}")
_KEY_BEGIN = re.compile(r"-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END[A-Z0-9 ]*-----")


def redact(text: str, settings: RedactionSettings | None = None) -> str:
    """Return `text` without secrets. For many texts use `redact_column`, which is much faster."""
    return str(redact_column(pl.Series([text], dtype=pl.String), settings or RedactionSettings())[0])


def redact_column(texts: pl.Series, settings: RedactionSettings) -> pl.Series:
    """Return a String column without secrets. Equal texts have equal results."""
    flags = pl.DataFrame([texts.alias("text")]).select(_flags(_HINTS, _CARD, "%40"))
    texts = _rewrite(texts, flags["hinted"], RULES)
    for flag, hide in (("lone", _without_end_of_key), ("carded", _without_cards)):
        if flags[flag].any():
            rows = flags[flag].arg_true()
            texts = texts.clone().scatter(rows, [hide(value) for value in texts.gather(rows)])
    if settings.emails:
        texts = _rewrite(texts, flags["mailed"], [(_EMAIL, EMAIL)])
    if settings.ips:
        texts = _rewrite(texts, pl.repeat(value=True, n=len(texts), eager=True), [(_IPS, IP)])
    return texts


def suspicious(shapes: pl.Series) -> pl.Series:
    """Return for each shape (see `shape_cache`) whether `redact_column` may change a line of that shape.

    It looks for what `redact_column` looks for: the literals lose their digits as the shapes did, and the patterns
    accept any digit where they accept one.
    """
    flags = pl.DataFrame([shapes.alias("text")]).select(_flags(_SHAPE_HINTS, _SHAPE_CARD, without_digits("%40")))
    return flags.select(pl.any_horizontal(pl.all()).alias("suspect"))["suspect"]


def _flags(hints: pl.Expr, card: str, at: str) -> list[pl.Expr]:
    """Return Boolean expressions: which lines go through each kind of rules."""
    text = pl.col("text")
    return [
        (
            text.str.contains_any(hints, ascii_case_insensitive=True)
            | text.str.contains(HINT_START)
            | text.str.contains(HINT_LINE)
        ).alias("hinted"),
        text.str.contains(LONE).alias("lone"),
        text.str.contains(card).alias("carded"),
        (text.str.contains("@", literal=True) | text.str.contains(at, literal=True)).alias("mailed"),
    ]


def mark_names(names: pl.Series, redacted: pl.Series) -> pl.Series:
    """Return redacted scopes or session keys; names that were different stay different.

    A name that redaction changed ends in six hexadecimal digits of the hash of the original: enough to keep sessions
    apart, too few to reveal the secret.
    """
    changed = names != redacted
    if not changed.any():
        return names
    rows = changed.arg_true()
    marked = [
        f"{after}~{blake2b(before.encode(), digest_size=3).hexdigest()}"
        for before, after in zip(names.gather(rows), redacted.gather(rows), strict=True)
    ]
    return names.clone().scatter(rows, marked)


def redact_key_blocks(lines: pl.DataFrame, record: pl.Series) -> pl.DataFrame:
    """Hide the lines between BEGIN and END of a private key that a record holds as several lines.

    `record` is the number of each row's record. Where every line of a key is a record of its own, `redact_column`
    recognises the lines by their form.
    """
    begins = lines["text"].str.contains("PRIVATE KEY", literal=True)
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
        begin = _KEY_BEGIN.search(text)
        if inside == number and begin is None:
            kept.append(SECRET)
            inside = None if _KEY_END.search(text) else number
            continue
        inside = number if begin is not None and _KEY_END.search(text, begin.end()) is None else None
        kept.append(text)
    return lines.with_columns(lines["text"].clone().scatter(rows, kept))


def _rewrite(
    texts: pl.Series, wanted: pl.Series, rules: tuple[tuple[str, str], ...] | list[tuple[str, str]]
) -> pl.Series:
    """Return `texts` with the rules applied, in their order, to the rows where `wanted` is true."""
    if not rules or not wanted.any():
        return texts
    rows = wanted.arg_true()
    expression = pl.col("text")
    for pattern, placeholder in rules:
        expression = expression.str.replace_all(pattern, placeholder)
    return texts.clone().scatter(rows, pl.DataFrame({"text": texts.gather(rows)}).select(expression)["text"])


def _without_end_of_key(text: str) -> str:
    return _LONE.sub(_end_of_key, text)


def _without_cards(text: str) -> str:
    parts = _UUIDS.split(text)
    parts[::2] = [_CARD_PYTHON.sub(_card, part) for part in parts[::2]]
    return "".join(parts)


def _end_of_key(match: re.Match[str]) -> str:
    """Hide a lone token that may be the last line of a key: whole base64 groups that do not look like words."""
    token = match[2]
    if len(token) % 4 or token in (token.lower(), token.upper()):
        return match[0]
    reads = len(token) > MOST_IN_A_WORD * len(_WORDS.findall(token))
    return match[0] if reads else match[1] + SECRET


def _card(match: re.Match[str]) -> str:
    """Hide digits with a valid Luhn check digit (ISO/IEC 7812-1, annex B)."""
    digits = [int(char) for char in match[0] if char.isdigit()]
    total = sum(
        digit if at % 2 == 0 else (digit * 2 - 9 if digit > 4 else digit * 2)
        for at, digit in enumerate(reversed(digits))
    )
    return CARD if total % 10 == 0 else match[0]
