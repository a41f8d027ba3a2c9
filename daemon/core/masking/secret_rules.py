"""The forms of secrets: the rules of `redaction`, and the hints that pick the lines that go through them.

Rules are (Rust regular expression, replacement) pairs, applied in order. They read plain, quoted, JSON-escaped and
percent-encoded text and put `SECRET` in the place of the secret; the name in front of it stays. Every rule needs a
hint: lines without any hint do not reach the rules.
"""

from __future__ import annotations

SECRET = "<SECRET>"  # noqa: S105 - the placeholder, not a secret

_NAMES = (
    r"pass(?:word|wd|phrase|code)?|passwort|pwd|secret|token|credentials?|api[_.-]?key|csrf|xsrf|otp|pin_?code|cvv2?"
    r"|(?:access|secret|private|account|shared|encryption|signing|auth|sas|storage|license|master|session)[_.-]?key"
    r"|sharedaccess(?:key|signature)|x-(?:amz-(?:signature|credential)|goog-signature)"
    r"|jsessionid|phpsessid|connect\.sid|asp\.net_sessionid"
)
"""Ends of names whose value is a secret, in upper or lower case, with anything in front."""
_IS = r"""(?:\\*["'`]|%22|%27)?(?:\s|%20)*(?:=>|:=|[:=]|%3[AaDd]|\\u003[aAdD])(?:\s|%20)*"""
_SCHEME = r"(?:(?:bearer|basic|digest|token|apikey|negotiate|ntlm|aws4-hmac-sha256|splunk)(?:\s|%20|\+)+)"
_WORD = r"""[^\s"'`,;&|\\)}\]]+"""
_VALUE = (
    r"""(?:\\+"(?:[^"\\]|\\+[^"\\])*\\+"|"(?:[^"\\]|\\.)*"|\\*'(?:[^'\\]|\\.)*'|%22.*?%22|"""
    rf"""(?:\\*["'`]|%2[27])?{_WORD})"""
)
_EDGE = r"(\b|%[0-9A-Fa-f]{2}|\\[nrtbf])"
"""The beginning of a word, also behind a percent escape or a JSON escape."""

_LEVEL = (
    r"(?:(?i:trace|debug|info(?:rmation(?:al)?)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|emerg(?:ency)?"
    r"|fatal|severe|panic|[tdiwef])|\d{1,2})\s+"
)
"""A level that a format put in front of the line."""

