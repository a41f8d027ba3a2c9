"""The grammar of named values: names for secrets, what stands between a name and its value, and the value.

Everything here is a piece of an expression, for use in `secret_rules` where upper and lower case are alike.
It reads plain text, quotes, JSON in JSON (escaped once or more), percent escapes and HTML escapes.
"""

from __future__ import annotations

HARMLESS = "\ufdd0"
"""A noncharacter in front of values that are not secret. `secret_rules` puts it there; no value begins with it."""

_KEYS = (
    r"(?:access|secret|private|account|shared|encryption|signing|signature|auth|sas|storage|license|master|session"
    r"|service|deploy|webhook|hmac|consumer|function|subscription|api|app|application|bot|instrumentation|client|sentry|event|stream)"
    r"[ _.-]?keys?(?:[_-]?(?:data|id|base))?"
)
LONG_NAMES = (
    r"pass(?:word|wd|[_-]?phrase|code|wort)e?s?|passwor[td]|secret(?:s|[_-]?(?:b64|base64|hash|string|text|value))?"
    r"|token(?:s|[_-]?(?:secret|value|b64))?|credentials?|csrf|xsrf|otp(?:[_-]?code)?|pin[_-]?code|mnemonic"
    r"|(?:seed|recovery)[ _-]?(?:phrase|words)|security[ _-]?answer|authentication[_-]?string|honeycomb-team"
    r"|sonar[._]?login|pepper|sharedaccess(?:key|signature)|x-(?:amz|goog)-(?:signature|credential|security-token)"
    r"|jsessionid|phpsessid|aspxauth|wordpress_(?:logged_in|sec)_[0-9a-f]+|connect\.sid|asp\.net_sessionid|session[_.-]?id|sessid|sess[_-]?key|samlresponse"
    r"|client[_-]?assertion|(?:2fa|mfa|sms|totp|token|verification|confirmation|recovery|backup"
    r"|one[ -]?time|security)[ _-]?codes?"
    r"|crumb|ksecvaluedata|psk|pwd|psw|creds?|passin|passout|bindpw|rootpw|authtok|psk[_-]?value|" + _KEYS
)
"""Ends of names whose value is a secret, whatever stands in front (``db_password``)."""
SHORT_NAMES = r"pass|mdp|passw|pw|pin|puk|cvv2?|cvc2?|clave|senha|heslo|salt|ssn"
"""Names with which other words end (``bypass``): a separator or a change of case must stand in front."""
_SHORT = rf"(?:\b|_)(?:{SHORT_NAMES})|(?-i:[a-z](?:Pass|Pw|Pin|Salt))"
NAME = rf"(?:(?:{LONG_NAMES})|{_SHORT})"
"""The usual names. Names that few lines hold are in `rare_names`."""
WHOLE_NAME = rf"(?:[a-z_]?(?:{LONG_NAMES})|{_SHORT})"
"""The same with the character in front: so a long name (`_password`) is found before a short one in it (`_pass`)."""

ENDING = (
    r"(?:[_.-](?:private|prod(?:uction)?|prd|live|staging|stage|stg|dev|sandbox|master|admin|root|primary|secondary"
    r"|backup|old|new|current|previous|plain(?:text)?|raw|encoded|ro|rw|v?[0-9]{1,2})|[_-]?(?:value|text|string|data))?"
)
"""What may follow a name: which of several secrets it is (``API_KEY_PROD``)."""
QUOTE = r"""(?:\\*["'`]|\\+x2[27]|%22|%27|%2522|&quot;|&#3[49];)"""
SPACE = r"(?:[ \t\r\n\x{a0}]|%20|\+|\\[nrt])"
_EQUALS = (
    r"(?:\.{4,}[ ]?:?|-{4,}|={1,3}>|:=|:: |->|<-|→|!?={1,3}|:[ ]?&?str(?:ing)?[ ]?=|[:\x{FF1A}\x{FF1D}]"
    r"|%3[AaDd]|%253[AaDd]|\\u003[aAdD]|&#61;|&colon;)"
)
_CLOSED = r"(?:\]|%5[Dd]|\*\*|%|\[\d*\])"
IS = (
    rf"{QUOTE}?{_CLOSED}?(?:[ \t]|%20)*{_EQUALS}(?:\*\*[ \t])?{SPACE}*"
    r"(?:(?:&[\w-]+|!![a-z]+|just|got)\s+)?"
)
"""What stands between a name and its value, up to the quotes of the value."""

