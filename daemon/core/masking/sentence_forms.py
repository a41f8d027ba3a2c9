"""Secrets in sentences (``your code is 739204``): the forms, for `secret_rules`."""

from __future__ import annotations

from daemon.core.masking.rare_names import FOREIGN
from daemon.core.masking.rule_forms import Form, literals
from daemon.core.masking.secret_names import END, HARMLESS, LONG_WORD, MIXED, STRONG
from daemon.core.masking.token_forms import MORE_VENDORS
from daemon.core.masking.vendor_rules import VENDORS

_CODE = (
    r"(?:one[- ]?time|verification|confirmation|security|login|sign[- ]?in|2fa|mfa|otp|sms|pin"
    r"|recovery|backup|activation|pairing|setup|unlock|door|alarm)[ _-]?(?:pass)?codes?|otp|2fa|pin|puk|passkey"
    r"|passcode"
)
_ACCESS_CODE = r"(?:access|auth(?:entication)?)[ _-]?(?:pass)?codes?"
"""Followed by three digits it is a status."""
_WORDS = r"(?:password|pass[ _-]?phrase|passcode|passwd|passwort|kennwort)"
_BETWEEN = (
    r"(?:\s+(?:is|was|generated|created|for|the|to|proceed|installation|login|log|in|user|with|of|di|de|da|accesso"
    r"|acceso|acesso|connexion|d'accès|new|temporary|initial|set|as|admin|root|elastic|has|have|been|reset|changed"
    r"|assigned|automatically|randomly|successfully|entered|typed|tried|attempted|supplied|provided|used|given"
    r"|submitted|received|impostata|definida|gesetzt|temporanea|temporal|temporária|provisoire|provisional|nuova|nueva|nova|neues?|iniziale|inicial|initiale|\S+@\S+))+"
)
_IS = (
    r"\s?(?:lautet|is|was|adalah|là|to|ist|est|es|é|è|är|er|to|jest|je|este|είναι|on|は|는|은|是|为|為|[:\x{FF1A}])?\s?"
)
_OF = (
    r"\s+(?:do|da|de|del|della|di|du|des|von|vom|für|para|pour|per|van|voor|dla|för|til|pro)"
    r"(?:\s+(?:la|el|le|los|das|den|der|het))?\s+[^\s:=]+\s*"
    r"(?:[:=]|\s(?:is|ist|lautet|est|es|é|è|är|er|to|je|jest|wurde\s(?:auf|zu|in)|is\sgewijzigd\sin"
    r"|a\sété\schangé\sen|cambiada\sa|alterada\spara|cambiata\sin)\s)\s*[\"']?"
)
_SIGNED = (
    r"(?-i:[a-z./-]*[0-9][a-z0-9./-]*[A-Z!@#$%^&*+_][^\s\"'`,;)}\]]{3,}"
    r"|[a-z./-]*[A-Z!@#$%^&*+_][^\s\"'`,;)}\]0-9]*[0-9][^\s\"'`,;)}\]]{3,})"
)
"""A word with a digit and, unlike the names of objects, a capital letter or a sign."""
_P, _Q = "[A-Za-z!@#$%^&*+]", "[A-Za-z0-9!@#$%^&*+._-]"
EIGHT = (
    rf"(?:{_P}{{7,}}[0-9]{_Q}*|{_P}{{5,6}}[0-9]{_Q}{{2,}}|{_P}{{3,4}}[0-9]{_Q}{{4,}}|{_P}{{1,2}}[0-9]{_Q}{{6,}}"
    rf"|[0-9]+{_P}{_Q}{{6,}})"
)
"""A word of letters and digits of eight characters or more, without what stands in paths and names of functions."""
_LONG = rf"(?:[A-Za-z+/_-]*[0-9][A-Za-z0-9+/=_-]{{19,}}|{LONG_WORD})(?:\.+[A-Za-z0-9_=-]+)*"
_CASES = r"(?-i:[a-z0-9_-]*[A-Z][A-Za-z_-]*[0-9][A-Za-z0-9_-]{9,}|[a-zA-Z_-]*[0-9][a-z0-9_-]*[A-Z][A-Za-z0-9_-]{9,})"
"""A long word with a capital letter and a digit, as names of objects have none."""
_KEY_OF = (
    r"(?:api|access|secret|private|the|with|using|new|old|license|service|server|auth|my|your|this|encryption|signing"
    r"|master|account|storage|deploy|ssh|shared|admin|root|session|app|bot|client|aws|gcp|azure)"
)
"""Words before a key that is a secret. `idempotency key 3f1e9a04-…` names a thing."""
OWN_CODES = (
    "votre code", "ton code", "dein code", "ihr code", "tu código", "su código", "seu código", "tuo codice",
    "suo codice", "je code", "uw code", "din kod", "din kode", "twój kod", "váš kód", "ваш код", "твой код",
    "kodunuz", "kode anda",
)  # fmt: skip
"""``Your code`` in other languages."""
_FOREIGN_CODE = (
    r"code d(?:e |')(?:vérification|sécurité|confirmation|connexion|validation|accès|activation)"
    r"|código de (?:verificación|seguridad|verificação|segurança|confirmaci?[oó]n|confirmação|acc?ess?o|activación)"
    r"|codice di (?:verifica|sicurezza|conferma|accesso)"
    rf"|(?:{literals(OWN_CODES)})|код (?:доступа|входа|для входа|безопасности)|kod bezpieczeństwa|\b(?:PIN|TAN)"
    r"|\w+(?:igungs|heits|ierungs|melde|inmal)code|код подтверждения|暗証番号|验证码|驗證碼|校验码|認証コード"
    r"|인증번호|確認コード|kode (?:otp|verifikasi)(?: anda)?|mã (?:otp|xác (?:nhận|minh))(?: của bạn)?"
    r"|doğrulama kodu(?:nuz)?|kod weryfikacyjny|verificatiecode|verifieringskod|engångskod|engangskode?"
)
SENTENCES = (
    Form(
        rf"\b(?:{_CODE})(?:\s+(?:for|to)\s+\S+?)?(?:\s+(?:is|was|entered|used|sent):?|\s*[:=]|\s+-)?\s+[\"'(\[]?",
        r"[A-Z]?-?\d(?:[\d -]{2,10}\d|\d{2,8})|(?-i:[A-Z0-9]{3}[A-Z0-9]*-[A-Z0-9]{3}[A-Z0-9-]*"
        r"|[A-Z]{1,6}[0-9][A-Z0-9]{3,9}|[A-Z]{2,6}[0-9]{3}|[0-9]{1,6}[A-Z][A-Z0-9]{3,9})",
    ),
    Form(rf"\b{_ACCESS_CODE}(?:\s+(?:for|to)\s+\S+)?(?:\s+is|\s+was|\s*[:=])?\s+[\"']?", r"\d[\d-]{2,10}\d"),
    Form(
        r"\b(?:password|pass[ _-]?phrase|passcode) for (?:key |user |account )?(?:'[^']*'|\"[^\"]*\"|[^\s:]+):\s*",
        r"[^\s][^\n\"',;]*",
    ),
    Form(
        r"(?:\b|_|client|access|auth)(?:password|passphrase|passwd|passcode|pass|secret|token|api[ _-]?key|key|pin"
        r"|passwort|kennwort)[%}\"'`]?(?:\s+(?:for|of)\s+(?:user\s+|account\s+)?\S+)?"
        rf"\s+(?:resolved\s+to|(?:is|was|are)(?:\s+{HARMLESS}?now)?:?"
        r"|(?:is\s+|was\s+)?(?:set|changed|reset|updated)\s+to|to)\s+",
        rf"\"[^\"]+\"|'[^']+'|{MIXED}",
    ),
    Form(
        r"\b(?:password|passphrase|passwd|passcode|passwort|kennwort)(?:\s+for\s+\S+)?\s+"
        r"(?:(?:is|was)(?:\s+now)?:?|(?:is\s+|was\s+)?(?:set|changed|reset)\s+to)\s+",
        rf"[^\s{HARMLESS}<(\[][^\s]*",
    ),
    # Not the end of a path: `GET /reset/password HTTP/1.1`.
    Form(r"(?:^|[^/A-Za-z0-9])(?:password|passphrase|passwd)\s+", MIXED),
    # Not a name as Kubernetes has them: `secret tls-cert-2026`, `secret default/web-1`.
    Form(r"(?:^|[^/\w])secret\s+", _SIGNED),
    Form(r"\b(?:shared|client|webhook|signing|api|app|access)[ _-]?(?:secret|key|token)\s+[\"'`]", MIXED),
    Form(r"\bsecret value\s+[\"'`]", MIXED),
    Form(r"\botp\b[^\n]*?\bis\s+", r"\d{4,8}"),
    Form(r"\brootpw(?:\s+--\w+)*\s+", MIXED),
    Form(r"(?-i:\b(?:Secret|Password|Token|ApiKey|Sensitive)\()", MIXED, r"\)"),
    Form(r"(?:^|[^/\w])(?:token|key|secret)\s+[\"'`]", _CASES),
    Form(r"\bkey content\s*:\s*", r"\S+"),
    Form(r"(?:key|key[ _-]?pair)[^a-z]{0,4}\[", r"[0-9]{1,3}(?:, ?[0-9]{1,3}){15}[0-9, ]*"),
    Form(r"(?-i:\bPASSWORD) [a-z_]+ = ", r"\S+"),
    Form(r"(?:passw(?:or)?d|passphrase|passcode)\s?[<\[{(]", MIXED, r"[>\]})]"),
    Form(r"(?:^|\s)(?:auth|login|token)\s+", r"[0-9a-f]{24,}(?:\.[0-9a-f]{16,})*", END),
    Form(r"(?:^|[^/\w])secret\s+", r"(?-i:[a-z]+[0-9]|[0-9]+[a-z])[a-z0-9]{6,}", END),
    Form(rf"(?:^|[^A-Za-z])(?:secret|token|{_KEY_OF}[ _-]key)\s+|(?:^|[^A-Za-z\s]\s*)key\s+", _LONG),
    Form(
        r"\b(?:api|access|auth|bearer|session|refresh|deploy|client|private|secret|shared|webhook|signing|app)[ _-]?"
        r"(?:key|token|secret)[\"'`]?\s+[\"'`]?",
        EIGHT,
        END,
    ),
    Form(r"(?:^|[\s_-])(?:pass|pwd|pw|rootbindpw|bindpw|bind_pw|rootpw|passphrase(?:\s+\S+)?)\s+", EIGHT, END),
    Form(r"(?:^|[^A-Za-z])key\s+", r"[a-z+/_-]*(?-i:[0-9][a-z0-9]*[A-Z]|[A-Z][A-Za-z]*[0-9])[A-Za-z0-9+/=_-]{18,}"),
    Form(r"\b(?:otp|2fa|mfa)[^\n]*?[^A-Za-z]code\\*[\"']?\s*[:=]\s*\\*[\"']?", r"\d{6}", r"[^\dA-Za-z]|$"),
    Form(
        rf"(?:\b|_)(?:{literals([*VENDORS, *MORE_VENDORS])}|azdo|aws|gcp|azure)(?:\b|_)"
        r"[^\n]{0,20}?[^A-Za-z0-9+/_.][\"'` ]{0,3}",
        r"(?:[0-9]/[0-9/]{13,}:)?(?:[a-z]{1,6}[_+])?(?:[a-z]+[0-9]+|[0-9]+[a-z]+)[a-z0-9_-]{15,}(?:[.+/]+[a-z0-9_-]+)*=*|[0-9]{15,25}-[a-z0-9]{20,45}",
    ),
)
"""The forms, in the order in which they are tried."""
RARE_SENTENCES = (
    Form(
        r"\b(?:use|enter|type) ", r"\d{3}[ -]?\d{3}|\d{4,8}", r" to (?:verify|confirm|sign in|log in|continue|activate)"
    ),
    Form(r"\b(?:use|enter) (?:the )?code ", r"\d[\d -]{2,8}\d|(?-i:[A-Z0-9]{3,5}-[A-Z0-9]{3,5})"),
    Form(
        r"\b(?:whatsapp|telegram|signal|steam guard|google|facebook|instagram|discord|amazon|paypal) code(?: is|:)? ",
        r"\d[\d -]{2,8}\d|(?-i:[A-Z0-9]{5})",
    ),
    Form(r"(?-i:[a-z]Password)\s+", EIGHT, END),
    Form(r"\bsession \[", r"(?-i:[0-9A-F]{32})", r"\]"),
    Form(
        r"\b(?:passport|driv(?:er|ing)'?s?[ _-]?licen[sc]e|national[ _-]insurance|aadhaa?r|tax[ _-]?id|iban"
        r"|(?:bank[ _-]?)?account[ _-]?(?:no|number)|routing[ _-]?(?:no|number))"
        r"(?:[ _-]?(?:no|number|num|id))?\.?\\*[\"']?(?:\s+is|\s*[:=])?\s*\\*[\"']?",
        r"[A-Z]{0,2}[ -]?\d[A-Z0-9 -]{4,28}\d[A-Z]?",
    ),
    Form(rf"\b{_WORDS}\b[^\n]{{0,60}}?\bvalue:\s+", r"[^\s\"']{8,}"),
    Form(r"\byour (?:[a-z]+ )?code(?: is|:) ", r"\d[\d -]{2,8}\d"),
    Form("", r"\b\d[\d -]{2,8}\d", r" (?:is|as) your (?:[\w-]+ ){0,4}(?:code|otp|passcode|pin)\b"),
    Form(
        r"\b(?:recovery|backup|scratch) codes?:? ",
        r"[a-z0-9]{3,8}(?:-[a-z0-9]{3,8})+(?:,? [a-z0-9]{3,8}(?:-[a-z0-9]{3,8})+)*",
    ),
    Form(rf"\b{_WORDS} (?:was |is )?changed from [\"']?", rf"{MIXED}[\"']? to \S+"),
    Form(rf"\bchanged {_WORDS} (?:of|for) \S+ from [\"']?", rf"{MIXED}[\"']? to \S+"),
    Form(rf"\b{_WORDS} (?:set|changed|reset|created) (?:for|of) \S+:\s+", MIXED),
    Form(r"\bapp(?:lication)?[ -](?:specific )?password(?: is|:)?\s+", r"(?:[A-Za-z0-9]{4}[ -]){3,5}[A-Za-z0-9]{4}"),
    Form(r"\brecovery key(?: is)?\s*[:=]?\s*[\"']?", r"[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){3,}"),
    Form(r"\b(?:network|link|encryption|wep)[ _-]key\s*[:=]?\s*", r"(?:[0-9a-f]{2}[: -]){15,31}[0-9a-f]{2}"),
    Form(r"(?-i:[A-Z]_(?:SECRET|TOKEN|KEY|PASSWORD|PASS))\s+[\"']?", STRONG),
    Form(rf"\b{_WORDS}{_BETWEEN}\s*:\s+", r"[^\s\"'`]{8,}$"),
    Form(rf"\b{_WORDS}{_BETWEEN}\s*:\s+[\"'`]?", rf"{MIXED}|[0-9a-f]{{32}}"),
    Form(
        r"\b(?:(?:setup|entry|authenticator|secret) key:?\s+|authenticator\b[^\n]{0,40}?:\s+[\"']?)",
        r"(?-i:(?:[A-Z2-7]{4}[ -]?){4,}|(?:[a-z2-7]{4} ){4,7}[a-z2-7]{4})",
    ),
    Form(rf"{_WORDS}\s+[\"'“`]", MIXED),
    Form(rf"(?:{FOREIGN}|passwort|clave|senha|heslo)(?:et|en|n)?(?:\s(?:ditt|din|ta))?{_IS}[\"'“«「]?\s?", MIXED),
    Form(rf"(?:{FOREIGN}|{_WORDS}|clave|senha|heslo){_OF}", MIXED),
    Form(rf"(?:{FOREIGN}|passwort|senha|heslo)(?:\s+[^\s:=]+){{1,2}}\s*[:=]\s*", MIXED),
    Form(rf"{_WORDS}\s+(?:è|é|est|es|ist|lautet|jest|je)\s+[\"']?", MIXED),
    Form(rf"(?:{_FOREIGN_CODE}){_IS}[\[「(]?", r"\d{4,8}"),
    Form(rf"(?:{FOREIGN}|{_WORDS})\s*[«“「]\s*", r"[^»”」\n]{4,}"),
    Form(r"(?:^|\s):[a-z-]*(?:password|secret|token|api-key)\s+", r"\"[^\"]*\""),
    Form(r"\b(?:login|logon|credentials?|creds|zugangsdaten)[:=]?\s*[A-Za-z][\w.@-]*(?:\s?:\s?|/|\s/\s)", MIXED),
    Form(r"\b(?:with|using|tried|trying) (?:the )?(?:credentials?|creds):? [A-Za-z][\w.@-]*(?::|/)", r"[^\s/:]{6,}"),
)
"""Forms that only lines with one of `RARE_HINTS` may hold."""
