"""How badly a line reads: the level it states, or else the failure words in it.

A line that states a level (``ERROR``, ``[warn]``, ``error:``, or the record's own, which formats put first) says how
bad it is. An error counts as one failure word, what is worse as two, a warning as half of one, any other level as none;
if its words name a failure too, that adds a quarter. A line that states no level counts its distinct failure words, at
most 3. The lexicon is English and short on purpose: words that name a failure in any system. A line in another language
scores by its level alone, or 0, and where all lines score the same the component has no effect in its scope. An HTTP
server's own failure (``<SERVER_ERROR>``, see `masking`) is a failure word; a client's is not. A denied failure does not
count: ``no errors``, ``non-critical``, ``err=<nil>``, ``"error": null``, ``errors=<ZERO>`` (masks keep this zero, see
`masking`), and a limit such as ``timeout=<NUM>``. Nor does a word that names a thing (``dead tuples``, ``error
handling``), a property (``error-free``), an option (``--fail-fast``), a setting (``on-error=continue``) or a file
(``error.log``).
"""

from __future__ import annotations

import re
from functools import lru_cache

from daemon.core.baseline.denied_failures import begins_with_thing, without_denied

_WORK = (
    r"(?:messages?|records?|events?|jobs?|tasks?|requests?|batch(?:es)?|payloads?|files?|rows?|items?|entr(?:y|ies))"
)
_GIVEN_UP = (
    r"(?:gave|giving|given) up(?! (?:(?:the|its|a|our) )?(?:lease|leader\w*|lock|ownership|turn|slot))"
    r"|(?:to|into) (?:(?:the|a|its) )?dlq"
    rf"|(?:this|the|a|one) {_WORK} (?:is|was|has been|gets|got) (?:now )?(?:abandoned|discarded|quarantined)"
    rf"|(?:abandoning|discarding|quarantining) (?:(?:the|this|a|one) )?{_WORK}"
)
"""Work that is not done any more: given up, or put aside. Counts of it are left out: they are often zero."""
_WORDS = re.compile(
    r"\b(?:server_error|error|errors|err|fail\w*|fatal|panic|exception\w*|abort\w*|unexpected|invalid|illegal|corrupt\w*|denied"
    r"|refused|timeout|timed out|cannot|can't|could not|unable|lost|missing|not found|no such|critical|severe|alert"
    rf"|emerg\w*|dead|killed|crash\w*|broken|bad|interrupted?|{_GIVEN_UP})\b",
    re.IGNORECASE,
)
_HINTS = (
    *("err", "fail", "fatal", "panic", "exception", "abort", "unexpected", "invalid", "illegal", "corrupt", "denied"),
    *("refused", "timeout", "timed", "cannot", "can't", "could", "unable", "lost", "missing", "found", "such"),
    *("critical", "severe", "alert", "emerg", "dead", "killed", "crash", "broken", "bad", "interrupt", "gave", "giv"),
    *("dlq", "abandon", "discard", "quarantin"),
)
"""Each match of `_WORDS` holds one of these. Looking for them takes a tenth of the time; most lines hold none."""
_CAMEL = re.compile(r"([a-z])([A-Z])")
_LEVELS = {
    **dict.fromkeys(("fatal", "critical", "crit", "emerg", "emergency", "alert", "panic"), 2.0),
    **dict.fromkeys(("error", "err", "severe"), 1.0),
    **dict.fromkeys(("warning", "warn"), 0.5),
    **dict.fromkeys(("notice", "info", "information", "log", "debug", "trace"), 0.0),
}
_NAMES = "|".join(_LEVELS)
_END = r"(?=[\s:\]>|,-]|$)"
_FIRST = re.compile(rf"[\W_]*({_NAMES}){_END}", re.IGNORECASE)
_LATER = re.compile(rf"(?<![A-Za-z])(?:({_NAMES.upper()}){_END}|((?i:{_NAMES})) ?:)")
_PLACEHOLDER = re.compile(r"<[A-Z_]+>")
_READ, _LEADING = 512, 64
MOST_WORDS = 3


@lru_cache(maxsize=1024)
def failure_score(line: str) -> float:
    """Return the failure score of a masked line, 0 to 3; CamelCase is read as words."""
    words = words_of_failure(line)
    level = _stated(line)
    if level is None:
        return float(min(MOST_WORDS, len(words)))
    return _LEVELS[level] + (0.25 if words - {level} else 0.0)


def words_of_failure(line: str) -> frozenset[str]:
    """Return the distinct failure words of a masked line, in lower case; CamelCase is read as words."""
    if line.isascii() and not any(map(line.lower().__contains__, _HINTS)):
        return frozenset()
    text = _CAMEL.sub(r"\1 \2", line)
    if not _WORDS.search(text):
        return frozenset()
    return frozenset(word.lower() for word in _WORDS.findall(without_denied(text)))


def _stated(line: str) -> str | None:
    """Return the level that a line states near its start: its first word, one in capitals, or one before a colon.

    Placeholders are skipped: times and addresses in front of a level may be long.
    """
    head = _PLACEHOLDER.sub("", line[:_READ])[:_LEADING]
    for match in (_FIRST.match(head), _LATER.search(head)):
        if match is None:
            continue
        at = match.lastindex or 1
        if match[at].isupper() or not begins_with_thing(head[match.start(at) :]):
            return match[at].lower()
    return None
