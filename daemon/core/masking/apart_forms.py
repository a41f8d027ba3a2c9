"""Values that stand apart from their name, in markup, behind words or in a call: the forms, for `secret_rules`.

Few lines hold one. They are searched for only in lines with one of `APART_HINTS`.
"""

from __future__ import annotations

from daemon.core.masking.name_rules import markup
from daemon.core.masking.rule_forms import Form
from daemon.core.masking.secret_names import LONG_WORD, MIXED, NAME, QUOTE, VALUE

_LITERAL = r"""(?:"[^"]*"|'[^']*')"""
_WHICH = ("secret", "current", "new", "old", "hidden", "sensitive", "masked", "optional")
APART_FORMS = (
    *markup(NAME),
    Form(
        rf"{NAME}{QUOTE}?(?:\s+(?:with|has|having)(?:\s+the|\s+a)?\s+value(?:\s+of)?|\s+value\s*[:=]|\s+equals(?:\s+to)?"
        rf"|\s+like|\s+mismatch:\s+(?:expected|got)|\s?[(\[](?:{'|'.join(_WHICH)})[)\]]\s*[:=])\s*",
        rf"{_LITERAL}|\[[^\]]*\]|{MIXED}",
    ),
    Form(rf"{NAME}\b[^\n]*?\bvalue:?\s+", rf"\[[^\]\n]*\]|{_LITERAL}"),
    Form(rf"{NAME}`\s+\(`", r"[^`\n]+"),
    Form(rf"{NAME}\b[^\n]*?\binput_value=", VALUE),
    Form(rf"{NAME}\b[^\n]*?-- parameters:\s*", r"\[[^\]\n]*\]"),
    Form(rf"\.(?:with|set)?{NAME}\(\s*", _LITERAL),
    Form(rf"{NAME}(?:\s|\\n)+\[1\]\s+", _LITERAL),
    Form(rf"{NAME}(?::\w+){{1,2}}\]\s*=>\s*", r"\S+"),
    Form(rf"{NAME}\s*=\s*(?:0x[0-9a-f]+|\$\{{\?\w+\}})\s*", r"\"[^\"]*\""),
    Form(rf"{NAME}\b[^\n]*?\.(?:type|fill|send_?keys|set_?value)\(\s*(?:{_LITERAL},\s*)?", _LITERAL),
    Form(
        r"(?:^|\n|\\n)(?:[\"\w -]+[,;\t])*\"?(?:password|passwd|pwd|pass|secret|token|api_?key)\"?"
        r"(?:\r?\n|(?:\\r)?\\n|\s\")(?:[^\n,;\t]*[,;\t])+",
        r"[^\n,;\t]{4,}(?:(?:\n|\\n)[^\n]*)*",
    ),
    Form(
        r"\b(?:with|using|use|and|pair)\s+[\"'`]?",
        MIXED,
        r"[\"'`]?,?\s+(?:as|for) (?:the |a |your |my |his |her )?(?:\w+ )?(?:password|pass-?phrase|token|secret)\b",
    ),
    Form(
        r"\b(?:api|access|auth|secret)?[ _-]?(?:key|token|secret) (?:provided|supplied|given|received): [\"'`]?",
        LONG_WORD,
    ),
)
"""The forms, in the order in which they are tried."""
_ENDS = ("key", "token", "secret", "word", "pass", "pwd", "phrase", "credentials")
APART_HINTS: tuple[str, ...] = (
    *("with value", "has value", "having value", "the value", "a value", " value=", " value =", " value:", " equals "),
    *("</", " content=", ":value=", "&lt;/", '<<"', "] as [", "form-data"),
    *(f"{name}{between}" for name in _ENDS for between in ('" "', "' '", '\\" \\"', '("', "('")),
    *(
        " like ",
        "mismatch:",
        "value [",
        "value '",
        'value "',
        "value: [",
        "value: '",
        'value: "',
        "` (`",
        "input_value=",
        "parameters: [",
        ":protected]",
        ":private]",
    ),
    *(
        '[1] "',
        "[1] '",
        "${?",
        "= 0x",
        ".type(",
        ".fill(",
        ".sendkeys(",
        ".send_keys(",
        ".setvalue(",
        ".set_value(",
    ),
    *(
        f"{word}{end}"
        for word in ("word", "passwd", "pwd", "pass", "secret", "token", "api_key", "apikey")
        for end in ("\n", "\r\n", "\\n", "\\r\\n", '"\n', '"\\n')
    ),
    *(
        f"{before}{word}"
        for before in ("as ", "as the ", "as a ", "as your ", "as my ")
        for word in ("pass", "tok", "secr")
    ),
    *(f"{what} {how}:" for what in ("key", "token", "secret") for how in ("provided", "supplied", "given", "received")),
    *(f"{before}{which}{behind}" for which in _WHICH for before, behind in ("()", "[]")),
)
"""Every text that one of the forms matches holds one of these, in upper or lower case, and a hint of its name."""
