"""People's labels of the patterns of one scope: normal or anomalous."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.core.arrays import Arrays, nested, part, texts_from_arrays, texts_to_arrays
from daemon.core.baseline.line_table import Ids, LineTable
from daemon.core.types import LabelVerdict

TEACH = "teach"
"""The author of labels of taught sessions: they say that these are normal, and nothing about similar ones."""


@dataclass(slots=True)
class Label:
    """A person's verdict on a pattern; `at` and `renewed` are times."""

    verdict: LabelVerdict
    at: int
    by: str = ""
    note: str = ""
    renewed: int = 0


class Labels:
    """Labels by pattern, a row number of the owner's.

    A label is *in force* once its pattern's lines are known: it may be read before the pattern that it is about.
    """

    def __init__(self, lines: LineTable) -> None:
        self._lines = lines
        self._labels: dict[int, Label] = {}
        self._sets = {verdict: Counter[int]() for verdict in LabelVerdict}

    def __len__(self) -> int:
        return len(self._labels)

    def get(self, pattern: int) -> Label | None:
        """Return the label of `pattern`."""
        return self._labels.get(pattern)

    def patterns(self) -> Iterable[int]:
        """Return the patterns that carry a label."""
        return self._labels.keys()

    def put(self, pattern: int, label: Label | None) -> None:
        """Set or remove the label of `pattern`, which is not in force."""
        if label is None:
            self._labels.pop(pattern, None)
        else:
            self._labels[pattern] = label

    def heed(self, pattern: int, numbers: Ids, change: int) -> None:
        """Put the label of `pattern`, if there is one, in force (`change` 1) or out of force (-1).

        `numbers` are the lines of the pattern.
        """
        label = self._labels.get(pattern)
        if label is None:
            return
        if label.verdict is LabelVerdict.NORMAL:
            self._lines.confirmed[numbers] += change
        if label.by != TEACH:
            sets, lines = self._sets[label.verdict], self._lines.together(numbers)
            sets[lines] += change
            if not sets[lines]:
                del sets[lines]

    def confirmed(self, numbers: Ids) -> bool:
        """Return whether a person confirmed a pattern of exactly these lines as normal, whatever their counts.

        Where another pattern of these lines is labelled anomalous, the counts matter, and none confirms the others.
        """
        normal, anomalous = self._sets[LabelVerdict.NORMAL], self._sets[LabelVerdict.ANOMALOUS]
        if not normal or not (numbers >= 0).all():
            return False
        lines = self._lines.together(numbers)
        return lines in normal and lines not in anomalous

    def save(self) -> Arrays:
        """Return all labels."""
        labels = self._labels.values()
        times = [[pattern, label.at, label.renewed] for pattern, label in self._labels.items()]
        return {
            "times": np.array(times, np.int64).reshape(-1, 3),
            **nested("verdicts", texts_to_arrays(label.verdict for label in labels)),
            **nested("authors", texts_to_arrays(label.by for label in labels)),
            **nested("notes", texts_to_arrays(label.note for label in labels)),
        }

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `save` returned, into an object without labels; none is in force yet."""
        verdicts, authors, notes = (texts_from_arrays(part(name, arrays)) for name in ("verdicts", "authors", "notes"))
        for place, (pattern, at, renewed) in enumerate(arrays["times"].tolist()):
            self._labels[pattern] = Label(LabelVerdict(verdicts[place]), at, authors[place], notes[place], renewed)
