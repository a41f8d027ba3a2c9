"""Secrets without a name or a known form: tokens of random letters and digits.

Two kinds of tokens are examined. The last line of a private key is a short line of nothing but base64. A long token
anywhere is a key if its characters change between upper case, lower case and digits as those of random base64 do.
Names of classes and functions change case too, but only where a word ends, and words are longer.
"""

from __future__ import annotations

import re

from daemon.core.masking.rule_forms import SECRET
from daemon.core.masking.secret_rules import LEVEL

_PREFIX = (
    r"(?:[\[(]?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[.,0-9]*(?:Z|[+-][0-9]{2}:?[0-9]{2})?[\])]?\s+"
    r"(?:[\w.-]+ [\w./-]+(?:\[[0-9]+\])?:\s+)?"
    r"|[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} \S+ [\w./-]+(?:\[[0-9]+\])?:\s+"
    rf"|\[[^\[\]]{{0,40}}\]\s+|(?:stdout|stderr)(?: [FP])?\s+|[CS]: |[>|] |[\w.-]{{1,40}}\s+\| |{LEVEL})*"
)
"""What collectors and formats put in front of a line: time, stream, level, host and program, a container's name."""
_B64 = "[A-Za-z0-9+/]*"
LONE = (
    rf"^\s*(?:{LEVEL})?(?:[A-Za-z0-9+/]{{6,}}={{1,2}}|[A-Za-z0-9+/]{{12,}})\s*$|=$"
    rf"|\s{_B64}(?:[a-z][0-9+/]{{0,3}}[A-Z]{_B64}[0-9+/]|[0-9+/]{_B64}[a-z][0-9+/]{{0,3}}[A-Z]){_B64}$"
)
"""A text without a match of this, or of `CANDIDATE`, ends in no line of a private key."""
_KEY_LINE = re.compile(rf"^(\s*{_PREFIX})([A-Za-z0-9+/]{{6,}}={{1,2}}|[A-Za-z0-9+/]{{12,}})\s*$")
"""A line of one token: a line of a private key whose lines are records of their own, or else a word or a path."""
CANDIDATE = (
    r"(?:[a-z][0-9][A-Z]|[A-Z][0-9][a-z]|[A-Za-z][0-9][a-z]{1,2}[A-Z]|[A-Za-z][0-9][A-Z]{1,2}[a-z]"
    r"|[a-z][A-Z]{1,3}[0-9][A-Za-z]|[A-Z][a-z]{1,2}[0-9][A-Za-z])[A-Za-z0-9+/_-]{7}"
)
"""A text without a match of this is taken for one without long random tokens: lower case, upper case and a digit within
five characters, and seven more. Of random tokens of 24 characters eight in ten match, of 40 nearly all.
"""

FORMS = (
    r"SK[0-9a-fA-F]{32}|API-[A-Z0-9]{20}|(?:key|fc)-[0-9a-f]{32}|(?-u:\b)s\.[A-Za-z0-9]{24}|(?-u:\b)t[0-9]\.[A-Za-z0-9_-]{30}"
    r"|0x[0-9][A-Z]{6}|\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{26}|:A[A-Za-z0-9_-]{32}|NRAL|\.atlasv[0-9]\.|-us[0-9]"
    r"|AQ\.|[0-9]Q~|b[0-9]Blbn|md[0-9][0-9a-f]{6}|[0-9]//[0-9]|S[A-Z0-9]{12}"
    r"|A[0-9]-[A-Z0-9]{6}-|(?:sdk|mob)-[0-9a-f]{8}-|(?-u:\b)(?:sk|live|test|auth|cs|ck|pk)_(?:pub_)?[0-9a-f]{8}|EAA[A-Z][A-Za-z0-9]{6}"
    r"|[0-9]/[0-9]{13}|![A-Za-z0-9._]{16}|==:[A-Za-z0-9]{4}|[0-9a-f]:[0-9a-f]{16}|(?-u:\b)pat\.[A-Za-z0-9]"
    r"|pat[A-Za-z0-9]{14}\.|:(?:[0-9]{2,5}|\*):[A-Za-z0-9_*-]+:(?:[A-Za-z][A-Za-z0-9_-]{2,}|\*):[^ \t]"
)
"""A text without a match of this has no token of `_TOKENS`. Of digits it holds classes only: shapes have none."""

