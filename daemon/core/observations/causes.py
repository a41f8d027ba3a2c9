"""What an observation is about: a cause is a line's family, or the line itself where it has no family.

A cause is remembered over the whole window, by every partition alike, because its id is made from the masked line
alone. How bad a cause is comes from its failure score, in three steps (`Gravity`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

from daemon.core.baseline import failure_score, wording

END_WORDS = 12
"""Number of words of a line's beginning, and of its end, that are compared: what failed and why, not the stack."""
_NONE = 0x9E3779B97F4A7C15
"""What the id of a cause differs by where its line counts none of something."""
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{3,}(?![^\W_])")
_PLACEHOLDER = re.compile(r"<[A-Z_]+>")


class Gravity(IntEnum):
    """How bad a cause is. WARNING is also a line of a harmless level with failure words in it."""

    HARMLESS = 0
    WARNING = 1
    FAILURE = 2

    @classmethod
    def of(cls, score: float) -> Gravity:
        """Return the gravity of a failure score (0 to 3)."""
        return cls.FAILURE if score >= 1.0 else cls.WARNING if score > 0.0 else cls.HARMLESS


@dataclass(frozen=True, slots=True)
class Cause:
    """`id` is 16 hexadecimal digits, `score` the failure score of the line, 0 to 3."""

    id: str
    score: float

    @property
    def gravity(self) -> Gravity:
        """How bad the cause is."""
        return Gravity.of(self.score)


@lru_cache(maxsize=16_384)
def cause_of(line: str) -> Cause:
    """Return the cause of a masked line.

    A line that counts none of something (``<ZERO>``) is another cause than the same words with a number.
    """
    family = wording(line)
    if family is None:
        return Cause(blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest(), failure_score(line))
    if "<ZERO>" in line:
        family ^= _NONE
    return Cause(f"{family:016x}", failure_score(line))


@lru_cache(maxsize=16_384)
def cause_of_key(key: str) -> str:
    """Return the id of the cause that stands for a key, which has no line."""
    return blake2b(b"key\0" + key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def words_at_ends(line: str) -> tuple[str, ...]:
    """Return the words of a masked line's beginning and end, in lower case, each once, in order."""
    words = [word.lower() for word in _WORD.findall(_PLACEHOLDER.sub("", line))]
    return tuple(dict.fromkeys([*words[:END_WORDS], *words[-END_WORDS:]]))
