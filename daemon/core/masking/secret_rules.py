"""The rules of `redaction` for secrets that a name, a context or a prefix tells.

A rule is a Rust regular expression with a replacement. Rules of a family are one alternation, for two reasons: a line
is read once for all of them, and polars keeps only 32 compiled expressions. Each alternative is a `Form`: what stays in
front of the secret, the secret, and what stays behind it. Rules run in the order of `RULES`.

The first rule finds what only looks like a secret (``password: incorrect``) and puts `HARMLESS` in front; the last step
takes these marks out again.

Every rule needs a hint (`hints`): a line without any hint does not reach the rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from daemon.core.masking.secret_names import (
    ADJECTIVES,
    END,
    GLUED,
    HARMLESS,
    IS,
    MIXED,
    NAME,
    PLACEHOLDERS,
    QUOTE,
    STATES,
    VALUE,
)
from daemon.core.masking.vendor_rules import DASHED_PREFIXES, PLAIN_PREFIXES, VENDORS

SECRET = "<SECRET>"  # noqa: S105 - the placeholder, not a secret

Rule = tuple[str, str]


class Form(NamedTuple):
    """One form of a secret: Rust expressions for what stays in front, for the secret, and for what stays behind."""

    before: str
    secret: str
    behind: str = ""


def rule(forms: Sequence[Form], flags: str = "(?i)", placeholder: str = SECRET) -> Rule:
    """Return the rule for any of `forms`; of two that match at the same place the first."""
    pattern = "|".join(
        f"(?P<b{at}>{form.before})(?:{form.secret})" + (f"(?P<e{at}>{form.behind})" if form.behind else "")
        for at, form in enumerate(forms)
    )
    before = "".join(f"${{b{at}}}" for at in range(len(forms)))
    behind = "".join(f"${{e{at}}}" for at, form in enumerate(forms) if form.behind)
    return ascii_classes(f"{flags}(?:{pattern})"), before + placeholder + behind


_CLASS = re.compile(r"\\[wdsSb]|\[\^?\]?(?:\\.|[^\]\\])*\]|\\.")
_ASCII = {r"\w": "A-Za-z0-9_", r"\d": "0-9", r"\s": r"\t\n\v\f\r "}


def ascii_classes(pattern: str) -> str:
    r"""Return an expression with the ASCII members of ``\w``, ``\d`` and ``\s`` only, and ASCII edges of words.

    Unicode's have so many ranges that an alternation of all forms would no longer fit the cache of the regex engine.
    """
    return _CLASS.sub(_ascii_class, pattern)


def _ascii_class(match: re.Match[str]) -> str:
    text = match[0]
    if text.startswith("["):
        return re.sub(r"\\.", lambda escape: _ASCII.get(escape[0], escape[0]), text)
    if text in (r"\b", r"\S"):
        return r"(?-u:\b)" if text == r"\b" else r"[^\t\n\v\f\r ]"
    return f"[{_ASCII[text]}]" if text in _ASCII else text


def literals(texts: Sequence[str]) -> str:
    """Return an alternation of literals, the longest first. (`re.escape` escapes what Rust does not.)"""
    return "|".join(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text) for text in sorted(texts, key=len, reverse=True))


_EDGE = r"(?:\b|%[0-9A-Fa-f]{2}|\\[nrtbf])"
"""The beginning of a word, also behind a percent escape or a JSON escape."""
LEVEL = (
    r"(?:(?i:trace|debug|info(?:rmation(?:al)?)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|emerg(?:ency)?"
    r"|fatal|severe|panic|[tdiwef])|\d{1,2})\s+"
)
"""A level that a format put in front of the line."""
_SCHEME = (
    r"(?:bearer|basic|digest|token|api-?key|negotiate|ntlm|aws4-hmac-sha256|splunk|hawk|jwt|oauth|ssws|mac|genie-?key"
    r"|dpop|scram-[a-z0-9-]+)(?:\s|%20|\+)+"
)
_PARAMETER = r"""[A-Za-z][\w-]*=(?:\\*"[^"\\]*\\*"|'[^']*'|[^\s,"'\\;]+)"""
_AUTHORIZATION = rf"""(?:proxy-|x-)?authorization(?:{IS}|{QUOTE}\s*,\s*)[\[({{"'\\ ]*"""
_COOKIE = rf"""\b(?:set-)?cookies?2?{IS}\\*"""

