"""The rules of `redaction` for secrets that a name, a context or a prefix marks.

Rules run in the order of `RARE_RULES` and `RULES`; `rule_forms` says what a rule is.

Rules of `harmless` find what only looks like a secret (``password: incorrect``) and put `HARMLESS` in front; the last
step removes these marks.

Every rule needs a hint (`hints`): a line without any hint does not reach the rules.
"""

from __future__ import annotations

from daemon.core.masking.apart_forms import APART_FORMS, APART_HINTS
from daemon.core.masking.command_forms import COMMANDS, RARE_COMMANDS
from daemon.core.masking.hints import RARE_HINTS
from daemon.core.masking.key_names import KEY_RULES
from daemon.core.masking.name_rules import SCHEME, harmless, markup, named
from daemon.core.masking.rare_names import RARE_NAME, RARE_NAME_HINTS
from daemon.core.masking.rule_forms import Form, Rule, literals, rule
from daemon.core.masking.secret_names import HARMLESS, IS, MIXED, NAME, QUOTE, UUID_FORM, WHOLE_NAME
from daemon.core.masking.sentence_forms import EIGHT, RARE_SENTENCES, SENTENCES
from daemon.core.masking.token_forms import MORE_PREFIXES, TOKEN_FORMS, WORD_PREFIXES
from daemon.core.masking.vendor_rules import DASHED_PREFIXES, PLAIN_PREFIXES

_EDGE = r"(?:\b|%[0-9A-Fa-f]{2}|\\[nrtbf])"
"""The beginning of a word, also after a percent escape or a JSON escape."""
LEVEL = (
    r"(?:(?i:trace|debug|info(?:rmation(?:al)?)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|alert|emerg(?:ency)?"
    r"|fatal|severe|panic|[tdiwef])|\d{1,2})\s+"
)
"""A level that a format put in front of the line."""
_PARAMETER = r"""[A-Za-z][\w-]*=(?:\\*"[^"\\]*\\*"|'[^']*'|[^\s,"'\\;]+)"""
_AUTHORIZATION = rf"""(?:proxy-|x-)?authorization(?:{IS}|{QUOTE}\s*,\s*)[\[({{"'\\ ]*"""
_COOKIE = rf"""(?:\b|_)(?:set-)?cookies?2?{IS}\\*"""

