"""Made-up words beside a word for a secret: ``logged in as ann with JguApyKQbAIj, password must be changed``.

No grammar knows all the sentences, commands and dumps in which a secret stands. But of the words in a line that speaks
of a password, the one that nobody would say is the password: its characters change between upper case, lower case and
digits as chance draws them (`random_tokens.mean_part`). In 94,000 words of real logs, documentation and source code
only identifiers that were drawn by chance do so.
"""

from __future__ import annotations

import re

from daemon.core.masking.random_tokens import is_public, mean_part, unlikely
from daemon.core.masking.rare_names import FOREIGN
from daemon.core.masking.rule_forms import SECRET

SPOKEN_OF = (
    rf"(?i)passw|pass[ _-]?(?:phrase|code)|\bpass\b|pwd|secret|creds?\b|credential|\bpsk\b"
    rf"|(?:private|api)[ _-]?key|community|/user:|auth[ _-]tok|\blog(?:in|on)\b|\bauth|\bunlock|keyring|\bsasl\b"
    rf"|brute|<<<|\bkey\s[\"']"
    rf"|(?:^|\s)-{{1,2}}(?:p|w|a|k|x|pw|[a-z-]*(?:key|auth|pin))[ \t]|{FOREIGN}"
)
"""A text without a match of this does not speak of a secret."""
MADE_UP = (
    r"[a-z][0-9][A-Z]|[A-Z][0-9][a-z]|[A-Za-z][0-9][a-z]{1,2}[A-Z]|[A-Za-z][0-9][A-Z]{1,2}[a-z]"
    r"|[a-z][A-Z]{1,3}[0-9]|[A-Z][a-z]{1,2}[0-9]|[0-9][a-z]{1,2}[A-Z]|[0-9][A-Z]{1,2}[a-z]"
    r"|[a-z][A-Z]{1,3}[a-z]{1,3}[A-Z]|[A-Z]{2}[a-z]{1,3}[A-Z]|[\"'`][A-Za-z!#$%^&*_.-]{3,20}[0-9]"
)
"""A text without a match of this has no made-up word."""
_SPOKEN_OF = re.compile(SPOKEN_OF)
_WORD = re.compile(r"(?<![\w.\\@+~-])[A-Za-z0-9][A-Za-z0-9!^_]{7,63}(?![\w/@+~-]|\\[^rnt\"']|\.\w|\()", re.ASCII)
"""A word that is no part of a path, of the name of a class or of an address."""
_OF_USER = re.compile(r"(?:^|[\s\"'\[(])[A-Za-z][\w.-]{0,30}/$", re.ASCII)
"""Text before a word that is a password behind the name of a user: ``ann/JguApyKQbAIj``."""
_QUOTED = re.compile(
    r"(?<=([\"'`]))(?=[^\"'`]{0,40}[0-9])(?=[^A-Za-z]{0,40}[A-Za-z])[A-Za-z0-9!#$%^&*_.-]{8,40}(?=\1)", re.ASCII
)
_QUOTED_OTHER = re.compile(
    r"(?:user|username|role|account|for|name|database|host|db|schema|file|field|column|type|id|service|client|version"
    r"|secret|key|from|to|by|in|on|at|of|policy|algorithm|provider|method|module|class|table|index|group|realm)"
    r"[^A-Za-z0-9]{0,4}$",
    re.IGNORECASE,
)
"""Text before a word in quotes that is a name."""
_PASSWORD = re.compile(r"passw|passphrase|passcode|pwd", re.IGNORECASE)
_NEAR = 120
_MAX_MEAN_PART, _MAX_UNLIKELY_PART = 2.6, 3.4
"""The mean length of the parts of a made-up word with a digit, and of any whose pairs of letters are unlikely."""


def without_made_up(text: str) -> str:
    """Return `text` with made-up words as placeholders where it speaks of a secret at most 120 characters away.

    Beside a word for a password, a word in quotes with a digit goes too, unless the text says what it is the name of.
    """
    made_up = [word for word in _WORD.finditer(text) if _is_made_up(word[0]) and _stands_alone(word)]
    text = _without(text, made_up, _SPOKEN_OF)
    return _without(text, [word for word in _QUOTED.finditer(text) if not _is_named(word)], _PASSWORD)


def _without(text: str, words: list[re.Match[str]], spoken_of: re.Pattern[str]) -> str:
    """Return `text` without those of the words that stand near to a match of `spoken_of`."""
    if not words:
        return text
    near = bytearray(len(text))
    for spoken in spoken_of.finditer(text):
        start, end = max(0, spoken.start() - _NEAR), min(len(text), spoken.end() + _NEAR)
        near[start:end] = bytes([1]) * (end - start)
    for word in reversed(words):
        if near[word.start()] or near[word.end() - 1]:
            text = text[: word.start()] + SECRET + text[word.end() :]
    return text


def _stands_alone(word: re.Match[str]) -> bool:
    before = word.string[max(0, word.start() - 33) : word.start()]
    return not before.endswith("/") or _OF_USER.search(before) is not None


def _is_named(word: re.Match[str]) -> bool:
    return _QUOTED_OTHER.search(word.string[max(0, word.start() - 16) : word.start() - 1]) is not None


def _is_made_up(word: str) -> bool:
    cases = {char.islower() for char in word if char.isalpha()}
    if len(cases) < 2 or word.startswith(("0x", "0X")) or is_public(word):
        return False
    mean = mean_part(word)
    if mean <= _MAX_MEAN_PART and any(char.isdigit() for char in word):
        return True
    return mean <= _MAX_UNLIKELY_PART and unlikely(word)
