"""Estimated token counts, for where the tokenizer is not here; rather too high than too low.

Each digit, sign and ideograph counts as one token, and so does each group of up to four letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from daemon.adapters.engines.registry import CUT_MARK

_CUT_COST = 8
_TOKEN = re.compile(r"[^\W\d_]{1,4}|\S", re.ASCII)


def estimate(text: str) -> int:
    """Return about how many tokens `text` has."""
    return sum(1 for _ in _TOKEN.finditer(text))


def cut_all(texts: Sequence[str], limit: int) -> list[str]:
    """Return each text, or its beginning and a mark where its estimated tokens are more than `limit`."""
    return [_cut(text, limit) for text in texts]


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    room = limit - _CUT_COST
    end = None
    for number, match in enumerate(_TOKEN.finditer(text), 1):
        if number == room:
            end = match.end()
        if number > limit:
            return text[:end] + CUT_MARK
    return text
