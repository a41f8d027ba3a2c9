"""D3, real edits: versions of licences and terms of service, as their owners changed them.

Of each family with several versions, every second one is a standard. The versions between are what was really edited,
and are to be found. The standards with harmless edits, as D1 plants them, are not. In a second round the standards and
the edited versions change places.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.documents.contestants import Contest, Scores
from benchmarks.documents.planting import harmless
from benchmarks.documents.sources import read_language
from daemon.core.documents import blocks_of
from daemon.ports import Engine

_VERSIONED = re.compile(r"(.+?)-v?(\d+(?:\.\d+)*[a-z]?)")
HARMLESS = 2
"""Harmless edits of each standard, of kinds that are drawn at random."""
Family = Sequence[tuple[str, str]]
"""Names and texts of the versions of one document, from the first to the latest."""


def read_versions(folder: Path) -> list[Family]:
    """Return the families of English texts above 3 kB in the package licensedcode-data that have several versions."""
    families: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, text in read_language(folder, "en").items():
        if (parts := _VERSIONED.fullmatch(name)) is not None:
            families[parts[1]].append((name, text))
    return [sorted(family, key=lambda each: _version(each[0])) for family in families.values() if len(family) > 1]


async def judge_versions(
    families: Sequence[Family], turn: int, engine: Engine
) -> tuple[list[bool], list[Scores], list[str]]:
    """Return whether each judged text was edited, every contestant's score, and its name; `turn` is 0 or 1."""
    standards = [each for family in families for each in family[turn::2]]
    edited = [each for family in families for each in family[1 - turn :: 2]]
    contest = await Contest.of({name: blocks_of(text) for name, text in standards}, engine)
    chance = random.Random(turn)
    judged = [(True, name, text) for name, text in edited]
    for name, text in standards:
        made = harmless(text, chance)
        judged += [(False, f"{name} {one.kind}", one.text) for one in chance.sample(made, min(HARMLESS, len(made)))]
    scores = [(await contest.scores(blocks_of(text)))[0] for _, _, text in judged]
    return [odd for odd, _, _ in judged], scores, [name for _, name, _ in judged]


def _version(name: str) -> tuple[tuple[int, ...], str]:
    """Return what versions are ordered by: their numbers, and the letter behind them."""
    parts = _VERSIONED.fullmatch(name)
    number = parts[2] if parts is not None else ""
    return tuple(int(digits) for digits in re.findall(r"\d+", number)), number