_HEADER_FORMS = (
    Form(
        "",
        r"(?s:-----BEGIN[A-Z0-9 ]*(?:PRIVATE KEY(?: BLOCK)?"
        r"|PGP MESSAGE|STATIC KEY V[0-9])-----.*?(?:-----END[A-Z0-9 ]*-----|\z))",
    ),
    Form(r"Private-Lines:\s*\d+\s+", r"(?s:.*)"),
    Form(rf"{_AUTHORIZATION}(?:[A-Za-z][\w-]*(?:\s|%20)+)?", rf"{_PARAMETER}(?:[,;]\s*{_PARAMETER})*"),
    Form(rf"{_AUTHORIZATION}{SCHEME}", rf"[^\s\"'\\,;)}}\]{HARMLESS}]+"),
    Form(rf"{_AUTHORIZATION}[A-Za-z][\w-]*\s+", rf"[A-Za-z._~+/-]*[0-9][^\s\"'\\,;)}}\]{HARMLESS}]{{7,}}"),
    Form(_AUTHORIZATION, rf"[^\s\"'\\,;)}}\]{HARMLESS}]{{6,}}"),
    Form(rf"{_COOKIE}", r"\[[^\]]*\]|\{[^}]*\}"),
    Form(rf"{_COOKIE}[\"']?", rf"[^\s\"'\\={HARMLESS}]+=[^\r\n\"'\\]*|[A-Za-z0-9%+/._-]{{16,}}"),
    Form(r"\bbearer(?:\s|%20|\+)+", r"[A-Za-z._~+/%-]*[0-9][A-Za-z0-9._~+/%=-]{5,}"),
    Form(r"\bbasic(?:\s|%20|\+)+", r"[A-Za-z+/]*[0-9][A-Za-z0-9+/%=]{5,}|[A-Za-z+/]{7,}==?"),
)
_BEFORE_AT = r"""(?:[^\s"'<>@0-9/][^\s"'<>]*|[0-9]+(?:[^\s"'<>@0-9/?#][^\s"'<>]*)?)"""
_URL_FORMS = (
    Form(r"://", rf"(?:[^\s/:@?#\"'<>%\[]{{16,}}|[0-9]{{8,}}):{_BEFORE_AT}", "@"),
    Form(r"://[^\s/:@?#\"'<>%\[]*:", _BEFORE_AT, "@"),
    Form(r"(?:%3A|:)(?:%2F|/){2}[^\s/:@\"'<>%]*(?:%3A|:)", r"[^\s@\"'<>/&]+?", "%40"),
    Form(r"://", r"[^\s/:@\"'<>]{16,}", "@"),
    Form(r"://hooks?\.[\w.-]+/", r"[^\s\"'<>]{8,}"),
    Form(r"/hooks?/", r"[A-Za-z]{0,8}[0-9][A-Za-z0-9_-]{14,}"),
    Form(
        r"/(?:(?:key|token|secret|api_?key)/|private-)",
        r"[A-Za-z]{0,8}[0-9][A-Za-z0-9_-]{10,}|[A-Za-z]+[0-9][A-Za-z0-9_-]{12,}",
    ),
    Form(r"/(?:password|passwd|passphrase|pwd)/", EIGHT),
    Form(r"rtmps?://[^\s/]+/(?:[^\s/]+/)*", MIXED),
    Form(r"hooks\.slack\.com/(?:services|workflows|triggers)/", r"[A-Za-z0-9/_-]+"),
    Form(r"/api/(?:v\d+/)?webhooks/", r"\d{5,}/[\w-]{16,}"),
    Form(
        r"\.webhook\.office\.com/webhookb2/|outlook\.office(?:365)?\.com/webhook/|\.logic\.azure\.com[^\s?]*\?|chat\.googleapis\.com/v1/spaces/",
        r"[^\s\"'<>]+",
    ),
    Form(
        r"datadoghq\.\w+/[^\s?]*?/input/|loggly\.com/(?:inputs|bulk)/|sumologic\.\w+/receiver/v\d/http/"
        r"|hc-ping\.com/|victorops\.com/\S*?/alert/",
        r"[A-Za-z0-9+/=_-]{16,}",
    ),
    Form(r"/bot", r"\d{6,12}(?::|%3A)[\w-]{30,}"),
    Form(
        r"[?&;#](?:sig|sign|signature|policy|hmac|code|assertion|ticket|key|auth|hash|state"
        r"|sid)=",
        r"[A-Za-z0-9%+/=_.~-]{16,}",
    ),
    Form(r"/reset/", r"[A-Za-z0-9_-]{1,12}/[A-Za-z0-9]{4,8}-[A-Za-z0-9-]{16,}"),
    Form(r"(?:^|[?&\s])appid=", r"[0-9a-f]{32}"),
    Form(r"\b_[a-z0-9]+_session=", r"[A-Za-z0-9%+/=_-]{20,}"),
    Form(r"(?:^|[\s\"'])key=", r"[0-9a-f]{32,}", "&"),
    Form(r"\.(?:infura\.io|alchemy\.com|alchemyapi\.io|quiknode\.pro)/(?:v\d/)?", r"[A-Za-z0-9_-]{20,}"),
    Form(
        r"/(?:(?:reset|verify|confirm|activate|invite|magic)(?:[_-](?:email|mail|link|password|account|token|user))?"
        r"|unsubscribe|password[_-]?reset|token|login|auth)/",
        r"[A-Za-z]{0,5}[0-9][A-Za-z0-9_.~-]{12,}|[A-Za-z]{6,}[0-9][A-Za-z0-9_.~-]{8,}",
    ),
)
_HEADERS_AND_URLS = rule([*_HEADER_FORMS, *_URL_FORMS])
_COMMANDS = rule([*COMMANDS, *SENTENCES])
_STARTS = literals([*PLAIN_PREFIXES])
_DASHED = literals([*DASHED_PREFIXES, *MORE_PREFIXES])
_WORDS = literals([*WORD_PREFIXES])
_TAIL = r"(?:[._~/+=!-]+[A-Za-z0-9]+)*=*"
_TOKENS = rule(
    [
        # few require the beginning of a word: an escape may stand directly in front
        Form("", rf"(?:{_STARTS})(?:(?:live|test|prod|sandbox)[_-])?[A-Za-z0-9]{{12,}}{_TAIL}"),
        Form("", rf"(?:{_DASHED})[A-Za-z0-9_=+/.-]{{12,}}{_TAIL}"),
        Form(_EDGE, rf"(?:{_WORDS})[A-Za-z_-]*[0-9][A-Za-z0-9_=+/.-]{{11,}}"),
        *TOKEN_FORMS,
        Form("", r"eyJ[A-Za-z0-9_=-]{5,}\.\.?[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_+/=-]*)*"),
        Form("", r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ABIA|ACCA|LTAI|GOOG1)[A-Za-z0-9]{16,}"),
        Form("", r"(?:ya29\.|GOCSPX-|FwoGZXIvYXdzE|IQoJb3JpZ2lu|whsec_|pypi-|xapp-)[A-Za-z0-9+/=_-]{10,}"),
        Form(_EDGE, r"EAAA[A-Za-z0-9_-]{40,}"),
        Form("", r"access_token\$[a-z]+\$[a-z0-9]+\$[0-9a-f]{32}"),
        Form("", r"sq[pua]_[0-9a-f]{40}|v1\.0-[0-9a-f]{24,64}-[0-9a-f]{100,}(?:-[0-9a-f]+)*|oy2[a-z0-9]{43}"),
        Form("", r"(?:eyJ[A-Za-z0-9_=-]{5,}|\.eJ[A-Za-z0-9_-]{10,})[:.][A-Za-z0-9_-]{6}[:.][A-Za-z0-9_-]{20,}"),
        Form("", r"(?:scrypt|pbkdf2)(?::[a-z0-9]+)+\$[A-Za-z0-9./$=,+-]{8,}"),
        Form("", r"(?:pbkdf2_sha[0-9]{1,3}|bcrypt_sha256)\$[A-Za-z0-9./$=,+-]{8,}"),
        Form(
            "",
            r"(?:gh[pousr]_|npm_|k_(?:live|test|prod)_)(?:[A-Za-z]{0,7}[0-9][A-Za-z0-9]{7,}|[A-Za-z]{8,}[0-9][A-Za-z0-9]*|[A-Za-z]{30,})",
        ),
        Form(
            "",
            r"(?:xox[a-z]|sq0[a-z]{3}|fm[12][ar]?_|fo1_|mws\.|CFPAT|sk-(?:proj|ant|svcacct|admin"
            r"|or))[A-Za-z0-9._+/-]{8,}=*",
        ),
        Form("", r"\$(?:apr1|[1256]|2[abxy]|y|7|argon2(?:id?|d)|scrypt|pbkdf2[a-z0-9-]*)\$[A-Za-z0-9./$=,+-]{8,}"),
        Form("", r"\{(?:S?SHA(?:256|512)?|S?MD5|CRYPT|PBKDF2[A-Z0-9-]*)\}[A-Za-z0-9+/=.$]{8,}"),
        Form("", r"(?:hcp\.|pat-[a-z]{2}[0-9]-)[A-Za-z0-9-]{24,}"),
        Form(_EDGE, r"sk-(?:[A-Za-z]{2,8}-)?[A-Za-z0-9]{20,}[A-Za-z0-9_-]*"),
        Form(
            _EDGE,
            r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|(?:hf|r8)_[A-Za-z0-9]{20,}"
            r"|(?:sc[a-z]*|ext|authress)_[A-Za-z0-9]+\.[a-z0-9]+\.acc[_-][\w.-]{20,}",
        ),
        Form(_EDGE, r"[hs]v[sbr]\.[A-Za-z0-9_-]{20,}"),
        Form("", r"[0-9a-f]{32}:[0-9a-f]{32}:::"),
        Form("", r"(?i:SCRAM-SHA)-(?:1|256|512)\$[0-9]+:[A-Za-z0-9+/=$:]{20,}"),
        Form("", r"(?:aes(?:128|256)-cts[a-z0-9-]*|arcfour-hmac|rc4-hmac):[0-9a-f]{32,}"),
        Form(r"\{noop\}", r"[!#-&(-+.-:<-~-]+"),
        Form("", r"v[1-4]\.(?:local|public)\.[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]+)?"),
        Form(
            r"(?i:(?:private(?:[ _-]?key)?"
            r"|(?:sign(?:er|ing)|wallet|account|deployer|owner|spend|view|master|validator)[ _-]?key)\s*[:=]?\s*)"
            r"(?:0x)?",
            r"[0-9a-fA-F]{64}",
        ),
    ],
    flags="",
)
_RANDOM = r"(?:[a-z]+[0-9]+[A-Z]|[A-Z]+[0-9]*[a-z]+[0-9]+|[0-9]+[a-z]+[A-Z]|[0-9]+[A-Z]+[a-z])[A-Za-z0-9+/=_-]{20,}"
"""A word of letters in both cases and digits, too long for a name."""
_NAMED = named(
    WHOLE_NAME,
    before=[
        Form(
            rf"[a-z_]?(?:mnemonic|seed(?:[ _-]?(?:phrase|words))?|recovery[ _-]?(?:phrase|words)){IS}{QUOTE}?",
            r"(?:[a-z]{3,8}[ ]+){11,23}[a-z]{3,8}",
        ),
        Form(rf"[a-z_]?password{IS}", r"(?:[A-Za-z0-9]{4} ){5}[A-Za-z0-9]{4}"),
        Form(rf"[a-z_]?secret[_-]?id{IS}{QUOTE}?{HARMLESS}?", UUID_FORM),
        Form(rf"[a-z_]?pass[ _-]?phrase{IS}", r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)+"),
        Form(rf"\bssn{IS}", r"\d{3} \d{2} \d{4}"),
    ],
    behind=[
        Form(
            rf"(?:^|[^A-Za-z])(?:auth|sid|pat|jwt|hdr|sig){IS}{QUOTE}?",
            r"[A-Za-z+/_-]*[0-9][A-Za-z0-9+/=_.%~-]{7,}",
        ),
        Form(r"(?-i:[A-Z]_AUTH)=", r"[^\s\"']{6,}"),
        Form(rf"(?:^|[^A-Za-z])auth{IS}", r"""\([^()]*\)|"[A-Za-z0-9+/=]{12,}"|\\+"[A-Za-z0-9+/=]{12,}\\+\""""),
        Form(r"(?:^|[\s{,(])\\*[\"']?key\\*[\"']?\s*[:=]\s*\\*[\"']", rf"(?-i:{_RANDOM})"),
        Form(rf"\bkind{IS}{QUOTE}?secret\b[^{{}}]*\bdata{IS}\{{", r"[^{}]*", r"\}"),
    ],
)

_HARMLESS_VALUE = harmless(rf"{NAME}|auth|authorization|cookies?")

RARE_RULES: tuple[tuple[tuple[str, ...], tuple[Rule, ...]], ...] = (
    (RARE_HINTS, (rule([*RARE_COMMANDS, *RARE_SENTENCES]),)),
    (APART_HINTS, (rule(APART_FORMS),)),
    (RARE_NAME_HINTS, (harmless(RARE_NAME), named(RARE_NAME, before=markup(RARE_NAME)))),
)
"""The first rules in the order in which they apply, each for lines that hold one of some literals."""
RULES: tuple[Rule, ...] = (*KEY_RULES, _HARMLESS_VALUE, _HEADERS_AND_URLS, _COMMANDS, _TOKENS, _NAMED)
"""The rules for all lines with a hint, in the order in which they apply."""
