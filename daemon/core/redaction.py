"""Secrets to placeholders: the one place where they leave a line. Everything downstream sees redacted text only.

Two steps keep clean lines cheap: a search for a few dozen literals and one shape of digits picks the lines that may hold
a secret, and only those go through the rules. A rule keeps the name of what it hides (``password=<SECRET>``), so that
the line still says what happened. Rules read plain, quoted, JSON-escaped and percent-encoded text.

Rules err on the side of hiding: a value behind a word for a secret goes, whatever it looks like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

SECRET = "<SECRET>"  # noqa: S105 - the placeholder, not one
CARD = "<CARD>"
EMAIL = "<EMAIL>"
IP = "<IP>"


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """What goes besides secrets and card numbers, which always go."""

    emails: bool = True
    ips: bool = False


_NAMES = (
    r"pass(?:word|wd|phrase|code)?|passwort|pwd|secret|token|api[_.-]?key|(?:access|secret|private|account|shared|encryption|signing|auth|"
    r"sas|storage|license|master|session)[_.-]?key|sharedaccesskey|sharedaccesssignature|credentials?|jsessionid|phpsessid|connect\.sid|"
    r"asp\.net_sessionid|x-amz-signature|x-amz-credential|x-goog-signature|otp|pin_?code|cvv2?|auth_?token|csrf|xsrf"
)
_IS = r"""(?:\\*["'`]|%22|%27)?(?:\s|%20)*(?:=>|:=|[:=]|%3[AaDd]|\\u003[aAdD])(?:\s|%20)*"""
_SCHEME = r"(?:(?:bearer|basic|digest|token|apikey|negotiate|ntlm|aws4-hmac-sha256|splunk)(?:\s|%20|\+)+)"
_WORD = r"""[^\s"'`,;&|\\)}\]]+"""
_VALUE = rf"""(?:\\+"(?:[^"\\]|\\+[^"\\])*\\+"|"(?:[^"\\]|\\.)*"|\\*'(?:[^'\\]|\\.)*'|%22.*?%22|{_WORD})"""

_RULES: tuple[tuple[str, str], ...] = (
    # private keys, whole or cut off, and what looks like a piece of one alone on its line
    (r"(?s)-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END[A-Z0-9 ]*-----|\z)", SECRET),
    (r"^\s*(?:[A-Za-z0-9+/]{40,}={0,2}|[A-Za-z0-9+/]{6,}={1,2})\s*$", SECRET),
    # headers
    (rf"(?i)\b((?:proxy-)?authorization{_IS}\\*[\"']?{_SCHEME}?){_WORD}", "${1}" + SECRET),
    (rf"(?i)\b((?:set-)?cookie2?{_IS}\\*[\"']?)[^\r\n\"'\\]+", "${1}" + SECRET),
    (r"(?i)\b(bearer(?:\s|%20|\+)+)[A-Za-z._~+/-]*[0-9][A-Za-z0-9._~+/%=-]{5,}", "${1}" + SECRET),
    (r"(?i)\b(basic(?:\s|%20|\+)+)[A-Za-z+/]*[0-9=][A-Za-z0-9+/%=]{5,}", "${1}" + SECRET),
    # passwords in URLs and command lines
    (r"""(?i)(://|%3A%2F%2F)([^\s/:@"'<>%]*)(:|%3A)[^\s@"'<>]+?(@|%40)""", "${1}${2}${3}" + SECRET + "${4}"),
    (r"""(://)[^\s/:@"'<>]{16,}@""", "${1}" + SECRET + "@"),
    (
        rf"(?i)((?:^|[\s\"'])--?(?:[a-z-]*-)?(?:password|passwd|pass|token|secret|api-?key|access-?key|secret-?key)(?:\s+|=))({_VALUE})",
        "${1}" + SECRET,
    ),
    (
        r"(?i)(\b(?:mysql\w*|mariadb\w*|sshpass|mongo\w*|redis-cli|docker\s+login|htpasswd)\b[^|;]*?\s-[pa]\s?)[^\s-]\S*",
        "${1}" + SECRET,
    ),
    (r"(?i)(\bcurl\b[^|;]*?\s(?:-u|--user)[\s=]?[^\s:]+:)\S+", "${1}" + SECRET),
    # tokens that can be told by their look
    (r"eyJ[A-Za-z0-9_=-]{5,}\.[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_+/=-]*)*", SECRET),
    (r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA)[A-Z0-9]{16}\b", SECRET),
    (r"\bAIza[0-9A-Za-z_-]{30,}|\bya29\.[0-9A-Za-z_-]{10,}|\bGOCSPX-[0-9A-Za-z_-]{20,}", SECRET),
    (
        r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|dt|rt|soat|ptt|cbt|ft|agent)-[A-Za-z0-9_-]{16,})",
        SECRET,
    ),
    (r"\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}|\bxapp-[A-Za-z0-9-]{10,}", SECRET),
    (r"(hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]+", "${1}" + SECRET),
    (r"\b(?:[srp]k_(?:live|test)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9+/=]{16,})", SECRET),
    (
        r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|hf_[A-Za-z0-9]{20,}|dop_v1_[a-f0-9]{32,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})",
        SECRET,
    ),
    (
        r"\bsk-[A-Za-z0-9_-]{20,}|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bSK[0-9a-f]{32}\b|\bkey-[0-9a-f]{32}\b",
        SECRET,
    ),
    (
        r"\b[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}|\bAGE-SECRET-KEY-1[A-Z0-9]{20,}|\b\d{8,10}:AA[A-Za-z0-9_-]{32,}",
        SECRET,
    ),
    (r"\b[hs]vs\.[A-Za-z0-9_-]{20,}|\bdckr_pat_[A-Za-z0-9_-]{20,}|\bATATT3[A-Za-z0-9_=-]{20,}", SECRET),
    (r"(?i)([?&;]sig=)[A-Za-z0-9%+/=_-]{16,}", "${1}" + SECRET),
    # name and value
    (rf"(?i)((?:{_NAMES}){_IS}{_SCHEME}?){_VALUE}", "${1}" + SECRET),
    (
        r"(<[A-Za-z:_-]*(?:[Pp]assword|[Pp]asswd|secret|Secret|[Tt]oken|[Aa]pi-?[Kk]ey)(?: [^>]*)?>)[^<]+",
        "${1}" + SECRET,
    ),
    (
        r"(?i)\b((?:password|passphrase|passwd|secret|token|api[ _-]?key)\s+(?:is|was|set to|changed to)\s+)\S+",
        "${1}" + SECRET,
    ),
    (r"(?i)\b((?:password|secret|token|key)\s+)[A-Za-z+/_-]*[0-9][A-Za-z0-9+/=_-]{19,}", "${1}" + SECRET),
)

