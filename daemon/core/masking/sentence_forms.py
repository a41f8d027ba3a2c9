"""Secrets in sentences (``your code is 739204``): the forms, for `secret_rules`."""

from __future__ import annotations

from daemon.core.masking.rare_names import FOREIGN
from daemon.core.masking.rule_forms import Form, literals
from daemon.core.masking.secret_names import HARMLESS, MIXED
from daemon.core.masking.vendor_rules import VENDORS

_CODE = (
    r"(?:one[- ]?time|verification|confirmation|security|login|sign[- ]?in|2fa|mfa|otp|sms|pin"
    r"|recovery|backup|activation|pairing|unlock|door|alarm)[ _-]?(?:pass)?codes?|otp|2fa|pin"
)
_ACCESS_CODE = r"(?:access|auth(?:entication)?)[ _-]?(?:pass)?codes?"
"""Followed by three digits it is a status."""
_WORDS = r"(?:password|pass[ _-]?phrase|passcode|passwd|passwort|kennwort)"
_BETWEEN = (
    r"(?:\s+(?:is|was|generated|created|for|the|to|proceed|installation|login|log|in|user|with|of|di|de|da|accesso"
    r"|acceso|acesso|connexion|d'accès|new|temporary|initial|set|as|admin|root|elastic|\S+@\S+))+"
)
_IS = r"\s?(?:lautet|adalah|là|to|ist|est|es|é|è|är|er|to|je|on|は|是|为|為|[:\x{FF1A}])?\s?"
_FOREIGN_CODE = (
    r"code de (?:vérification|sécurité|confirmation)|código de (?:verificación|seguridad|verificação|segurança)"
    r"|codice di (?:verifica|sicurezza)|(?-u:\b)(?:PIN|TAN)|код подтверждения|暗証番号|验证码|驗證碼|校验码|認証コード"
    r"|인증번호|確認コード|kode (?:otp|verifikasi)(?: anda)?|mã (?:otp|xác (?:nhận|minh))(?: của bạn)?"
    r"|doğrulama kodu(?:nuz)?|kod weryfikacyjny|verificatiecode|verifieringskod"
)
SENTENCES = (
    Form(
        rf"\b(?:{_CODE})(?:\s+(?:for|to)\s+\S+)?(?:\s+is|\s+was|\s*[:=]|\s+-)?\s+[\"']?",
        r"[A-Z]?-?\d(?:[\d -]{2,10}\d|\d{2,8})",
    ),
    Form(rf"\b{_ACCESS_CODE}(?:\s+(?:for|to)\s+\S+)?(?:\s+is|\s+was|\s*[:=])?\s+[\"']?", r"\d[\d-]{2,10}\d"),
    Form(
        r"\b(?:password|pass[ _-]?phrase|passcode) for (?:key |user |account )?(?:'[^']*'|\"[^\"]*\"|[^\s:]+):\s*",
        r"[^\s][^\n\"',;]*",
    ),
    Form(
        r"(?:\b|_)(?:password|passphrase|passwd|passcode|secret|token|api[ _-]?key|key|pin|passwort|kennwort)[%}\"'`]?"
        r"(?:\s+(?:for|of)\s+\S+)?\s+(?:resolved\s+to|(?:is|was|are)(?:\s+now)?|(?:is\s+|was\s+)?(?:set|changed|reset"
        r"|updated)\s+to|to)\s+",
        rf"\"[^\"]+\"|'[^']+'|{MIXED}",
    ),
    Form(
        r"\b(?:password|passphrase|passwd|passcode|passwort|kennwort)(?:\s+for\s+\S+)?\s+"
        r"(?:(?:is|was)(?:\s+now)?|(?:is\s+|was\s+)?(?:set|changed|reset)\s+to)\s+",
        rf"[^\s{HARMLESS}<(\[][^\s]*",
    ),
    # Not the end of a path: `GET /reset/password HTTP/1.1`.
    Form(r"(?:^|[^/\w])(?:password|passphrase|passwd|secret)\s+", MIXED),
    Form(r"(?:^|[^A-Za-z])(?:secret|token|key)\s+", r"[A-Za-z+/_-]*[0-9][A-Za-z0-9+/=_-]{19,}"),
    Form(
        rf"\b(?:{literals(VENDORS)}|azdo|aws|gcp|azure)\b[^\n]{{0,20}}?(?:[=:>,\s]|\b)[\"'` ]{{0,3}}",
        r"(?:[a-z]+[0-9]+|[0-9]+[a-z]+)[a-z0-9_-]{16,}[=]*",
    ),
)
"""The forms, in the order in which they are tried."""
RARE_SENTENCES = (
    Form(r"\byour (?:[a-z]+ )?code(?: is|:) ", r"\d[\d -]{2,8}\d"),
    Form("", r"(?-u:\b)\d[\d -]{2,8}\d", r" (?:is|as) your (?:[\w-]+ ){0,4}(?:code|otp|passcode|pin)\b"),
    Form(
        r"\b(?:recovery|backup|scratch) codes?:? ",
        r"[a-z0-9]{3,8}(?:-[a-z0-9]{3,8})+(?:,? [a-z0-9]{3,8}(?:-[a-z0-9]{3,8})+)*",
    ),
    Form(rf"\b{_WORDS} (?:was |is )?changed from [\"']?", rf"{MIXED}[\"']? to \S+"),
    Form(rf"\b{_WORDS}{_BETWEEN}\s*:\s+[\"'`]?", rf"{MIXED}|[0-9a-f]{{32}}"),
    Form(rf"\b{_WORDS}{_BETWEEN}\s*:\s+", r"[^\s\"'`]{8,}$"),
    Form(r"(?:setup|entry|authenticator|secret) key:?\s+", r"(?:[A-Z2-7]{4}[ -]?){4,}"),
    Form(rf"{_WORDS}\s+[\"'“`]", MIXED),
    Form(rf"(?:{FOREIGN}|passwort|clave|senha|heslo){_IS}[\"'“«「]?\s?", MIXED),
    Form(rf"(?:{_FOREIGN_CODE}){_IS}", r"\d{4,8}"),
    Form(rf"(?:{FOREIGN}|{_WORDS})\s*[«“「]\s*", r"[^»”」\n]{4,}"),
    Form(r"(?:^|\s):[a-z-]*(?:password|secret|token|api-key)\s+", r"\"[^\"]*\""),
    Form(r"\b(?:login|logon|credentials?|creds|zugangsdaten)[:=]?\s*[A-Za-z][\w.@-]*\s?[:/]\s?", MIXED),
)
"""Forms that only lines with one of `RARE_HINTS` may hold."""
