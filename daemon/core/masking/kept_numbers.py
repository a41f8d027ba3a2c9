"""Numbers that tell what happened: they stay in the masked line, as words.

The class of an HTTP status stays (``502`` becomes ``<SERVER_ERROR>``). Exit codes, signals, Windows event ids, error
numbers and the codes of mnemonics stay digit by digit (``signal 9`` becomes ``signal <NINE>``), because no digit is
left after masking. They become words before a line's shape is taken.
"""

from __future__ import annotations

import polars as pl

_EDGE = r"(?-u:\b)"
_BEFORE = r"""(?:^|[ \t"'{,(\[._<])"""
_METHOD = r"(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS|CONNECT|TRACE)"
_STATUS_GATE = rf"HTTP|[Ss][Tt][Aa][Tt][Uu][Ss]|[Rr]esponse|{_METHOD} [^ ]|[0-9]/\+?[0-9]+ [0-9]|\.[0-9]+ [0-9]{3} "
_STATUS = (
    rf"""(?P<a>HTTP/[0-9.]+"? |(?i:{_BEFORE}(?:https?"""
    rf"""|response)[ _.-]?(?:response[ _.-]?)?(?:status[ _.-]?)?(?:code|error)?"""
    rf"""["']?[=: ]{{1,2}}["']?)|(?i:{_BEFORE}status(?:[ _-]?code)?["']?(?:[=:] ?| )["']?)"""
    rf"""|(?:^|[ "\]]){_METHOD} [^ ]+ |(?:-?[0-9]+/){{3,4}}\+?[0-9]+ |(?:-?[0-9]+\.[0-9]+ |-1 ){{3}})"""
    rf"""(?P<b>[2-5])[0-9]{{2}}{_EDGE}"""
    rf"""|(?P<c>{_METHOD} [^ ]+ [^\n]* )(?P<d>[2-5])[0-9]{{2}}(?P<e>(?: [0-9]+){{2,3}}$)"""
)
_MARK, _CLASS_MARK = "\ufdd1", "\ufdd2"
_CLASSES = {"2": "<OK>", "3": "<REDIRECTION>", "4": "<CLIENT_ERROR>", "5": "<SERVER_ERROR>"}
STATUS = (_STATUS, f"${{a}}${{c}}{_CLASS_MARK}${{b}}${{d}}${{e}}")
"""A status of HTTP: behind a protocol, a name for it, or a method and its target; or as proxies and servers"""
""" log it."""

_CODE_GATE = (
    r"[Ee]xit|EXIT|[Ss]ignal|SIGNAL|sig(?:no)?[=:]|[Ee]vent[ _-]?[Ii][Dd]|EVENT[ _-]?ID|[Ee]vent[ _-]?[Cc]ode"
    r"|[Ee]rrno|ERRNO"
    r"|(?:os|rror|OS|Win|win)[ _]?(?:[Ee]rror|[Cc]ode)|SQLSTATE|[Ss][Qq][Ll][Cc][Oo][Dd][Ee]|(?-u:\b)rc[\"=:]"
    r"|(?-u:\b)ret(?:code)?[\"=:]"
    r"|[Rr]eturn(?:ed)?[ _-]?(?:with )?(?:[Cc]ode|[Ss]tatus|[Vv]alue)|ion[ _-]?(?:[Cc]ode|[Ss]tatus)|code=|%[A-Z]"
    r"|(?:ORA|TNS|PLS|RMAN|BEA|AMQ|CSQ|DFH|SP2|KUP)-?[0-9]{4}"
)
GATE = f"{_CODE_GATE}|{_STATUS_GATE}"
"""Only lines with a match of this hold a number that stays."""
_IS = r"""["']?(?: is | was |[=:> ]{1,3}|\()["']?"""
_CODES = (
    rf"(?i:{_EDGE}(?:exit|return|completion|termination)(?:ed|ing)?[ _-]?(?:with "
    rf"|on )?(?:an? )?(?:non-zero )?(?:exit |return )?"
    rf"(?:code|status|value){_IS}|{_EDGE}exit(?:ed|ing)?(?: with)?[ (:=]{{1,2}}|{_EDGE}(?:rc|retcode"
    rf"|ret)[\"']?[=:] ?[\"']?"
    rf"|code=(?:exited|killed|dumped), status=|{_EDGE}(?:signal|sig|signo){_IS}#?|{_EDGE}event[ _-]?(?:id|code){_IS}"
    rf"|(?:errno|os error|winerror|error[ _-]?code|sqlcode)[\]]?{_IS}-?)|{_EDGE}(?:ORA|TNS|PLS|RMAN|BEA|AMQ|CSQ"
    rf"|DFH|SP2|KUP)-?"
    rf"|%[A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*-|SQLSTATE[ =:\[(]{{1,2}}"
)
_DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_SLOTS = "cdefgh"
CODE = (
    rf"(?P<a>{_CODES})(?P<c>[0-9])" + "".join(rf"(?P<{slot}>[0-9]?)" for slot in _SLOTS[1:]) + _EDGE,
    "${a}" + "".join(f"{_MARK}${{{slot}}}" for slot in _SLOTS),
)
"""A number of at most six digits that tells what happened."""
_MARKED = [
    *(f"{_CLASS_MARK}{digit}" for digit in _CLASSES),
    *(f"{_MARK}{digit}" for digit in range(10)),
    _MARK,
]
_WORDS = [*_CLASSES.values(), *(f"<{word}>" for word in _DIGITS), ""]


def with_words(texts: pl.Series) -> pl.Series:
    """Return a String column with the numbers that stay as words."""
    rows = texts.str.contains(GATE).arg_true()
    if not len(rows):
        return texts
    marked = texts.gather(rows).str.replace_all(*CODE).str.replace_all(*STATUS)
    changed = marked != texts.gather(rows)
    if not changed.any():
        return texts
    worded = marked.filter(changed).str.replace_many(_MARKED, _WORDS, leftmost=True)
    return texts.clone().scatter(rows.filter(changed), worded)
