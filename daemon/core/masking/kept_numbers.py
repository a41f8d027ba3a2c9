"""Numbers that tell what happened: they stay in the masked line, as words.

The class of an HTTP status, or of an SMTP or SIP reply, stays (``502`` becomes ``<SERVER_ERROR>``). Exit codes,
signals, Windows event ids, error numbers and the codes of mnemonics stay digit by digit (``signal 9`` becomes
``signal <NINE>``), because no digit is left after masking. A count of failures stays where it is zero (``errors=0``).
They become words before a line's shape is taken.

A gate is tested on the shape of a line, in which every digit is a 1: it must not distinguish digits.
"""

from __future__ import annotations

import polars as pl

from daemon.core.masking.expressions import Expression
from daemon.core.masking.shape_rules import on_shapes

_EDGE = r"(?-u:\b)"
_BEFORE = r"""(?:^|[ \t"'{,(\[._<-])"""
_WHOSE = r"(?:(?:(?:down|up)stream|origin|elb|target|sc|resp)[_-]?)?"
_METHOD = r"(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS|CONNECT|TRACE)"
_CACHE = r"(?:TCP|UDP|NONE|TAG)_[A-Z_]+/"
_ANSWERED = r"(?:returned|responded|replied|received|returns|responds|got)"
_STATUS_GATE = (
    rf"HTTP|SMTP |[Ss][Tt][Aa][Tt][Uu][Ss]|[Rr]esponse|{_METHOD}[ \t][^ ]|[0-9]/\+?[0-9]+ [0-9]|\.[0-9]+ [0-9]{{3}} "
    rf"|(?:SIP|RTSP)/|{_CACHE}|{_ANSWERED}(?: with| an?)*:? [0-9]|[a-z]:? \([0-9]{{3}}\)|\| +[0-9]{{3}} \|"
    r"|rror:? [0-9]{3}|[0-9]{3}[ -][0-9]\.[0-9]\.[0-9]"
)
_STATUS = (
    rf"""(?P<a>(?:HTTP|SIP|RTSP)/[0-9.]+"? (?:from [^ ]+ - )?|{_CACHE}|(?i:{_BEFORE}(?:https?|smtp"""
    rf"""|response)[ _.-]?(?:response[ _.-]?)?(?:status[ _.-]?)?(?:code|error)?"""
    rf"""["']?[=: ]{{1,2}}["']?)|(?i:{_BEFORE}{_WHOSE}status(?:[ _-]?code)?"""
    rf"""["']?(?:[=:] ?| )["'\[]?)"""
    rf"""|(?:^|[ "\]]){_METHOD} [^ ]+ (?:[=-]+> |[→:|] ?)?|\t{_METHOD}\t(?:[^\t\n]+\t){{1,2}}?"""
    rf"""|(?:-?[0-9]+/){{3,4}}\+?[0-9]+ """
    rf"""|(?:-?[0-9]+\.[0-9]+ |-1 ){{3}}|\[GIN\] [^|]*\| +)"""
    rf"""(?P<b>[2-5])[0-9]{{2}}{_EDGE}"""
    rf"""|(?P<c>{_METHOD} [^ ]+ [^\n]* )(?P<d>[2-5])[0-9]{{2}}(?P<e>(?: [0-9]+){{2,3}}$)"""
    rf"""|(?P<f>{_ANSWERED}(?: with| an?)*:? |(?:fail(?:ed|ure)|rror|status|rejected|denied)[a-z]*:? \(|[Ee]rror:? )"""
    r"""(?P<g>[2-5])[0-9]{2}(?P<h>$|[,.;:)\]"']"""
    r"""| (?:OK|from|for|in|to|on|after|when|by|but|at|while|[A-Z][a-z]+(?-u:\b)|-))"""
    rf"""|{_EDGE}(?P<i>[2-5])[0-9]{{2}}(?P<j>[ -][245]\.[0-9]\.[0-9])"""
)
_MARK, _CLASS_MARK = "\ufdd1", "\ufdd2"
_CLASSES = {"2": "<OK>", "3": "<REDIRECTION>", "4": "<CLIENT_ERROR>", "5": "<SERVER_ERROR>"}
STATUS = (_STATUS, f"${{a}}${{c}}${{f}}{_CLASS_MARK}${{b}}${{d}}${{g}}${{i}}${{e}}${{h}}${{j}}")
"""An HTTP status: after a protocol, a name for it, a word for an answer, or a method and its target; or as proxies and
servers log it. An SMTP reply is recognised by the enhanced status code after it."""

