"""Labels of clauses: what they look like in many languages, and which lines of a paragraph are numbered by them.

A line that only begins with a number is not a clause: it may be the second half of a wrapped sentence. So a line counts
as numbered when the number before it or after it stands at the beginning of another line of the paragraph, in the same
style: two of them where the line between them ends like a sentence, or three.
"""
# ruff: noqa: RUF001  # other scripts are meant

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = (
    r"section|article|clause|paragraph|chapter|part|art\.|sec\.|no\.|nr\."
    r"|abschnitt|artikel|ziffer|absatz|kapitel|teil|klausel|punkt"
    r"|artículo|cláusula|sección|artigo|seção|articolo|clausola|sezione|chapitre|paragraphe"
    r"|artykuł|paragraf|článek|madde|pasal|điều|статья|пункт|раздел|стаття|άρθρο|المادة|مادة|סעיף|अनुच्छेद|धारा"
)
_CHINESE = "〇零一二三四五六七八九"
LABEL = re.compile(
    rf"""\s*(?P<label>
      (?:{_WORDS})\s*(?:\d+(?:\.\d+)*|[ivxlc]+)\b\s*[.:)\-\u2013\u2014]?
    | §+\s*\d+[a-z]?\b\.?
    | 第\s*[\d{_CHINESE}十百]+\s*[条條章节節款项項]
    | 제\s*\d+\s*[조장항]
    | [（(][{_CHINESE}十百\d]{{1,4}}[）)]
    | [{_CHINESE}十百]{{1,4}}、
    | \d{{1,3}}(?:\.\d{{1,3}})+\.?(?=\s)
    | \d{{1,3}}\s?[.)．、](?=\s|[^\W\d])
    | \((?:[a-z]|[ivxlc]{{1,5}})\)
    | (?:[a-z]|[ivxlc]{{1,5}})[.)](?=\s)
    | [•◦▪‣·*\u2013\u2014\-](?=\s)
    )\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_BULLET = re.compile(r"[•◦▪‣·*\u2013\u2014\-]")
_CORE = re.compile(rf"\d+|[{_CHINESE}十百]+|[a-z]+")
_ENDS = re.compile(r"[.;:,!?。；：，！？؛،।]\s*$|\b(?:and|or|und|oder|et|ou|y|o|e)\s*$")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_PLAIN = 3
"""So many numbers in a row are a list, whatever stands between them."""


def ordinals(line: str) -> dict[str, int]:
    """Return what the label of a line may mean: its number by style. It is empty for a line without a label.

    A bullet has the style `•`. A letter that is also a Roman digit has two meanings.
    """
    match = LABEL.match(line)
    if match is None:
        return {}
    label = match["label"].casefold()
    if _BULLET.fullmatch(label.strip()):
        return {"•": 0}
    cores = list(_CORE.finditer(label))
    if not cores:
        return {}
    core = cores[-1][0]
    style = " ".join(f"{label[: cores[-1].start()]}#{label[cores[-1].end() :]}".split())
    if core.isdecimal():
        return {style: int(core)}
    if not core.isascii():
        return {style: _chinese(core)}
    meanings = {f"{style}a": ord(core) - ord("a") + 1} if len(core) == 1 else {}
    if all(letter in _ROMAN for letter in core):
        meanings[f"{style}i"] = _roman(core)
    return meanings


def numbered_lines(lines: Sequence[str]) -> set[int]:
    """Return the indices of lines that are numbered in a row with other lines."""
    chains: dict[tuple[str, int], list[int]] = {}
    numbered: set[int] = set()
    for index, line in enumerate(lines):
        for style, value in ordinals(line).items():
            chain = [*chains.get((style, value - 1), []), index]
            chains[style, value] = chain
            ended = len(chain) > 1 and _ENDS.search(lines[index - 1]) is not None
            if style != "•" and (len(chain) >= _PLAIN or ended):
                numbered.update(chain)
    return numbered


def _roman(digits: str) -> int:
    values = [_ROMAN[digit] for digit in digits]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))


def _chinese(digits: str) -> int:
    """Return a number below 1,000 that is written with Chinese digits."""
    total = digit = 0
    for char in digits:
        if char in "十百":
            total += (digit or 1) * (10 if char == "十" else 100)
            digit = 0
        else:
            digit = max(_CHINESE.index(char) - 1, 0)
    return total + digit
