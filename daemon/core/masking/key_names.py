"""Keys with a name that no list has (``OPSGENIE_KEY=...``): long tokens behind any word that ends in *key*.

Most keys in a log are no secrets: they name a row, a partition, an object in a cache. Words for those are listed here.
"""

from __future__ import annotations

from daemon.core.masking.rule_forms import Form, Rule, rule
from daemon.core.masking.secret_names import END, HARMLESS, IS, LONG_WORD, QUOTE, UUID_FORM

_OTHER = (
    r"primary|public|pub|foreign|partition|sort|cache|idempotency|object|row|group|map|dedup(?:lication)?|shard|hash"
    r"|lookup|index|unique|composite|registry|record|entity|tenant|item|file|blob|metric|event|issue|project|lock|redis"
    r"|kafka|message|routing|job|task|queue|topic|trace|span|request|correlation|order|customer|range|join|bucket|state"
    r"|store|window|limit|data|document|node|etag|translation|i18n|feature|flag|config|build|image|layer|host"
    r"|rsa|dsa|ecdsa|gpg|pgp|the|a|of|for|with|by|to|and|same|this|that|no|duplicate|missing"
)
_BEFORE = rf"key(?:{IS}|\s+){QUOTE}?"
_BASE64 = r"(?:[A-Za-z+/]{0,9}[0-9][A-Za-z0-9+/]{20,}|[A-Za-z+/]{10,}[0-9][A-Za-z0-9+/]{12,})={0,2}"
KEY_RULES: tuple[Rule, ...] = (
    (
        rf"(?i)(?P<a>(?:^|[^a-z])(?:{_OTHER})[ _.-]?{_BEFORE})",
        "${a}" + HARMLESS,
    ),
    rule(
        [
            Form(rf"(?-i:[A-Z0-9]_KEY){IS}{QUOTE}?", UUID_FORM),
            Form(rf"[a-z0-9_.-]key{IS}{QUOTE}?", rf"{LONG_WORD}|{_BASE64}|[0-9a-f]{{16,}}", END),
            Form(rf"(?:[a-z0-9_ -]key\s+|(?:^|[^a-z0-9])key{IS}{QUOTE}?)", r"[0-9a-f]{32,}", END),
        ]
    ),
)
"""The rules, in the order in which they apply."""