_PRODUCTS = r"(?:WFLY[A-Z]*|HHH|JBAS|ARJUNA|ISPN|RESTEASY|ELY|WELD-|KC-[A-Z]+|MSC|UT|COM|SRVE|HV|IJ|JBWEB)"
_CODE_GATE = (
    r"[Ee]xit|EXIT|[Ss]ignal|SIGNAL|[Ss][Ii][Gg][A-Z]*(?:no)?[=:(]|[Ee]vent[ _.-]?[Ii][Dd]|EVENT[ _-]?ID"
    r"|[Ee]vent[ _.-]?[Cc]ode|[Ee]rrno|ERRNO|(?:os|rror|OS|Win|win)[ _]?(?:[Ee]rror|[Cc]ode)|SQLSTATE"
    r"|[Ss][Qq][Ll][Cc][Oo][Dd][Ee]|(?-u:\b)r(?:c|code)[\"=:]|(?-u:\b)ret(?:code)?[\"=:]"
    r"|[Rr]eturn(?:ed)?[ _-]?(?:with )?(?:[Cc]ode|[Ss]tatus|[Vv]alue)|ion[ _-]?(?:[Cc]ode|[Ss]tatus)|code=|%[A-Z%]"
    r"|(?:ORA|TNS|PLS|RMAN|BEA|AMQ|CSQ|DFH|SP2|KUP|MY)-?[0-9]{4}|SQL[0-9]{4}|code[\"']?:|with code"
    r"|grpc|gRPC|alert number|dsn=|[Ll]ogon [Tt]ype|(?-u:\b)kill -|Severity: [0-9]|State: [0-9]|Msg [0-9]|ERROR [0-9]"
    r"|rror [0-9]{4}(?::| \()|rror\)?:? \([0-9]{4}, [\"']|-time error '[0-9]"
    rf"|(?:rror|ailed|err|turned)(?: with)?[:= ]{{1,2}}-[0-9]|\([0-9]{{1,3}}: [A-Z]|[A-Z]{{3}}[0-9]{{3,5}}[A-Z](?-u:\b)"
    r"|(?:rocess|ommand|cript|rogram|(?-u:\b)[Jj]ob|(?-u:\b)[Tt]ask|[Hh]ook) returned|(?:ERROR|FATAL|PANIC|WARNING):  ?"
    r"[0-9][0-9A-Z]{4}:"
    r"|ystem error [0-9]|WSAError|(?-u:\b)err=[0-9]|rpc error: code|\[id \"[0-9]|(?:ailed with|(?-u:\b)hr=) ?0[xX]"
    rf"|{_PRODUCTS}[0-9]{{3}}|HRESULT|(?:tatus|rror|ode|TSTATUS|STOP|heck)[\"']?[:=( ]{{1,3}}0[xX]"
)
COUNTED_FAILURES = (
    r"errors?|fail(?:ed|ures?|s)|exceptions?|timeouts?|crash(?:es|ed)?|abort(?:s|ed)|dead|lost|missing|invalid|bad"
    r"|corrupt(?:ed)?|broken|denied|refused|killed"
)
"""Failures of which lines give a number."""
COUNTED_THINGS = (
    r"(?:(?:new|more|total|other|fatal|critical|packets?|messages?|records?|rows?|requests?|tests?|tasks?|items?|files?"
    r"|nodes?|tuples?),? (?:are |were )?|are |were )?"
)
"""What stands between such a number and the failure, if anything."""
_COUNT = rf"(?:{COUNTED_FAILURES})(?:[ _-](?:count|total|rate|size|tuples))?[\"']?[ \t]?[=:][ \t]?[\"']?"
_NONE_GATE = rf"(?i:{_EDGE}[0-9]%? {COUNTED_THINGS}(?:{COUNTED_FAILURES}){_EDGE}|{_EDGE}{_COUNT}[0-9])"
GATE = f"{_CODE_GATE}|{_STATUS_GATE}|{_NONE_GATE}"
"""Only lines with a match of this hold a number that stays."""
_IS = r"""["']?(?: is | was |[=:> ]{1,3}|\()["']?"""
_CODES = (
    rf"(?i:{_EDGE}(?:exit|return|completion|termination)(?:ed|ing)?[ _-]?(?:with "
    rf"|on )?(?:an? )?(?:non-zero )?(?:exit |return )?"
    rf"(?:code|status|value){_IS}|{_EDGE}exit(?:ed|ing)?(?: with)?[ (:=]{{1,2}}|{_EDGE}(?:rc|rcode|retcode"
    rf"|ret)[\"']?[=:] ?[\"']?"
    rf"|{_EDGE}(?:terminated|finished|completed|ended|stopped|failed|died|closed|disconnected|crashed|quit)"
    rf"(?: with| on)? (?:an? )?(?:exit |return )?(?:code|status|reason|rc){_IS}"
    rf"|{_EDGE}(?:process|command|script|program|job|task|hook) returned "
    rf"|code=(?:exited|killed|dumped), status=|{_EDGE}(?:signal|sig|signo){_IS}#?"
    rf"|{_EDGE}event[ _.-]?(?:id|code){_IS}|{_EDGE}grpc[ ._-](?:status|code){_IS}|alert number |{_EDGE}dsn="
    rf"|logon type{_IS}\s*|{_EDGE}kill -|system error |{_EDGE}wsaerror{_IS}|{_EDGE}err=|rpc error: code = |\[id \""
    rf"|(?:^|[ {{,(\"'])code[\"']?[=:] ?[\"']?"
    rf"|(?:errno|os error|winerror|error[ _-]?code|sqlcode)[\]]?{_IS}-?"
    rf"|(?:error|failed|err|returned)(?: with)?[:= ]{{1,2}}-)|{_EDGE}(?:ORA|TNS|PLS|RMAN|BEA|AMQ|CSQ"
    rf"|DFH|SP2|KUP|MY)-?|{_EDGE}SQL|{_EDGE}{_PRODUCTS}|{_EDGE}SIG[A-Z]+\("
    rf"|%[A-Z][A-Z0-9_]*(?:-[A-Z][A-Z0-9_]*)*-|%%[0-9]{{2}}[A-Z0-9_]+/|SQLSTATE[ =:\[(]{{1,2}}"
    r"|Severity: |State: |Msg |ERROR |[Rr]un-time error '"
)
_MNEMONIC = r"(?:[G-Z][A-Z]{2,5}|[A-F][G-Z][A-Z]{1,4}|[A-F]{2}[A-Z]{0,3}[G-Z]|CEE)"
"""Three to six letters that are not all hexadecimal digits, as those of an identifier may be (``CEDE24428A``)."""
_DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
Rule = tuple[str, str]


