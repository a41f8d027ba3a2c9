"""Identifiers that a pattern alone cannot tell from words: nanoid and its like, and the queue ids of mail servers.

A gate picks the lines; the few that it picks are looked at one by one. A gate is tested on the shape of a line, in
which every digit is a 1: it must not distinguish digits.
"""

from __future__ import annotations

import re

import polars as pl

from daemon.core.masking.expressions import Expression
from daemon.core.masking.random_tokens import mean_part

_QUEUE_TEXT = (
    r"(?:to=|from=<|removed|client=|(?:resent-)?message-id=|uid=[0-9]|reject: |warning: |milter-|hold: |filter: |host "
    r"|sender |lost conn|convers|enabling |replace: |info: |skipped)"
)
_GATE = Expression(r"(?:^|[\s\"'=:,(\[{])[A-Za-z0-9_-]{20,23}(?:$|[\s\"',;:)\]}.])")
"""A text without a match of this has no random token."""
_MAIL_GATE = Expression(
    rf"[0-9A-Za-z]{{6}}: {_QUEUE_TEXT}|[0-9][A-Za-z0-9]{{5}}-[0-9A-Za-z]{{6}}(?:[0-9A-Za-z]{{5}})?-[0-9A-Za-z]{{2}}"
)
"""A text without a match of this has no queue id."""
_RANDOM = re.compile(r"(?<![\w/.@%&?-])[\w-]{20,23}(?![\w/@%-])", re.ASCII)
_MAX_MEAN_PART = 2.6
"""The mean length of a token's runs of one case: about 1.8 in 21 random characters, seldom below 3 in a name."""
_MAX_WITHOUT_DIGITS = 2.0
_QUEUE = re.compile(
    rf"(?:(?<=\s)|^)(?:[0-9A-F]{{6,15}}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{{10,20}})(?=: {_QUEUE_TEXT})", re.ASCII
)
"""A Postfix queue id, short (hexadecimal) or long (digits and consonants), before what Postfix says of a mail."""
_QUEUED = re.compile(rf": {_QUEUE_TEXT}", re.ASCII)
"""A text without a match of this has none of `_QUEUE`. It begins with a literal, so the search is fast."""
_EXIM = re.compile(
    r"(?<![\w-])[0-9][A-Za-z0-9]{5}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})(?![\w-])", re.ASCII
)
_EXIM_MIDDLE = re.compile(r"-[0-9A-Za-z]{6}(?:[0-9A-Za-z]{5})?-")
"""The same for `_EXIM`."""


def with_identifiers(texts: pl.Series) -> pl.Series:
    """Return a String column with random tokens as ``<NUM>`` and mail servers' queue ids as ``<HEX>``."""
    each = texts.to_list()
    rows = [row for row, text in enumerate(each) if _is_gated(text.encode())]
    if not rows:
        return texts
    return texts.clone().scatter(rows, pl.Series([_replaced(each[row]) for row in rows], dtype=pl.String))


def _is_gated(held: bytes) -> bool:
    """Return whether a text may hold a random token or a queue id."""
    return _GATE.found(held) or _MAIL_GATE.found(held)


def _replaced(text: str) -> str:
    if _QUEUED.search(text) is not None:
        text = _QUEUE.sub("<HEX>", text)
    if _EXIM_MIDDLE.search(text) is not None:
        text = _EXIM.sub("<HEX>", text)
    return _RANDOM.sub(_random, text)


def _random(match: re.Match[str]) -> str:
    token = match[0]
    if token in (token.lower(), token.upper()):
        return token
    digits = any(char.isdigit() for char in token)
    return "<NUM>" if mean_part(token) <= (_MAX_MEAN_PART if digits else _MAX_WITHOUT_DIGITS) else token
