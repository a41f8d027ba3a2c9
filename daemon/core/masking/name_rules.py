"""The rules for values that have a name, made for a set of names: what is harmless, pairs, and the rest."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.masking.rule_forms import Form, Rule, rule
from daemon.core.masking.secret_names import (
    ADJECTIVES,
    END,
    ENDING,
    GLUED,
    HARMLESS,
    IS,
    MIXED,
    PLACEHOLDERS,
    QUOTE,
    STATES,
    STRONG,
    VALUE,
)

SCHEME = (
    r"(?:bearer|basic|digest|token|api-?key|negotiate|ntlm|aws4-hmac-sha256|splunk|hawk|jwt|oauth|ssws|mac|genie-?key"
    r"|dpop|scram-[a-z0-9-]+)(?:\s|%20|\+)+"
)
_STATE = rf"(?:{STATES}|{PLACEHOLDERS})"
_MARK = r"""(?:\\*["']|%22|&quot;)"""
_CHANGE = r"""(?:"[^"]*"\s*[-=]>\s*"[^"]*"|'[^']*'\s*[-=]>\s*'[^']*')"""
_CODE_CALL = r"""(?:[a-z_]+\.)*(?:get|next|read|load|fetch|find|create|generate|input)\w*\(["'A-Za-z_. -]*\)"""


_OTHER = (
    r"id|name|arn|ur[il]|endpoint|file|path|dir|folder|algorithm|algo?|type|version|expir(?:y|es|ation)|expires_?(?:at|in)"
    r"|ttl|age|length|len|size|count|ref|policy|provider|field|method|mode|source|store|manager|service|class|format"
    r"|encoding|rotation|status|state|label|prompt|column|table|index|header|param|scope|audience|issuer|issued_?at"
    r"|created_?at|updated_?at|changed_?at"
)
"""Ends of names that begin as a secret's does and are not one (``token_endpoint``)."""


def harmless(name: str) -> Rule:
    """Return the rule that marks the values of names that are not secret."""
    pattern = (
        rf"(?i)(?P<a>(?:{name}){ENDING}{IS})"
        rf"(?P<b>(?:password\s+)?{_STATE}{END}|(?:password|secrets)\s+[a-z]+{END}|{_MARK}{_STATE}?{_MARK}(?:[\s,;)}}\]&]|$)|{_CODE_CALL})"
        rf"|(?P<c>(?:tokens|keys?|secrets|codes|passwords|pass|salt|token|pin|session[_.-]?id){IS}{QUOTE}?)(?P<d>\d{{1,3}}{END})"
        rf"|(?P<aa>(?:^|[^a-z])pin{IS}{QUOTE}?)(?P<bb>[a-z]{{1,5}}[0-9]{{1,2}}{END})"
        rf"|(?P<e>(?:tokens|keys|secrets|codes|passwords){IS}{QUOTE}?)"
        rf"(?P<f>(?:[\d.,]+|\[(?:\d{{1,5}}(?:, ?\d{{1,5}})*|(?-i:[A-Z]{{2,5}}))?\]){END})"
        rf"|(?P<g>pwd{IS}{QUOTE}?)(?P<h>[A-Z]:[/\\]|[/~]|\.{{1,2}}/)"
        rf"|(?P<k>key[_-]?ids?{IS})(?P<l>\d{{1,6}}{END})"
        rf"|(?P<s>(?:^|[^\w.-])secrets?{IS})(?P<t>{_MARK}?(?-i:[a-z][a-z0-9-]*/[a-z][a-z0-9.-]*){END})"
        rf"|(?P<y>(?:{name}){ENDING}{IS}{QUOTE}?)(?P<z>(?:[/~.]|[A-Z]:)[\w./\\-]*\.(?:json|ya?ml|pem|key|crt|p12|jks|txt|conf){END})"
        rf"|(?P<u>(?:no such|unknown|missing) secret{IS}|unexpected token{IS}"
        rf"|(?:imagepullsecrets?|serviceaccounttoken){IS})(?P<v>[a-z{{\[\"'])"
        r"|(?P<m>(?:^|[^\w-])(?-i:PASS):\s+|:[0-9]{12}:secret:)(?P<n>[A-Za-z_][\w/.-]*(?:\s*\(|\b))"
        rf"|(?P<o>\bsid{IS}{QUOTE}?)(?P<p>S-1-[0-9-]+)"
        rf"|(?P<q>(?:{name})[\w.-]*(?:{_OTHER})s?{IS}{QUOTE}?)(?P<r>[^\s\"',;])"
        rf"|(?P<i>(?:password|passphrase|passwd|passcode|secret|token|key)s?\s+(?:is|was|are|were|has been|being)\s+)"
        rf"(?P<j>(?:{STATES}|{ADJECTIVES}){END})"
    )
    before, behind = (
        "".join(f"${{{group}}}" for group in groups) for groups in ((*"acegikmoqsuy", "aa"), (*"bdfhjlnprtvz", "bb"))
    )
    return pattern, before + HARMLESS + behind


def markup(name: str) -> tuple[Form, ...]:
    """Return the forms of values in XML, HTML and Erlang's terms, and of what binds a value to a column."""
    return (
        Form(rf"<(?:key|name|string|k)>[\w. -]*{name}</\w+>\s*<(?:value|string|v)>", r"[^<]*"),
        Form(
            rf"<[\w:.-]*{name}(?: [^>]*)?>(?:\s*<(?:value|string)(?: [^>]*)?>)?(?:<!\[CDATA\[)?",
            r"[^<\]]+",
            r"(?:\]\]>)?</",
        ),
        Form(
            rf"<\w+\s[^<>]*(?:name|key|id)=\\*[\"'][^\"'<>]*{name}\\*[\"'][^<>]*>(?:\s*<(?:value|string)(?: [^>]*)?>)?",
            r"[^<]+",
            "</",
        ),
        Form(rf"<\w+\s[^<>]*(?:name|key|id)=\\*[\"'][^\"'<>]*{name}\\*[\"'][^<>]*\s(?:\w+:)?(?:value|content)=", VALUE),
        Form(
            r"<\w+\s[^<>]*?value=",
            r"\\*\"[^\"<>]*\"|'[^'<>]*'",
            rf"[^<>]*?\s(?:name|key|id)=\\*[\"'][^\"'<>]*{name}\\*[\"']",
        ),
        Form(rf"{name}\\*[\"']\s+(?:\.\s+)?\\*[\"']", MIXED),
        Form(rf"{name}\s+\.\s+", r"\"[^\"]*\""),
        Form(rf"name=\\*[\"'][\w.-]*{name}\\*[\"'](?:\s|\\r|\\n)+", r"[^\s\\]+"),
        Form(rf"&lt;[\w:.-]*{name}&gt;", r"[^&]+", "&lt;/"),
        Form(rf"<<\"[\w.-]*{name}\">>\s*(?:,|=>)\s*<<", r"\"[^\"]*\""),
        Form(rf"\[[\w.]*{name}\] as \[\w+\] - ", r"\[[^\]]*\]"),
    )


def _pairs(name: str) -> tuple[Form, ...]:
    """Return the forms of values that stand apart from their names: in pairs and tables."""
    return (
        Form(
            rf"""(?:name|key|k|variable|field|header|attribute"""
            rf"""|param){IS}\\*["']?[\w. -]*{name}\\*["']?\s*[,;}}]?(?:\s|\\n)*"""
            rf"""\\*["']?(?:value|v|val|content|default){IS}""",
            VALUE,
        ),
        Form(
            rf"(?:value|val|v){IS}",
            VALUE,
            rf"""\s*,\s*\\*["'](?:name|key|variable){IS}\\*["']?[\w. -]*{name}\\*["']""",
        ),
        # Not the next field's name: `"auth":"password","mfa":true`.
        Form(
            rf"{name}(?:\\*[\"']?\s*,\s*(?:<<)?|\\*\";s:\d+:)",
            r"[bru]?\\*\"[^\"\\]*\\*\"|[bru]?'[^'\\]*'",
            r"(?:\s*[^\s:]|\s*$)",
        ),
        Form(rf"{name}\s*(?:\||│|┃|║|\t|\\t)\s*", rf"[^\s|{HARMLESS}]{{4,}}"),
        Form(rf"{name}[;,]\s?", MIXED),
        Form(rf"{name}{IS}", GLUED, r"[;,&]\s?[A-Za-z][\w .-]*="),
    )


def named(name: str, before: Sequence[Form] = (), behind: Sequence[Form] = ()) -> Rule:
    """Return the rule for names with their values, with forms that are tried before and after it."""
    return rule(
        [
            *_pairs(name),
            *before,
            Form(rf"{name}{IS}", r"(?:[0-9a-f]{2}[ :-]){3,}[0-9a-f]{2}", END),
            Form(rf"{name}{IS}(?:[|>][-+]?\s*(?:\n|\\n)\s*|{HARMLESS}?\([a-z]+\)\s*\(len=\d+\)\s*)", r"[^\s\\]+"),
            Form(rf"(?:{name}){ENDING}{IS}(?:{SCHEME})?", GLUED, r"[\s)}\]\"]|$"),
            Form(rf"(?:{name}){ENDING}{IS}(?:{SCHEME})?", rf"{_CHANGE}|\{{(?:[^{{}}\"']|\}}\}})+\}}|{VALUE}"),
            *behind,
            Form(rf"(?:{name})[\w.-]+{IS}{QUOTE}?", STRONG),
        ]
    )