_QUOTED = (
    r"""\\+"(?:[^"\\]|\\+[^"\\])*\\+"|\\+'(?:[^'\\]|\\+[^'\\])*\\+'|"{3}(?s:.*?)"{3}|'{3}(?s:.*?)'{3}"""
    r"""|[$@&bBuUrRfFN]{0,2}"(?:[^"\\]|\\(?s:.))*"|[$@bBuUrRfFN]{0,2}'(?:[^'\\]|\\(?s:.))*'"""
    r"""|%22.*?%22|%2522.*?%2522|&quot;.*?&quot;|\\+x22.*?\\+x22|“[^”]*”"""
)
_INNER = rf"""[^\s"'`,;&|)}}\]{HARMLESS}]"""
_FIRST = rf"""(?:[^\s"'`,;&|)}}\]=>{HARMLESS}]|[=>]{_INNER})"""
_NEXT = r"""[^\s"'`,;&|)}\]]*"""
WORD = rf"""{QUOTE}?{_FIRST}{_NEXT}"""
"""A value without quotes, or one whose closing quote is missing."""
VALUE = (
    rf"""(?:{_QUOTED}|\[\s*{QUOTE}[^\]]*\]|\(\s*{QUOTE}[^)]*\)|\{{[^{{}}]*\}}"""
    rf"""|<Buffer [0-9a-f .]+>|[A-Za-z_.]{{3,40}}\((?:\d+\)\s*)?(?:{_QUOTED})\)?|\[[^\[\]{HARMLESS}]*\]|{WORD})"""
)
"""A value in any form: in quotes, in the list, tuple, object or call that holds it, or a word."""
GLUED = rf"""{_FIRST}{_NEXT}(?:(?:[,;&|'`]+|[)}}\]])[^\s=:,;&|"'`(){{}}\[\]{HARMLESS}]+)+"""
"""A word that goes on after a character that ends most values (``tig,er``), if a blank ends it and no name follows."""

STATES = (
    r"(?:none|null|nil|undefined|unset|empty|blank|missing|required|optional|invalid|incorrect|wrong|expired"
    r"|stale|true"
    r"|false|yes|no|on|off|ok|okay|set|not|n/?a|unknown|default|disabled|enabled|changed|reset|updated|rotated"
    r"|generated"
    r"|created|deleted|found|granted|denied|failed|failure|fail|failing|success|successful|succeeded|accepted"
    r"|rejected"
    r"|valid|verified|validated|matches|matched|mismatch|mismatched|match|revoked|refreshed|auto|hidden|redacted"
    r"|masked"
    r"|removed|renewed|received|requested|sent|provided|supplied|given|present|absent|unavailable|available"
    r"|unauthorized"
    r"|forbidden|consent|check|checking|checked|loading|loaded|error|timeout|pending|running|active|inactive"
    r"|unchanged"
    r"|too|is|was|has|must|cannot|can't|could|should|will|for|from|in|at|of|to|by|with|and|or|the|this|please|being"
    r"|already|malformed|unsupported|rejecting|using|read|written|stored|saved|skipped|ignored|exceeded|limited"
    r"|policy|strength|weak|short|long|confirmed|issued|still|now|only|never|always|about|your|its|if|when"
    r"|same-origin|include|omit|invalid_(?:grant|token|request|client|scope)|creation"
    r"|file|env|environment|instance|metadata|keychain|vault|profile|local|because|expected|a|an|string|str|varchar|boolean|bool)"
)
"""Words for the state of a secret (``password: incorrect``)."""
PLACEHOLDERS = (
    r"(?:\?|\{[a-z_]*\}|\(\w+\)|<[A-Za-z_ -]+>|\*{3,}|\*|\.{3}|…"
    r"|\$\{[^}]*\}|\{\{[^}]*\}\}|%[sdv]|\[(?:REDACTED|FILTERED|HIDDEN|\w*MASKED)\]|\((?:sensitive|hidden) value\)"
    r"|(?-i:\$(?:PASSWORD|[A-Z]+_[A-Z0-9_]+)|%[A-Z_]{4,}%)|!(?:vault|env|secret|ref|sub)\b)"
)
"""Values that are hidden already, or that a template will fill in."""
ADJECTIVES = r"[a-z]+(?:ed|ing|able|ible|less|ful|ous|ive|ent|ant|ory|ary|al)"
"""Words for the state of a secret, by their endings."""
END = r"""(?:[\s,;)\]}"'&|\\]|[.!?](?:[\s"')\]}\\]|$)|$)"""
"""What stands behind a word that ends. A dot before a letter is none: so does the name of a file go on, and a token."""
_ANY = r"""[^\s"'`,;)}\]]"""
_SIGN = r"[A-Za-z!@#$%^&*._+/-]"
MIXED = rf"(?:{_SIGN}{{4,}}[0-9]{_ANY}*|{_SIGN}{{1,3}}[0-9]{_ANY}{{3,}}|[0-9]+{_SIGN}*[A-Za-z]{_ANY}{{4,}})"
"""A word of letters and digits, as no language has: five characters or more, six if a digit is first."""
LONG_WORD = (
    r"(?:[A-Za-z+]{0,5}[0-9][A-Za-z0-9+]{17,}|[A-Za-z+]{6,11}[0-9][A-Za-z0-9+]{11,}"
    r"|[A-Za-z+]{12,16}[0-9][A-Za-z0-9+]{6,}|[A-Za-z+]{17,}[0-9][A-Za-z0-9+]*)=*"
)
"""A word with a digit, of 18 characters or more. Names of objects have dashes."""
UUID_FORM = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
STRONG = rf"(?:{_SIGN}{{3,}}[0-9]{_ANY}{{4,}}|[0-9]+{_SIGN}*[A-Za-z]{_ANY}{{6,}})"
"""A word as `MIXED` of eight characters and more."""