_KEY_BLOCKS = (
    (r"(?s)-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END[A-Z0-9 ]*-----|\z)", SECRET),
    # a line of nothing but base64 may be a line of a key
    (rf"^\s*((?:{_LEVEL})?)(?:[A-Za-z0-9+/]{{40,}}={{0,2}}|[A-Za-z0-9+/]{{6,}}={{1,2}})\s*$", "${1}" + SECRET),
)
_HEADERS = (
    (rf"(?i)\b((?:proxy-)?authorization{_IS}\\*[\"']?{_SCHEME}?){_WORD}", "${1}" + SECRET),
    (rf"(?i)\b((?:set-)?cookie2?{_IS}\\*[\"']?)[^\r\n\"'\\]+", "${1}" + SECRET),
    (r"(?i)\b(bearer(?:\s|%20|\+)+)[A-Za-z._~+/-]*[0-9][A-Za-z0-9._~+/%=-]{5,}", "${1}" + SECRET),
    (r"(?i)\b(basic(?:\s|%20|\+)+)[A-Za-z+/]*[0-9=][A-Za-z0-9+/%=]{5,}", "${1}" + SECRET),
)
_URLS_AND_COMMANDS = (
    (r"""(?i)(://|%3A%2F%2F)([^\s/:@"'<>%]*)(:|%3A)[^\s@"'<>]+?(@|%40)""", "${1}${2}${3}" + SECRET + "${4}"),
    (r"""(://)[^\s/:@"'<>]{16,}@""", "${1}" + SECRET + "@"),
    (rf"""(?i)((?:^|[\s"'])--?[a-z_-]*(?:{_NAMES})(?:\s+|=)){_VALUE}""", "${1}" + SECRET),
    (
        r"(?i)(\b(?:mysql\w*|mariadb\w*|sshpass|mongo\w*|redis-cli|docker\s+login)\b[^|;]*?\s-[pa]\s?)[^\s-]\S*",
        "${1}" + SECRET,
    ),
    (r"(?i)(\bcurl\b[^|;]*?\s(?:-u|--user)[\s=]?[^\s:]+:)\S+", "${1}" + SECRET),
)
_LOOKS = (
    # few ask for the beginning of a word: an escape may stand directly in front
    (r"eyJ[A-Za-z0-9_=-]{5,}\.[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_+/=-]*)*", SECRET),
    (r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA)[A-Z0-9]{16}", SECRET),
    (r"AIza[0-9A-Za-z_-]{30,}|ya29\.[0-9A-Za-z_-]{10,}|GOCSPX-[0-9A-Za-z_-]{20,}", SECRET),
    (r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}", SECRET),
    (r"gl(?:pat|dt|rt|soat|ptt|cbt|ft|agent)-[A-Za-z0-9_-]{16,}", SECRET),
    (r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{10,}", SECRET),
    (r"(hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]+", "${1}" + SECRET),
    (r"[srp]k_(?:live|test)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9+/=]{16,}", SECRET),
    (r"npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|dckr_pat_[A-Za-z0-9_-]{20,}|ATATT3[A-Za-z0-9_=-]{20,}", SECRET),
    (r"dop_v1_[a-f0-9]{32,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|AGE-SECRET-KEY-1[A-Z0-9]{20,}", SECRET),
    (
        rf"{_EDGE}(?:sk-[A-Za-z0-9_-]{{20,}}|SG\.[A-Za-z0-9_-]{{16,}}\.[A-Za-z0-9_-]{{16,}}|hf_[A-Za-z0-9]{{20,}})",
        "${1}" + SECRET,
    ),
    (rf"{_EDGE}(?:SK[0-9a-f]{{32}}\b|key-[0-9a-f]{{32}}\b|[hs]vs\.[A-Za-z0-9_-]{{20,}})", "${1}" + SECRET),
    (rf"{_EDGE}(?:[A-Za-z0-9_~.-]{{3}}8Q~[A-Za-z0-9_~.-]{{31,34}}|\d{{8,10}}:AA[A-Za-z0-9_-]{{32,}})", "${1}" + SECRET),
    (r"(?i)([?&;]sig=)[A-Za-z0-9%+/=_-]{16,}", "${1}" + SECRET),
)
_NAMED = (
    (rf"(?i)((?:{_NAMES}){_IS}{_SCHEME}?){_VALUE}", "${1}" + SECRET),
    (rf"(?i)(<[\w:.-]*(?:{_NAMES})(?: [^>]*)?>)[^<]+(</)", "${1}" + SECRET + "${2}"),
    (
        r"(?i)\b((?:password|passphrase|passwd|secret|token|api[ _-]?key)\s+(?:is|was|set to|changed to)\s+)\S+",
        "${1}" + SECRET,
    ),
    (r"(?i)\b((?:password|secret|token|key)\s+)[A-Za-z+/_-]*[0-9][A-Za-z0-9+/=_-]{19,}", "${1}" + SECRET),
)

RULES: tuple[tuple[str, str], ...] = (*_KEY_BLOCKS, *_HEADERS, *_URLS_AND_COMMANDS, *_LOOKS, *_NAMED)

HINTS: tuple[str, ...] = (
    "pass", "pwd", "secret", "token", "credential", "sessid", "sessionid", "connect.sid", "x-amz-", "x-goog-",
    "otp", "csrf", "xsrf", "pincode", "pin_code", "cvv", "key", "sharedaccess", "authorization", "cookie", "bearer",
    "basic", "://", "%3a%2f%2f", "curl", "redis-cli", "mongo", "mysql", "mariadb", "docker", "eyj", "akia", "asia",
    "agpa", "aida", "aroa", "anpa", "abia", "acca", "aiza", "ya29.", "gocspx-", "ghp_", "gho_", "ghu_", "ghs_",
    "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glsoat-", "glptt-", "glcbt-", "glft-", "glagent-", "xox",
    "xapp-", "hooks.slack", "k_live_", "k_test_", "whsec_", "npm_", "pypi-", "dckr_pat_", "atatt3", "dop_v1_",
    "shpat_", "shpca_", "shppa_", "shpss_", "sk-", "sg.", "hf_", "hvs.", "svs.", "8q~", ":aa", "sig=",
)  # fmt: skip
"""Every line that a rule matches holds one of these, in upper or lower case,"""

HINT_START = r"SK[0-9a-f]{32}"
HINT_LINE = rf"^\s*(?:{_LEVEL})?[A-Za-z0-9+/]{{6,}}={{0,2}}\s*$"
"""or a match of one of these."""

LONE = rf"^(\s*(?:{_LEVEL})?)([A-Za-z0-9+/]{{12,39}})\s*$"
"""A line of one token: the end of a private key whose lines are records of their own, or else a word or a path.

The difference is the length of the parts that `WORD` finds, which end where letters change case or digits begin: two
characters on average in base64 of random bytes, and seldom less than `MOST_IN_A_WORD` in names. No word of loghub's 16
samples and of the demo's recording would be hidden as a line of its own. Of random ends of 12 to 20 characters one in
40 stays, of longer ones one in 150.
"""
WORD = r"[+/]?(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)|[+/]"
MOST_IN_A_WORD = 3.0
