"""D2, real variants: half of the BSD-3 texts are the base; the other half are normal, other licences odd."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.documents.contestants import Contest, Scores
from benchmarks.documents.sources import read_rules
from daemon.core.documents import blocks_of
from daemon.ports import Engine

TAUGHT = "bsd-new"
BESIDE = ("bsd-original", "bsd-original-uc", "bsd-source-code", "bsd-simplified", "mit", "apache-1.1", "isc", "zlib")
SMALLEST = 600
"""A shorter text is a part of a licence."""


def read_variants(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Return the names and texts of each licence, one for each text."""
    licences: dict[str, dict[str, str]] = {licence: {} for licence in (TAUGHT, *BESIDE)}
    for name, licence, text in read_rules(folder):
        if licence in licences and len(text) >= SMALLEST:
            licences[licence].setdefault(" ".join(text.split()), name)
    return {licence: [(name, text) for text, name in texts.items()] for licence, texts in licences.items()}


async def judge_variants(
    variants: Mapping[str, Sequence[tuple[str, str]]], seed: int, engine: Engine
) -> tuple[list[bool], list[Scores], list[str]]:
    """Return whether each judged text is of another licence, every contestant's score, and its name."""
    ours = list(variants[TAUGHT])
    random.Random(seed).shuffle(ours)
    taught, held = ours[::2], ours[1::2]
    contest = await Contest.of({name: blocks_of(text) for name, text in taught}, engine)
    judged = [(TAUGHT, *one) for one in held]
    judged += [(licence, *one) for licence in BESIDE for one in variants[licence]]
    scores = [(await contest.scores(blocks_of(text)))[0] for _, _, text in judged]
    return [licence != TAUGHT for licence, _, _ in judged], scores, [f"{one[0]} {one[1]}" for one in judged]