def _slots(characters: str, least: int, most: int, names: str = "cdefghij") -> str:
    """Return a pattern of one group per character, `least` to `most` of them."""
    return "".join(rf"(?P<{name}>[{characters}]{'' if at < least else '?'})" for at, name in enumerate(names[:most]))


def _kept(names: str) -> str:
    return "".join(f"{_MARK}${{{name}}}" for name in names)


CODE: Rule = (
    rf"(?P<a>{_CODES}){_slots('0-9', 1, 6)}(?P<z>[A-Z]?){_EDGE}",
    "${a}" + _kept("cdefgh") + "${z}",
)
"""A number of at most six digits that tells what happened."""
OTHER_CODES: Rule = (
    (
        rf"(?P<a>%[A-Z][A-Z_]*-{_MARK}[0-9]{_MARK}+-){_slots('0-9', 6, 6)}{_EDGE}"
        rf"|(?P<k>SQLSTATE[ =:\[('\"]{{1,3}}|(?:ERROR|FATAL|PANIC|WARNING): {{1,2}})"
        rf"{_slots('0-9A-Z', 5, 5, 'lmnop')}(?P<q>{_EDGE})"
        rf"|(?P<r>(?i:hresult|{_EDGE}hr|failed with|ntstatus|status|exception(?: code)?|code|error|stop|bugcheck)"
        rf"[\"']?[=:( ]{{1,3}}[\"']?)0[xX]"
        rf"{_slots('0-9A-Fa-f', 1, 8, 'stuvwxyz')}{_EDGE}"
        rf"|(?P<A>(?:^|[\[(<:|] ?){_MNEMONIC}){_slots('0-9', 3, 5, 'BCDEF')}(?P<G>[AEIWSDFNC]){_EDGE}"
        rf"|(?P<H>\(){_slots('0-9', 1, 3, 'IJK')}(?P<L>: [A-Z])"
        rf"|(?P<M>[Ee]rror |rror\)?:? \(){_slots('0-9', 4, 4, 'NOPQ')}(?P<R>: | \(|, [\"'])"
    ),
    "${a}${k}${r}${A}${H}${M}" + _kept("cdefgh" + "lmnop" + "stuvwxyz" + "BCDEF" + "IJK" + "NOPQ") + "${G}${L}${R}",
)
"""What follows the severity of a mnemonic; SQL states, which have letters; hexadecimal codes of Windows; the mnemonics
of mainframes (``IEF142I``); an error number in parentheses before its text; MySQL's (``Error 1045 (28000)``)."""
NO_FAILURES: Rule = (
    (
        rf"(?P<a>(?:^|[ \t\"'{{,(\[=:]))0(?P<b>%? (?i:{COUNTED_THINGS}(?:{COUNTED_FAILURES}))(?:$|[ ,;.)\]}}\"']))"
        rf"|(?P<c>(?i:{_EDGE}{_COUNT}))0(?P<d>$|[,;)\]}}\"' ]|\.(?:$| ))"
    ),
    f"${{a}}${{c}}{_MARK}0${{b}}${{d}}",
)
"""A count of failures that is zero: it says that nothing failed."""
_OTHER_GATE = (
    r"%[A-Z]|SQLSTATE|0[xX]|[A-Z]{3}[0-9]{3,5}[A-Z](?-u:\b)|\([0-9]{1,3}: |(?:ERROR|FATAL|PANIC|WARNING): {1,2}[0-9]"
    r"|rror [0-9]{4}(?::| \()|rror\)?:? \([0-9]{4}, "
)
_MARKED = [
    *(f"{_CLASS_MARK}{digit}" for digit in _CLASSES),
    *(f"{_MARK}{digit}" for digit in range(10)),
    _MARK,
]
_WORDS = [*_CLASSES.values(), *(f"<{word}>" for word in _DIGITS), ""]


