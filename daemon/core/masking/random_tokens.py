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
"""A text without a match of this, or of `LONG_FORM`, is taken for one without long random tokens: lower case, upper
case and a digit within five characters, and seven more. Of random tokens of 24 characters eight in ten match.
"""
_AFTER_PREFIX = "|".join(f"[A-Za-z]{{{at}}}[0-9][A-Za-z0-9]{{{19 - at}}}" for at in range(12))
_NOT_HEXADECIMAL = "|".join(
    f"[0-9A-Fa-f]{{{at}}}[g-zG-Z][A-Za-z]{{{more}}}[0-9][A-Za-z0-9]{{{18 - at - more}}}"
    for at in range(5)
    for more in range(8)
)
"""The first 20 characters of a word with a digit behind a letter that is not hexadecimal."""
LONG_FORM = rf"(?:[_-]|v[0-9]\.)(?:{_AFTER_PREFIX})|(?:^|[^A-Za-z0-9_-])(?:{_NOT_HEXADECIMAL})"
"""A word of 20 characters with a digit among the first, and with other letters than hexadecimal ones if no prefix
stands in front. Every repetition begins where a word does, so that few states are needed; in one expression with
`CANDIDATE` many would be.
"""

FORMS = (
    r"SK[0-9a-fA-F]{32}|API-[A-Z0-9]{20}|(?:key|fc)-[0-9a-f]{32}|\bs\.[A-Za-z0-9]{24}|\bt[0-9]\.[A-Za-z0-9_-]{30}"
    r"|[0-9]x[0-9][A-Z]{6}|\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{26}|:A[A-Za-z0-9_-]{32}|NRAL|\.atlasv[0-9]\.|-us[0-9]"
    r"|AQ\.|[0-9]Q~|b[0-9]Blbn|md[0-9][0-9a-f]{6}|[0-9]//[0-9]|S[A-Z0-9]{12}"
    r"|A[0-9]-[A-Z0-9]{6}-|(?:sdk|mob|api)-[0-9a-f]{8}-|\b(?:sk|live|test|auth|cs|ck|pk)_(?:pub_)?[0-9a-f]{8}|EAA[A-Z][A-Za-z0-9]{6}"
    r"|[0-9]/[0-9]{13}|![A-Za-z0-9._]{16}|==:[A-Za-z0-9]{4}|[0-9a-f]:[0-9a-f]{16}|\bpat\.[A-Za-z0-9]"
    r"|[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}\b"
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
        ("-", r"\b(?:sdk|mob|api)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
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
        ("-", r"(?<![\w-])(?=[A-Z0-9-]{0,28}[G-Z])(?=[A-Z-]{0,28}[0-9])[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}(?![\w-])"),
        ("pat.", r"\bpat\.[\w-]{22}\.[\w-]{24}\.[\w-]{20}\b"),
    )
)
"""Tokens, each with a literal that it contains."""
_PGPASS = re.compile(
    r"(?<![\w*])((?:[A-Za-z][\w-]{0,253}\.[\w.-]{1,253}|\*|localhost):(?:[0-9]{2,5}|\*):[\w*-]+:"
    r"(?:[A-Za-z][\w-]{2,}|\*):)[^\s]{4,}",
    re.ASCII,
)
_PART = re.compile(r"[+/]?(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)|[+/]")
_MAX_MEAN_PART = 3.0
"""The mean length of the parts that `_PART` finds: two characters in random base64, and seldom less than this in names.

No word of loghub's 16 samples and of the demo's recording would be hidden as a line of its own. Of random ends of 12 to
20 characters one in 40 stays, of longer ones one in 150.
"""
_LONG_LINE = 40
_LONG = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_LEAST_MIXED, _LEAST_PREFIXED, _LEAST_ONE_CASE = 24, 20, 24
"""How long a random token is at least: of letters in both cases, behind a prefix such as ``xyz_``, and of one case."""
_MAX_LONG_PART, _MAX_UNLIKELY_PART, _MAX_PART_OF_ONE_CASE = 2.6, 4.0, 3.0
"""The mean length of the parts of a long token, that of one whose pairs of letters are unlikely, and that of letters
and digits of one case."""
_LEAST_HEXADECIMAL = 32
_FAR = 48
_HEXADECIMAL = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_SORTABLE = re.compile(r"0[0-9A-HJKMNP-TV-Z]{25}|0[0-9a-hjkmnp-tv-z]{25}|c[a-z0-9]{24}")
"""Names that sort by time: ULID, TypeID, cuid."""
_SEPARATED = re.compile(r"[A-Za-z0-9]+")
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_IDENTITY = (
    "id|uid|uuid|sha[0-9]*|md5|digest|hash|commit|rev|trace|span|req|request|image|img|layer|blob|obj|object|container"
    "|containerd|docker|cri|crio|libpod|conmon|machine|k8s|etag|build|job|task|file|tmp|cache|chunk|block|blk|part"
    "|snap|vol|node|event|evt|msg|message|run|doc|item|rec|row|tx|txn|order|batch"
)
_PREFIX_WORD = re.compile(
    rf"(?<![A-Za-z0-9])(?!(?:{_IDENTITY})[_-]$)(?:[A-Za-z][A-Za-z0-9]{{1,15}}[_-]|v[0-9]\.)$", re.IGNORECASE
)
"""A word in front of a token that says what it is, and not only which one."""
_IDENTIFIES = re.compile(rf"(?:{_IDENTITY})[\"']?[=:/ ]\s?[\"']?$", re.IGNORECASE)
"""Text before a name of an object."""
_FOLLOWERS = (
    "bcdgilmnprstu aeilu acehiklortu adeiosu acdefglmnpqrstvx aefilo eir aeio abcdefglmnoprstvz - e adeilostuy aeiop "
    "acdefgiost cdglmnoprstuw aeiloprtu u acdeimorstuy acehiopstu acehiorstuy abelmnprst aei ai t p e"
)
_COMMON_PAIRS = frozenset(
    chr(ord("a") + at) + follower for at, followers in enumerate(_FOLLOWERS.split()) for follower in followers
)
"""The 182 of 676 pairs of letters that are more frequent than chance in the words and names of logs, documentation and
source code (85% of all pairs there, and 27% in random letters)."""
_MAX_COMMON = 0.54
"""Of the pairs of letters in a random token fewer are common, in a name more: the likelihood of both is equal here."""
_PUBLIC = re.compile(
    r"(?:SHA256:|(?:ssh-[a-z0-9]+|ecdsa-[a-z0-9-]+) |fingerprint[ :=]+"
    r"|(?i:\bh1|-id-2|version-?id|cf-id|e-?tag|host-?id|upload[ _-]?id|checksum|digest|integrity|content-md5"
    r"|(?:request|trace|job|task|message|event|span|build|correlation|transaction|activity)-?id)[\"']?[:= ]\s*[\"']?)$"
)
"""Text before public data: hashes of keys and files, public keys, names of requests and versions."""
_PUBLIC_DER = re.compile(
    r"^MII[A-Za-z0-9+/]{2,5}(?:ANBgkqhkiG9w0BAQEF|CC[A-Za-z0-9+/]{1,3}gAwIBAgI)|^MFkwEwYHKoZI|^MCowBQYDK2V"
)
"""A public key or a certificate in base64, by its first bytes."""


