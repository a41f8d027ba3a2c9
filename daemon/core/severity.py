"""How badly a line reads: distinct failure words, and the level where the line states one.

The lexicon is English and short on purpose: words that name a failure whatever the system. A line in another language
scores by its level alone, or 0, and the part then carries no information in its scope.
"""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"\b(?:error|errors|err|fail\w*|fatal|panic|exception\w*|abort\w*|unexpected|invalid|illegal|corrupt\w*|denied|refused"
    r"|timeout|timed out|cannot|can't|could not|unable|lost|missing|not found|no such|critical|severe|alert|emerg\w*|dead"
    r"|killed|crash\w*|broken|bad|interrupted?)\b",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"([a-z])([A-Z])")
MOST_WORDS = 3


def severity(line: str) -> float:
    """Return the number of distinct failure words of a masked line, at most 3; CamelCase is read as words."""
    return float(min(MOST_WORDS, len({word.lower() for word in _WORDS.findall(_CAMEL.sub(r"\1 \2", line))})))
