"""The case of a session that carries a clue: why it is one, in a document of bounded size.

A document is kept below a size that every broker accepts. The least telling lines are left out first, and `omitted`
counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.alerts.reasons import Limits, Reasons, reasons
from daemon.core.messages import ContrastLine, LineDocument, encode, verdict_document
from daemon.core.observations import Case
from daemon.core.positions import place
from daemon.core.text import shorten
from daemon.core.types import Verdict

MAX_BYTES = 600_000


@dataclass(frozen=True, slots=True)
class Provenance:
    """What an alert was judged with.

    `budget` is as configured, `model` names the vectors, `config` is the configuration's hash, and `baseline` says how
    far the baseline's topic had been read.
    """

    budget: str
    model: str
    config: str
    baseline: str = ""


def case_of(verdict: Verdict, about: Provenance) -> Case:
    """Return the case of a session that carries a clue, for the incidents stage; its JSON has at most `MAX_BYTES`."""
    judged, limits = JudgedLines.of(verdict), Limits()
    why = reasons(judged, limits)
    document = _case_document(verdict, why, about, limits)
    while len(encode(document)) > MAX_BYTES and limits != limits.halved():
        limits = limits.halved()
        document = _case_document(verdict, reasons(judged, limits), about, limits)
    return Case(document["verdict"], verdict.session.scope, verdict.session.end, why.causes, document)


def _case_document(verdict: Verdict, why: Reasons, about: Provenance, limits: Limits) -> dict[str, Any]:
    """Return what an alert shows of a closed session: all fields but those of the incident."""
    shown: dict[str, Any] = {**verdict_document(verdict)}
    name = shown.pop("id")
    for field in ("anomalous", "clues", "learned", "phase"):
        del shown[field]
    named = place if verdict.origins is None else verdict.origins.place
    lines, contrast = verdict.session.lines, why.fields["contrast"]
    texts = {line.masked: shorten(line.example, limits.text) for line in lines}

    def of_line(line: LineDocument, number: int) -> dict[str, Any]:
        own = lines[number]
        return {**line, "text": texts[own.masked], "first": named(own.first), "last": named(own.last)}

    def of_difference(line: ContrastLine) -> dict[str, Any]:
        return {**line, "text": texts[line["text"]]}

    own_texts = {kind: list(map(of_difference, contrast[kind])) for kind in ("only_here", "more", "fewer")}
    return {
        **shown,
        "verdict": name,
        **why.fields,
        "session": list(map(of_line, why.fields["session"], why.numbers)),
        "contrast": {**contrast, **own_texts},
        "model": about.model,
        "config": about.config,
        "baseline": about.baseline,
    }