_HINTS = (
    "pass", "pwd", "secret", "token", "key", "credential", "sessid", "sessionid", "connect.sid", "signature", "otp", "csrf", "xsrf", "pin",
    "cvv", "authorization", "cookie", "bearer", "basic", "://", "%3a%2f%2f", "-u", "--user", "redis-cli", "mongo", "mysql", "mariadb", "docker",
    "eyj", "akia", "asia", "agpa", "aida", "aroa", "anpa", "abia", "acca", "aiza", "ya29.", "gocspx-", "ghp_", "gho_", "ghu_", "ghs_",
    "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glsoat-", "glptt-", "glcbt-", "glft-", "glagent-", "xox", "xapp-", "hooks.slack",
    "_live_", "_test_", "whsec_", "npm_", "pypi-", "hf_", "dop_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "sk-", "sg.", "8q~", ":aa", "hvs.",
    "svs.", "dckr_pat_", "atatt3", "sig=",
)  # fmt: skip
_TWILIO = r"\bSK[0-9a-f]{32}\b"
_BLOB = r"^\s*[A-Za-z0-9+/]{6,}={0,2}\s*$"
_EMAIL = r"[\w.+-]+(?:@|%40)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
_IPS = r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b|(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}\b"
_CARD = r"\b(?:[3-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{3,4}|3\d{3}[ -]?\d{6}[ -]?\d{4,5})\b"
_CARD_PYTHON = re.compile(_CARD, re.ASCII)

_KEY_BEGIN = re.compile(r"-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END[A-Z0-9 ]*-----")


def redact(text: str, settings: RedactionSettings | None = None) -> str:
    """Return `text` without secrets. For many texts use `redact_column`, which is far quicker."""
    return str(redact_column(pl.Series([text], dtype=pl.String), settings or RedactionSettings())[0])


def redact_column(texts: pl.Series, settings: RedactionSettings) -> pl.Series:
    """Return a String column without secrets; the same text always becomes the same."""
    frame = pl.DataFrame({"text": texts})
    text = pl.col("text")
    hinted = (
        text.str.contains_any(_HINTS, ascii_case_insensitive=True)
        | text.str.contains(_TWILIO)
        | text.str.contains(_BLOB)
    )
    flags = frame.select(hinted.alias("hinted"), text.str.contains(_CARD).alias("carded"))
    texts = _rewrite(texts, flags["hinted"], _RULES)
    if flags["carded"].any():
        rows = flags["carded"].arg_true()
        texts = texts.scatter(rows, [_CARD_PYTHON.sub(_card, value) for value in texts.gather(rows)])
    more = ([(_EMAIL, EMAIL)] if settings.emails else []) + ([(_IPS, IP)] if settings.ips else [])
    if settings.emails and not settings.ips:
        return _rewrite(texts, texts.str.contains_any(["@", "%40"]), more)
    return _rewrite(texts, pl.repeat(value=True, n=len(texts), eager=True), more)


def redact_key_blocks(lines: pl.DataFrame, record: pl.Series) -> pl.DataFrame:
    """Hide the lines between BEGIN and END of a private key that a record holds as several lines.

    `record` numbers the record of each row. Where the lines of a key are records of their own, `redact_column` knows them
    by their look.
    """
    begins = lines["text"].str.contains("PRIVATE KEY", literal=True) & record.is_duplicated()
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
    return lines.with_columns(lines["text"].scatter(rows, kept))


def _rewrite(
    texts: pl.Series, wanted: pl.Series, rules: tuple[tuple[str, str], ...] | list[tuple[str, str]]
) -> pl.Series:
    """Apply rules to the rows that are wanted."""
    if not rules or not wanted.any():
        return texts
    rows = wanted.arg_true()
    expression = pl.col("text")
    for pattern, placeholder in rules:
        expression = expression.str.replace_all(pattern, placeholder)
    return texts.scatter(rows, pl.DataFrame({"text": texts.gather(rows)}).select(expression)["text"])


def _card(match: re.Match[str]) -> str:
    """Hide digits that pass Luhn's check (ISO/IEC 7812-1, annex B)."""
    digits = [int(char) for char in match[0] if char.isdigit()]
    total = sum(
        digit if at % 2 == 0 else (digit * 2 - 9 if digit > 4 else digit * 2)
        for at, digit in enumerate(reversed(digits))
    )
    return CARD if total % 10 == 0 else match[0]