_HARMLESS: Rule = (
    ascii_classes(
        rf"(?i)(?P<a>(?:{NAME}|auth|authorization|cookies?){IS}{QUOTE}?)(?P<b>(?:{STATES}|{PLACEHOLDERS}){END})"
        rf"|(?P<c>(?:tokens|keys?|secrets|codes|passwords|pass|salt|token){IS}{QUOTE}?)(?P<d>\d{{1,3}}{END})"
        rf"|(?P<e>(?:tokens|keys|secrets|codes|passwords){IS}{QUOTE}?)(?P<f>[\d.,]+{END})"
        rf"|(?P<g>pwd{IS}{QUOTE}?)(?P<h>[A-Z]:[/\\]|[/~]|\.{{1,2}}/)"
        rf"|(?P<i>(?:password|passphrase|passwd|passcode|secret|token|key)s?\s+(?:is|was|are|were|has been|being)\s+)"
        rf"(?P<j>(?:{STATES}|{ADJECTIVES}){END})"
    ),
    f"${{a}}${{c}}${{e}}${{g}}${{i}}{HARMLESS}${{b}}${{d}}${{f}}${{h}}${{j}}",
)
_HEADERS = rule(
    [
        Form(
            "",
            r"(?s:-----BEGIN[A-Z0-9 ]*(?:PRIVATE KEY(?: BLOCK)?"
            r"|PGP MESSAGE)-----.*?(?:-----END[A-Z0-9 ]*-----|\z))",
        ),
        Form(r"Private-Lines:\s*\d+\s+", r"(?s:.*)"),
        Form(rf"{_AUTHORIZATION}(?:[A-Za-z][\w-]*(?:\s|%20)+)?", rf"{_PARAMETER}(?:[,;]\s*{_PARAMETER})*"),
        Form(rf"{_AUTHORIZATION}{_SCHEME}", rf"[^\s\"'\\,;)}}\]{HARMLESS}]+"),
        Form(rf"{_AUTHORIZATION}[A-Za-z][\w-]*\s+", rf"[A-Za-z._~+/-]*[0-9][^\s\"'\\,;)}}\]{HARMLESS}]{{7,}}"),
        Form(_AUTHORIZATION, rf"[^\s\"'\\,;)}}\]{HARMLESS}]{{6,}}"),
        Form(rf"{_COOKIE}", r"\[[^\]]*\]|\{[^}]*\}"),
        Form(rf"{_COOKIE}[\"']?", rf"[^\s\"'\\={HARMLESS}]+=[^\r\n\"'\\]*|[A-Za-z0-9%+/._-]{{16,}}"),
        Form(r"\bbearer(?:\s|%20|\+)+", r"[A-Za-z._~+/-]*[0-9][A-Za-z0-9._~+/%=-]{5,}"),
        Form(r"\bbasic(?:\s|%20|\+)+", r"[A-Za-z+/]*[0-9=][A-Za-z0-9+/%=]{5,}"),
    ]
)
_BEFORE_AT = r"""(?:[^\s"'<>@0-9/][^\s"'<>]*|[0-9]+(?:[^\s"'<>@0-9/?#][^\s"'<>]*)?)"""
_URLS = rule(
    [
        Form(r"://", rf"(?:[^\s/:@?#\"'<>%\[]{{16,}}|[0-9]{{8,}}):{_BEFORE_AT}", "@"),
        Form(r"://[^\s/:@?#\"'<>%\[]*:", _BEFORE_AT, "@"),
        Form(r"(?:%3A|:)(?:%2F|/){2}[^\s/:@\"'<>%]*(?:%3A|:)", r"[^\s@\"'<>/&]+?", "%40"),
        Form(r"://", r"[^\s/:@\"'<>]{16,}", "@"),
        Form(r"hooks\.slack\.com/(?:services|workflows|triggers)/", r"[A-Za-z0-9/_-]+"),
        Form(r"/api/(?:v\d+/)?webhooks/", r"\d{5,}/[\w-]{16,}"),
        Form(
            r"\.webhook\.office\.com/webhookb2/|\.logic\.azure\.com[^\s?]*\?|chat\.googleapis\.com/v1/spaces/",
            r"[^\s\"'<>]+",
        ),
        Form(r"/bot", r"\d{6,12}(?::|%3A)[\w-]{30,}"),
        Form(
            r"[?&;#](?:sig|signature|policy|hmac|code|assertion|ticket|key|auth|hash"
            r"|sid)=",
            r"[A-Za-z0-9%+/=_.~-]{16,}",
        ),
        Form(
            r"/(?:reset|verify|confirm|activate|invite|magic|unsubscribe|password[_-]?reset|reset[_-]?password"
            r"|token|login|auth)/",
            r"[A-Za-z]*[0-9][A-Za-z0-9_.~-]{15,}|[A-Za-z]+[0-9][A-Za-z0-9_.~-]{12,}",
        ),
    ]
)
_CODE = (
    r"(?:one[- ]?time|verification|confirmation|security|login|sign[- ]?in|access|auth(?:entication)?|2fa|mfa"
    r"|otp|sms|pin"
    r"|recovery|backup|activation)[ _-]?(?:pass)?codes?|otp|2fa|pin"
)
_ARGUMENT = r"""(?:"[^"]*"|'[^']*'|[^\s"'|;][^\s|;]*)"""
_COMMANDS = rule(
    [
        Form(rf"(?:^|[\s\"'])--?[a-z_-]*{NAME}(?:\s+|=)", VALUE),
        Form(r"\b(?:mysql|mariadb)\w*\b[^|;]*?\s-p(?:\s)?", r"[^\s\d-]\S*|\d+[^\s\d]\S*"),
        Form(
            r"\b(?:sshpass|docker\s+login|podman\s+login|mongo\w*|plink|pscp|7z\w*|7za?|unrar|rar|htpasswd)\b[^"
            r"|;]*?\s-p(?:w|\s)?\s*",
            r"[^\s\d-][^\s]*|\d+[^\s\d]\S*",
        ),
        Form(r"\bredis-cli\b[^|;]*?\s-a\s*", _ARGUMENT),
        Form(r"\b(?:ldap\w+|ldappasswd)\b[^|;]*?\s-[ws]\s*", r"[^\s-]\S*"),
        Form(r"\b(?:smbclient|rpcclient|net|wmic|mount\.cifs|nmblookup)\b[^|;]*?\s-U\s*[^\s%]*%", r"\S+"),
        Form(
            r"\b(?:zip|unzip|ipmitool|sqlcmd|bcp|isql|xfreerdp|osql|snmp\w+)\b[^|;]*?\s[-/](?:P|p:|A|X)\s?",
            r"[^\s-]\S*",
        ),
        Form(
            r"\b(?:curl|wget|lftp)\b[^|;]*?\s(?:-u|--user|-a|--auth|--proxy-user|-U)[\s=]?[\"']?[^\s:\"']+:",
            r"[^\s\"']+(?:[ ][^\s\"'-]+[\"'])?",
        ),
        Form(r"\baws\s+configure\s+set\s+\S*(?:secret|token)\S*\s+", r"\S+"),
        Form(r"\bnet use\b[^|;]*?/user:\S+\s+", r"\S+"),
        Form(r"\bpass:", MIXED),
        Form(r"\b(?:requirepass|masterauth|primaryauth|wpa_passphrase|set_real_password)\s+[\"']?", r"[^\s\"']{4,}"),
        Form(r"\bidentified\s+(?:with\s+\S+\s+)?by\s+(?:password\s+)?", r"'[^']*'|\"[^\"]*\"|\S+"),
        Form(r"\bpassword\s+(?:for\s+\S+\s*=\s*)?", r"'(?:[^']|'')*'"),
        Form(r"\b(?:insert\s+into|replace\s+into)\b[^()]*\([^()]*passw[^()]*\)\s*values\s*\(", r"[^()]*"),
        Form(r"\bpassword\([\"']?", r"[^)\"']+"),
        Form(
            r"(?:^|[\s>:])(?-i:AUTH)\s+(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5|EXTERNAL|SCRAM-[A-Z0-9-]+)\s+",
            r"[A-Za-z0-9+/=]{4,}",
        ),
        Form(r"(?:^|[\s>:\"'])(?-i:AUTH)\s+[\"']?(?:[A-Za-z][\w.-]*\s+)?", rf"{MIXED}"),
        Form(r"(?:^|[>:]\s*|^C:\s+)(?-i:PASS)\s+", r"\S+"),
        Form(r"(?:^|\s)[A-Za-z]\d{1,6}\s+LOGIN\s+\S+\s+", r"\S+"),
        Form(
            rf"\b(?:{_CODE})(?:\s+(?:for|to)\s+\S+)?(?:\s+is|\s+was|\s*[:=]|\s+-)?\s+[\"']?",
            r"[A-Z]?-?\d(?:[\d -]{2,10}\d|\d{2,8})",
        ),
        Form(r"\b(?:password|pass[ _-]?phrase|passcode) for [^\s:]+:\s*", r"[^\s][^\n\"',;]*"),
        Form(
            r"\b(?:password|passphrase|passwd|passcode|secret|token|api[ _-]?key|key|pin|passwort|kennwort)"
            r"(?:\s+(?:for|of)\s+\S+)?\s+(?:(?:is|was|are)(?:\s+now)?|(?:is\s+|was\s+)?(?:set|changed|reset"
            r"|updated)\s+to|to)\s+",
            rf"\"[^\"]+\"|'[^']+'|{MIXED}",
        ),
        Form(
            r"\b(?:password|passphrase|passwd|passcode|passwort|kennwort)(?:\s+for\s+\S+)?\s+"
            r"(?:(?:is|was)(?:\s+now)?|(?:is\s+|was\s+)?(?:set|changed|reset)\s+to)\s+",
            rf"[^\s{HARMLESS}<(\[][^\s]*",
        ),
        Form(r"\b(?:password|passphrase|passwd|secret)\s+", MIXED),
        Form(r"(?:^|[^A-Za-z])(?:secret|token|key)\s+", r"[A-Za-z+/_-]*[0-9][A-Za-z0-9+/=_-]{19,}"),
        Form(
            rf"\b(?:{literals(VENDORS)}|azdo|aws|gcp|azure)\b[^\n]{{0,20}}?(?:[=:>,\s]|\b)[\"'` ]{{0,3}}",
            r"(?:[a-z]+[0-9]+|[0-9]+[a-z]+)[a-z0-9_-]{16,}[=]*",
        ),
    ]
)
_STARTS = literals([*PLAIN_PREFIXES])
_DASHED = literals([*DASHED_PREFIXES])
_TAIL = r"(?:[._~/+=!-]+[A-Za-z0-9]+)*=*"
_TOKENS = rule(
    [
        # few ask for the beginning of a word: an escape may stand directly in front
        Form("", rf"(?:{_STARTS})(?:(?:live|test|prod|sandbox)[_-])?[A-Za-z0-9]{{12,}}{_TAIL}"),
        Form("", rf"(?:{_DASHED})[A-Za-z0-9_=+/.-]{{12,}}{_TAIL}"),
        Form("", r"eyJ[A-Za-z0-9_=-]{5,}\.[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_+/=-]*)*"),
        Form("", r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA|LTAI)[A-Za-z0-9]{16,}"),
        Form("", r"(?:ya29\.|GOCSPX-|FwoGZXIvYXdzE|IQoJb3JpZ2lu|whsec_|pypi-|xapp-)[A-Za-z0-9+/=_-]{10,}"),
        Form("", r"EAAA[A-Za-z0-9_-]{40,}"),
        Form("", r"(?:gh[pousr]_|npm_|k_(?:live|test|prod)_)[A-Za-z0-9]{8,}"),
        Form(
            "",
            r"(?:xox[a-z]|sq0[a-z]{3}|fm[12][ar]?_|fo1_|mws\.|CFPAT|sk-(?:proj|ant|svcacct|admin"
            r"|or))[A-Za-z0-9._+/-]{8,}=*",
        ),
        Form("", r"\$(?:apr1|[1256]|2[abxy]|y|7|argon2(?:id?|d)|scrypt|pbkdf2[a-z0-9-]*)\$[A-Za-z0-9./$=,+-]{8,}"),
        Form("", r"\{(?:S?SHA(?:256|512)?|S?MD5|CRYPT|PBKDF2[A-Z0-9-]*)\}[A-Za-z0-9+/=.$]{8,}"),
        Form("", r"(?:hcp\.|pat-[a-z]{2}[0-9]-)[A-Za-z0-9-]{24,}"),
        Form(_EDGE, r"sk-(?:[a-z]{2,8}-)?[A-Za-z0-9]{20,}[A-Za-z0-9_-]*"),
        Form(
            _EDGE,
            r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|(?:hf|r8)_[A-Za-z0-9]{20,}"
            r"|sc[a-z]*_[a-z0-9]+\.[a-z0-9]+\.acc[_-][\w.-]{20,}",
        ),
        Form(_EDGE, r"[hs]v[sbr]\.[A-Za-z0-9_-]{20,}"),
        Form(r"(?i-u:private(?:[ _-]?key)?\s*[:=]?\s*)0x", r"[0-9a-fA-F]{64}"),
    ],
    flags="(?-u)",
)
_PAIRS = rule(
    [
        Form(
            rf"""(?:name|key|k|variable|field|header|attribute"""
            rf"""|param){IS}\\*["']?[\w. -]*{NAME}\\*["']?\s*[,;}}]?\s*"""
            rf"""\\*["']?(?:value|v|val|content|default){IS}""",
            VALUE,
        ),
        Form(rf"<(?:key|name|string|k)>[\w. -]*{NAME}</\w+>\s*<(?:value|string|v)>", r"[^<]*"),
        Form(rf"<[\w:.-]*{NAME}(?: [^>]*)?>(?:<!\[CDATA\[)?", r"[^<\]]+", r"(?:\]\]>)?</"),
        Form(rf"<add\s+key=[\"'][^\"']*{NAME}[\"']\s+value=", VALUE),
        Form(rf"name=\\*[\"'][\w.-]*{NAME}\\*[\"'](?:\s|\\r|\\n)+", r"[^\s\\]+"),
        Form(rf"\[[\w.]*{NAME}\] as \[\w+\] - ", r"\[[^\]]*\]"),
        Form(rf"{NAME}\\*[\"']\s*,\s*", r"[bru]?\\*\"[^\"\\]*\\*\"|[bru]?'[^'\\]*'"),
        Form(rf"{NAME}\s*(?:\||\t|\\t)\s*", rf"[^\s|{HARMLESS}]{{4,}}"),
        Form(rf"{NAME}{IS}", GLUED, r"[;,&]\s?[A-Za-z][\w .-]*="),
    ]
)
_MNEMONIC = r"(?:[a-z]{3,8}[ ]+){11,23}[a-z]{3,8}"
_NAMED = rule(
    [
        Form(rf"(?:mnemonic|seed(?:[ _-]?phrase)?|recovery[ _-]?phrase){IS}{QUOTE}?", _MNEMONIC),
        Form(rf"pass[ _-]?phrase{IS}", r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)+"),
        Form(rf"{NAME}{IS}[|>][-+]?\s*(?:\n|\\n)\s*", r"[^\s\\]+"),
        Form(rf"(?:{NAME}){IS}(?:{_SCHEME})?", GLUED, r"[\s)}\]\"]|$"),
        Form(rf"(?:{NAME}){IS}(?:{_SCHEME})?", VALUE),
        Form(
            rf"(?:^|[^A-Za-z])(?:auth|sid|pat|jwt|hdr|sig|private-mac){IS}{QUOTE}?",
            r"[A-Za-z+/_-]*[0-9][A-Za-z0-9+/=_.%~-]{7,}",
        ),
        Form(rf"(?:^|[^A-Za-z])auth{IS}", r"""\([^()]*\)|"[A-Za-z0-9+/=]{12,}"|\\+"[A-Za-z0-9+/=]{12,}\\+\""""),
        Form(rf"\bkind{IS}{QUOTE}?secret\b[^{{}}]*\bdata{IS}\{{", r"[^{}]*", r"\}"),
    ]
)

RULES: tuple[Rule, ...] = (_HEADERS, _URLS, _COMMANDS, _TOKENS)
"""The rules for lines with a hint, in the order in which they apply."""
NAME_RULES: tuple[Rule, ...] = (
    _HARMLESS,
    _HEADERS,
    _URLS,
    _COMMANDS,
    _TOKENS,
    _PAIRS,
    _NAMED,
)
"""The rules for lines with a hint and a match of `NAMED_VALUE`."""

NAMED_VALUE = ascii_classes(
    rf"(?i)(?:{NAME}|auth|authorization|cookies?2?|sid|pat|jwt|hdr|sig|kind)"
    r"(?:\s{0,4}[^\sA-Za-z0-9_(]|\s+(?:is|was|are|were|has|being)\s)"
)
"""A text without a match of this has no name with a value, for `NAME_RULES`."""
