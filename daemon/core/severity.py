"""How badly a line reads: distinct failure words, levels among them.

The lexicon is English and short on purpose: words that name a failure whatever the system. A level that a line states
(``ERROR``, ``FATAL``, or the record's own, which formats put first) counts as such a word; a warning counts as half
of one where nothing else does. A line in another language scores by its level alone, or 0, and where all lines score
alike the part says nothing in its scope.
"""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"\b(?:error|errors|err|fail\w*|fatal|panic|exception\w*|abort\w*|unexpected|invalid|illegal|corrupt\w*|denied"
    r"|refused|timeout|timed out|cannot|can't|could not|unable|lost|missing|not found|no such|critical|severe|alert"
    r"|emerg\w*|dead|killed|crash\w*|broken|bad|interrupted?)\b",
    re.IGNORECASE,
)
_WARNING = re.compile(r"\b(?:WARN|WARNING|warn|warning)\b")
_CAMEL = re.compile(r"([a-z])([A-Z])")
_LEADING = 64
MOST_WORDS = 3


def severity(line: str) -> float:
    """Return the number of distinct failure words of a masked line, at most 3; CamelCase is read as words."""
    words = {word.lower() for word in _WORDS.findall(_CAMEL.sub(r"\1 \2", line))}
    if words:
        return float(min(MOST_WORDS, len(words)))
    return 0.5 if _WARNING.search(line[:_LEADING]) else 0.0