_SHAPE_GATE, *_SHAPE_RULES = (
    Expression(on_shapes(pattern).replace(_EDGE, r"\b"))
    for pattern in (GATE, *(pattern for pattern, _ in (CODE, STATUS, NO_FAILURES, OTHER_CODES)))
)


def is_telling(shape: str) -> bool:
    """Return whether `with_words` may change a line of a shape in which every digit is a 1.

    The first rule that changes a line matches the line as it came.
    """
    held = shape.encode()
    return _SHAPE_GATE.found(held) and any(rule.found(held) for rule in _SHAPE_RULES)


def with_words(texts: pl.Series) -> pl.Series:
    """Return a String column with the numbers that stay as words."""
    rows = texts.str.contains(GATE).arg_true()
    if not len(rows):
        return texts
    before = texts.gather(rows)
    marked = before.str.replace_all(*CODE).str.replace_all(*STATUS).str.replace_all(*NO_FAILURES)
    others = before.str.contains(_OTHER_GATE).arg_true()
    if len(others):
        marked = marked.scatter(others, marked.gather(others).str.replace_all(*OTHER_CODES))
    changed = marked != before
    if not changed.any():
        return texts
    worded = marked.filter(changed).str.replace_many(_MARKED, _WORDS, leftmost=True)
    return texts.clone().scatter(rows.filter(changed), worded)
