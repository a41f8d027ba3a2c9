"""What differs between two sequences of words: the fewest words deleted and inserted, made readable.

The edits come from rapidfuzz's longest common subsequence, which takes milliseconds for thousands of words. Long texts
are cut into pieces before; a piece that is too long all the same is one edit. Two texts that have little in common
still share *the* and *of*, so an island of few common words between two large changes belongs to the change.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import LCSseq

from daemon.core.documents.anchors import MOST_PAIRS, pieces

ISLAND = 3
"""Fewer equal words than this between two changes, each larger than the island, belong to the change."""


@dataclass(frozen=True, slots=True)
class Edit:
    """``there[there_from:there_to]`` became ``here[here_from:here_to]``; one of them may be empty."""

    there_from: int
    there_to: int
    here_from: int
    here_to: int

    @property
    def size(self) -> int:
        """The words deleted and inserted."""
        return self.there_to - self.there_from + self.here_to - self.here_from


def at_boundaries(
    edits: Sequence[Edit], there: Sequence[str], here: Sequence[str], begins: tuple[Container[int], Container[int]]
) -> list[Edit]:
    """Return the edits. A pure deletion or insertion moves to where a clause begins, if the result is the same.

    `begins` are the places at which clauses begin in either text.
    """
    settled: list[Edit] = []
    for number, edit in enumerate(edits):
        room = edit.there_from - settled[-1].there_to if settled else min(edit.there_from, edit.here_from)
        after = edits[number + 1].there_from if number + 1 < len(edits) else len(there)
        settled.append(_settled(edit, (room, after - edit.there_to), (there, here), begins))
    return settled


def _settled(
    edit: Edit,
    rooms: tuple[int, int],
    texts: tuple[Sequence[str], Sequence[str]],
    begins: tuple[Container[int], Container[int]],
) -> Edit:
    """Return an edit moved to the nearest beginning of a clause, at most `rooms` words back or forward."""
    side = 0 if edit.here_from == edit.here_to else 1
    if side and edit.there_from != edit.there_to:
        return edit
    words, starts = texts[side], begins[side]
    start, stop = (edit.there_from, edit.there_to) if not side else (edit.here_from, edit.here_to)
    ways: list[int] = [] if start not in starts else [0]
    for sign, room in zip((-1, 1), rooms, strict=True):
        for step in range(1, room + 1):
            one, two = (start - step, stop - step) if sign < 0 else (start + step - 1, stop + step - 1)
            if one < 0 or two >= len(words) or words[one] != words[two]:
                break
            if start + sign * step in starts:
                ways.append(sign * step)
                break
    by = min(ways, key=abs, default=0)
    return _shifted(edit, by)


def diff(there: Sequence[str], here: Sequence[str], island: int = ISLAND, most_pairs: int = MOST_PAIRS) -> list[Edit]:
    """Return what changes `there` into `here`, in order; equal sequences have no edits.

    With an `island` of 0 the edits of texts of at most `most_pairs` are minimal.
    """
    edits = [
        edit
        for begin, end, start, stop in pieces(there, here, most_pairs)
        for edit in _edits(there[begin:end], here[start:stop], (begin, start), most_pairs)
    ]
    edits = _touching(_slid(_touching(edits), there, here))
    joined: list[Edit] = []
    for edit in edits:
        joined.append(edit)
        while len(joined) > 1 and _belong(joined[-2], joined[-1], (there, here), island):
            joined[-2:] = [_join(joined[-2], joined[-1])]
    return joined


def _edits(there: Sequence[str], here: Sequence[str], at: tuple[int, int], most_pairs: int) -> Iterator[Edit]:
    """Yield the edits of a piece that begins at these places."""
    begin, start = at
    if len(there) * len(here) > most_pairs and list(there) != list(here):
        yield Edit(begin, begin + len(there), start, start + len(here))
        return
    for step in LCSseq.opcodes(there, here):
        if step.tag != "equal":
            yield Edit(begin + step.src_start, begin + step.src_end, start + step.dest_start, start + step.dest_end)


def _slid(edits: Sequence[Edit], there: Sequence[str], here: Sequence[str]) -> list[Edit]:
    """Return the edits; one that can also stand directly after the edit before it moves there.

    *free [-foundation's software-]* is also *free [-software foundation's-]*: what belongs together stays together.
    """
    slid: list[Edit] = []
    for edit in edits:
        gap = edit.there_from - slid[-1].there_to if slid else 0
        slid.append(_shifted(edit, -gap) if gap and _slides(edit, gap, there, here) else edit)
    return slid


def _slides(edit: Edit, gap: int, there: Sequence[str], here: Sequence[str]) -> bool:
    """Return whether an edit that only deletes or only inserts can stand `gap` words earlier with the same result."""
    if edit.here_from == edit.here_to:
        words, start, stop = there, edit.there_from, edit.there_to
    elif edit.there_from == edit.there_to:
        words, start, stop = here, edit.here_from, edit.here_to
    else:
        return False
    return all(words[start - step] == words[stop - step] for step in range(1, gap + 1))


def _touching(edits: Sequence[Edit]) -> list[Edit]:
    """Return the edits, with adjacent ones joined."""
    joined: list[Edit] = []
    for edit in edits:
        if joined and joined[-1].there_to == edit.there_from and joined[-1].here_to == edit.here_from:
            joined[-1] = _join(joined[-1], edit)
        else:
            joined.append(edit)
    return joined


def _belong(before: Edit, after: Edit, texts: tuple[Sequence[str], Sequence[str]], island: int) -> bool:
    """Return whether the equal words between two edits are an island. Two edits of the same words stay apart."""
    equal = after.there_from - before.there_to
    if equal >= island or min(before.size, after.size) <= 2 * equal:
        return False
    return _words(before, *texts) != _words(after, *texts)


def _words(edit: Edit, there: Sequence[str], here: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    return there[edit.there_from : edit.there_to], here[edit.here_from : edit.here_to]


def _shifted(edit: Edit, by: int) -> Edit:
    return Edit(edit.there_from + by, edit.there_to + by, edit.here_from + by, edit.here_to + by)


def _join(first: Edit, second: Edit) -> Edit:
    return Edit(first.there_from, second.there_to, first.here_from, second.here_to)