def is_public(token: str) -> bool:
    """Return whether base64 is a public key, a certificate, the hash of a file, a picture or SMTP's prompt."""
    return _PUBLIC_DER.match(token) is not None or token.startswith(
        (
            *("AAAAB3", "AAAAC3", "AAAAE2", "sha256-", "sha384-", "sha512-"),
            "iVBORw0KGgo",
            "R0lGOD",
            "/9j/4",
            "UGFzc3dvcmQ6",
        )
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
    if is_public(token):
        return token
    if not (len(body) >= _LEAST_MIXED and is_mixed(body)) and not _has_random_part(match.string, match.start(), body):
        return token
    return token if _PUBLIC.search(_before(match.string, match.start())) else SECRET


def _before(text: str, end: int) -> str:
    """Return the end of what stands before a place. All of it, for each token of a long line, would take long."""
    return text[max(0, end - _FAR) : end]


def _has_random_part(text: str, start: int, body: str) -> bool:
    """Return whether a part of a token, between dashes and the like, is random: one alone, or one behind a prefix."""
    for part in _SEPARATED.finditer(body):
        word = part[0]
        if len(word) < _LEAST_PREFIXED:
            continue
        before = _before(text, start + part.start())
        prefixed = _PREFIX_WORD.search(before) is not None
        if len(word) >= _LEAST_ONE_CASE or prefixed:
            named = _IDENTIFIES.search(before) is not None
            if is_mixed(word) or (not named and _is_random_of_one_case(word, prefixed=prefixed)):
                return True
    return False


def is_mixed(token: str) -> bool:
    """Return whether a token is random, of letters in both cases and digits."""
    letters = [char for char in token if char.isalpha()]
    if len(letters) == len(token) or len({char.islower() for char in letters}) < 2:
        return False
    mean = mean_part(token)
    return mean <= _MAX_LONG_PART or (mean <= _MAX_UNLIKELY_PART and "/" not in token and unlikely(token))


def _is_random_of_one_case(word: str, *, prefixed: bool) -> bool:
    if not any(char.isdigit() for char in word) or _SORTABLE.fullmatch(word):
        return False
    if _HEXADECIMAL.fullmatch(word):
        return prefixed and len(word) >= _LEAST_HEXADECIMAL
    mean = mean_part(word)
    return word in (word.lower(), word.upper()) and (
        mean <= _MAX_PART_OF_ONE_CASE or (mean <= _MAX_UNLIKELY_PART and unlikely(word))
    )


def unlikely(token: str) -> bool:
    """Return whether the pairs of letters in a token are as chance draws them, and not as in words."""
    runs = [run.lower() for run in _RUN.findall(token)]
    pairs = [run[at : at + 2] for run in runs for at in range(len(run) - 1)]
    return sum(pair in _COMMON_PAIRS for pair in pairs) < _MAX_COMMON * len(pairs)


def mean_part(token: str) -> float:
    """Return the mean length of a token's runs of one case, or of digits."""
    return len(token) / max(1, len(_PART.findall(token)))