_TOKENS = tuple(
    (literal, re.compile(pattern, re.ASCII))
    for literal, pattern in (
        (".atlasv1.", r"[A-Za-z0-9]{10,64}\.atlasv1\.[\w=-]{20,}"),
        ("-us", r"[0-9a-f]{32}-us[0-9]{1,2}"),
        ("NRAL", r"[0-9a-f]{36}NRAL"),
        ("0x4", r"0x4[A-Z]{6}[\w-]{16,}"),
        (".", r"(?<![\w-])[MNO][\w-]{22,40}\.[\w-]{6}\.[\w-]{26,}"),
        ("AQ.", r"AQ\.[\w-]{30,}"),
        ("pat", r"pat[A-Za-z0-9]{14}\.[A-Za-z0-9]{24,}"),
        ("SK", r"SK[0-9a-fA-F]{32}"),
        ("key-", r"key-[0-9a-f]{32}"),
        ("fc-", r"\bfc-[0-9a-f]{32}\b"),
        ("API-", r"API-[A-Z0-9]{20,}"),
        ("S", r"(?<![A-Z0-9])S[A-Z2-7]{55,57}\b"),
        ("A3-", r"\bA3-[A-Z0-9]{6}-[A-Z0-9]{6}(?:-?[A-Z0-9]{5}){4}"),
        ("sdk-", r"\bsdk-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
        ("mob-", r"\bmob-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
        ("_", r"\b(?:sk|live|test|cs|ck|pk)_(?:auth_|pub_)?(?:[0-9a-f]{31,64}|[0-9a-f]{8}-[0-9a-f-]{27})\b"),
        ("pk_", r"\bpk_(?:[0-9]{6,9}_[A-Za-z0-9]{32}|[0-9a-z]{34})\b"),
        ("/", r"\b[0-9]/[0-9]{13,}(?:/[0-9]{13,})?:[0-9a-f]{32}"),
        ("==:", r"[A-Za-z0-9+/]{22}==:[A-Za-z0-9]{32}"),
        ("EAA", r"\bEAA[A-Za-z0-9]{60,}"),
        ("!", r"\b00[A-Za-z0-9]{13}![A-Za-z0-9._]{80,}"),
        ("md5", r"\bmd5[0-9a-f]{32}\b"),
        ("1//0", r"\b1//0[\w-]{30,}"),
        ("b3Blbn", r"b3BlbnNzaC1rZXkt[A-Za-z0-9+/]*={0,2}"),
        ("s.", r"\bs\.[A-Za-z0-9]{24}\b"),
        ("t1.", r"\bt1\.[\w-]{30,}={0,2}\.[\w-]{40,}={0,2}"),
        ("Q~", r"[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}"),
        (":A", r"[0-9]{8,10}:A[\w-]{32,}"),
        (":", r"\b(?:AC)?[0-9a-f]{24,64}:[0-9a-f]{32,64}\b"),
        ("pat.", r"\bpat\.[\w-]{22}\.[\w-]{24}\.[\w-]{20}\b"),
    )
)
"""Tokens, each with a literal that it contains."""
_PGPASS = re.compile(
    r"\b((?:[A-Za-z][\w-]{0,253}\.[\w.-]{1,253}|\*|localhost):(?:[0-9]{2,5}|\*):[\w*-]+:(?:[A-Za-z][\w-]{2,}|\*):)[^\s]{4,}",
    re.ASCII,
)
_PART = re.compile(r"[+/]?(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)|[+/]")
_MAX_MEAN_PART = 3.0
"""The mean length of the parts that `_PART` finds: two characters in random base64, and seldom less than this in names.

No word of loghub's 16 samples and of the demo's recording would be hidden as a line of its own. Of random ends of 12 to
20 characters one in 40 stays, of longer ones one in 150.
"""
_LONG_LINE = 40
_LONG = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_MAX_LONG_PART = 2.6
_PUBLIC = re.compile(
    r"(?:SHA256:|(?:ssh-[a-z0-9]+|ecdsa-[a-z0-9-]+) |fingerprint[ :=]+"
    r"|(?i:\bh1|-id-2|version-?id|cf-id|e-?tag|host-?id|upload[ _-]?id|request-?id|trace-?id|checksum|digest|integrity"
    r"|content-md5)[\"']?[:= ]\s*[\"']?)$"
)
"""Text before public data: hashes of keys and files, public keys, names of requests and versions."""
_PUBLIC_DER = re.compile(
    r"^MII[A-Za-z0-9+/]{2,5}(?:ANBgkqhkiG9w0BAQEF|CC[A-Za-z0-9+/]{1,3}gAwIBAgI)|^MFkwEwYHKoZI|^MCowBQYDK2V"
)
"""A public key or a certificate in base64, by its first bytes."""


def is_public(token: str) -> bool:
    """Return whether base64 is a public key or a certificate."""
    return _PUBLIC_DER.match(token) is not None or token.startswith(
        ("AAAAB3", "AAAAC3", "AAAAE2", "sha256-", "sha384-", "sha512-")
    )


def without_key_line(text: str) -> str:
    """Return a text of one token as a placeholder when it may be a line of a private key."""
    return _KEY_LINE.sub(_key_line, text)


def without_tokens(text: str) -> str:
    """Return `text` with the tokens of `_TOKENS` as placeholders, and the passwords of a ``.pgpass`` file."""
    for literal, token in _TOKENS:
        if literal in text:
            text = token.sub(SECRET, text)
    return _PGPASS.sub(rf"\1{SECRET}", text)


def without_random_tokens(text: str) -> str:
    """Return `text` with long random tokens as placeholders."""
    return _LONG.sub(_random, text)


def _key_line(match: re.Match[str]) -> str:
    token = match[2]
    if token.endswith("=") and token[:-1].isalpha() and token.islower() and len(token) % 4:
        return match[0]  # a name without a value
    if token.endswith("="):
        return match[0] if is_public(token) else match[1] + SECRET
    if (len(token) % 4 and len(token) < _LONG_LINE) or token in (token.lower(), token.upper()) or is_public(token):
        return match[0]
    return match[0] if mean_part(token) > _MAX_MEAN_PART else match[1] + SECRET


def _random(match: re.Match[str]) -> str:
    token = match[0]
    body = token.strip("/").rstrip("=")
    if not any(char.isdigit() for char in body) or len({char.islower() for char in body if char.isalpha()}) < 2:
        return token
    if mean_part(body) > _MAX_LONG_PART or is_public(token):
        return token
    return token if _PUBLIC.search(match.string[: match.start()]) else SECRET


def mean_part(token: str) -> float:
    """Return the mean length of a token's runs of one case, or of digits."""
    return len(token) / max(1, len(_PART.findall(token)))
