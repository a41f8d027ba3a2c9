"""D1 and D5, planted edits: every standard is edited once for each kind, and each contestant scores the results."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.documents.contestants import Contest, Scores
from benchmarks.documents.planting import Planted, harmless, substantive
from benchmarks.documents.sources import there_and_back
from benchmarks.documents.vocabulary import Vocabulary
from daemon.core.documents import Block, Departure, blocks_of
from daemon.documents import Check
from daemon.ports import Engine


@dataclass(frozen=True, slots=True)
class Judged:
    """One edited text, its scores by contestant, and the place of the changed clause in our list (0: nowhere)."""

    name: str
    planted: Planted
    scores: Scores
    place: int
    shown: str


async def judge_all(
    texts: Mapping[str, str],
    standards: Sequence[str],
    edited: Sequence[str],
    seeds: int,
    engine: Engine,
    words: Vocabulary,
) -> list[Judged]:
    """Make a base of the standards, edit some of them with each seed, and have every contestant score the edited texts.

    Inserted clauses come from texts that are not standards, where there are any.
    """
    contest = await Contest.of({name: blocks_of(texts[name]) for name in standards}, engine)
    others = [name for name in sorted(texts) if name not in standards] or sorted(texts)
    judged = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(seeds):
            chance = random.Random(seed)
            for name in edited:
                other = texts[chance.choice([each for each in others if each != name])]
                made: list[tuple[Planted, Sequence[Block]]] = [
                    (one, blocks_of(one.text))
                    for one in (*substantive(texts[name], other, chance, words), *harmless(texts[name], chance))
                ]
                if seed == 0:  # a file is the same whatever the seed
                    made += [
                        (Planted(kind, "", substantive=False), blocks)
                        for kind, blocks in there_and_back(texts[name], Path(scratch))
                    ]
                for planted, blocks in made:
                    scores, check = await contest.scores(blocks)
                    place = place_of(planted, check) if planted.substantive else 0
                    judged.append(Judged(name, planted, scores, place, first_shown(check)))
    return judged


def first_shown(check: Check) -> str:
    """Return the kind of our first departure and its changed words."""
    match = check.matches[0]
    for departure in match.comparison.departures:
        there, here = (" ".join(p.text for p in side if p.mark) for side in (departure.there, departure.here))
        return f"{match.document.name} {departure.kind} {there[:80]!r} -> {here[:80]!r}"
    return ""


def place_of(planted: Planted, check: Check) -> int:
    """Return the place of the changed clause in our list, from 1 on; 0 when it is not in it."""
    for place, departure in enumerate(check.matches[0].comparison.departures, 1):
        if _is_it(planted, departure):
            return place
    return 0


def _is_it(planted: Planted, departure: Departure) -> bool:
    if planted.clause is not None:
        return departure.clause == planted.clause
    inserted = "".join(char for piece in departure.here if piece.mark for char in piece.text if char.isalnum())
    return len(inserted) >= 10 and inserted[:20] in "".join(filter(str.isalnum, planted.inserted))
