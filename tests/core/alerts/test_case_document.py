"""Cases of sessions that are judged alike: what they share is made once, and is as if it were made anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.core.alerts import case_of
from daemon.core.alerts.judged_lines import JudgedLines
from daemon.core.alerts.reasons import Limits, reasons
from daemon.core.types import Evidence, SessionLine, Verdict
from tests.support.cases import ABOUT, neighbour, verdict

LINES = {"BEGIN": 12, "ERROR deadlock <NUM>": 3, "ERROR timeout <NUM>": 3, "SELECT <NUM>": 41}
FAULT = verdict(
    LINES,
    nearest=[neighbour({"BEGIN": 12, "COMMIT": 12, "SELECT <NUM>": 4})],
    evidence=[
        Evidence("ERROR deadlock <NUM>", "new", 9.0, 0.0),
        Evidence("ERROR timeout <NUM>", "new", 9.0, 0.0),
        Evidence("COMMIT", "missing", 6.0, 0.998),
    ],
)


def again(lines: dict[str, int], text: str, first: int) -> Verdict:
    """Return the verdict on a later session of other texts that shares the judgement."""
    later = verdict(lines, first=first, key="host18", pattern=FAULT.pattern.id)
    shown = [
        SessionLine(line.masked, line.count, line.first, line.last, f"{text} {line.masked}")
        for line in later.session.lines
    ]
    return later._replace(session=later.session._replace(lines=shown), judgement=FAULT.judgement)


@pytest.mark.parametrize(
    "lines",
    [LINES, dict(reversed(LINES.items())), LINES | {"BEGIN": 1}, {"BEGIN": 12, "ERROR timeout <NUM>": 3}],
    ids=["alike", "in another order", "with another count", "with other lines"],
)
def test_the_case_of_a_session_that_shares_a_judgement_is_as_if_it_were_the_only_one(lines: dict[str, int]) -> None:
    """Its own order, counts, texts and places are shown, whatever sessions were judged the same way before."""
    case_of(FAULT, ABOUT)
    later = again(lines, "later", 900)
    anew = later._replace(judgement=replace(FAULT.judgement))

    assert case_of(anew, ABOUT) == case_of(later, ABOUT)


def test_a_later_session_leaves_the_case_of_an_earlier_one_as_it_was() -> None:
    """What cases share is not written to when a case is filled in."""
    before = case_of(FAULT, ABOUT)
    case_of(again(LINES, "later", 900), ABOUT)

    assert {f"[{line}]" for line in LINES} == {line["text"] for line in before.document["session"]}
    assert before == case_of(FAULT, ABOUT)


def test_reasons_are_made_once_for_sessions_judged_alike() -> None:
    """A fault that many sessions show is explained once for each pattern and judgement."""
    why, later = reasons(JudgedLines.of(FAULT), Limits()), again(LINES, "later", 900)

    assert why is reasons(JudgedLines.of(later), Limits())
    assert why is not reasons(JudgedLines.of(later._replace(judgement=replace(FAULT.judgement))), Limits())
