"""A usual line that is missing from most sessions like those that had it is noticed, while the others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.incidents import IncidentStage, all_names, dump_pieces, load_stage
from daemon.core.incidents.companions import BLOCK, COMPANION, LEARNING, LEFT, Companion, CountedSession
from daemon.core.incidents.together import Together
from daemon.core.observations import LinesTogether, Said, Sighting, cause_of
from tests.core.incidents.scenes import HOUR, SETTINGS, USUAL, events, observed, sighting, traffic, us

PLACED = "INFO cart: order <NUM> was placed"
CHARGED = "INFO pay: card of order <NUM> was charged"
CONFIRMED = "INFO pay: payment of order <NUM> is confirmed"
APPROVED = "INFO ledger: amount <NUM> booked at once"
ORDER = (USUAL, PLACED, CHARGED, CONFIRMED)
SHORT = (USUAL, PLACED, CHARGED)
EACH = 6.0
"""Seconds between sessions."""


def whole(at: float, lines: Sequence[str]) -> LinesTogether:
    return LinesTogether("shop", us(at), us(at + 1), tuple(sorted(cause_of(line).id for line in lines)))


def run(
    stage: IncidentStage, begin: float, end: float, shape: Callable[[int], Sequence[str]] = lambda _: ORDER
) -> list[tuple[str, str]]:
    """Let the service live, with a session of the lines that `shape` gives for its number every EACH seconds."""
    said = []
    for minute in range(int((end - begin) // 60)):
        at = begin + 60 * minute
        sessions = [(at + n * EACH, shape(minute * 10 + n)) for n in range(10)]
        firsts = {line: (time, line) for time, lines in reversed(sessions) for line in lines}
        seen: list[Sighting] = [sighting(time, line) for time, line in firsts.values() if line != USUAL]
        lively = observed(traffic(at, at + 60), seen)
        said += events(stage.take(replace(lively, together=[whole(time, lines) for time, lines in sessions])))
    return said


@pytest.fixture
def stage() -> IncidentStage:
    """A service that has lived for three hours."""
    stage = IncidentStage(SETTINGS)
    assert [] == run(stage, 0, 3 * HOUR)
    return stage


def mostly(lines: Sequence[str]) -> Callable[[int], Sequence[str]]:
    """Return a shape that four sessions in five have; the fifth is whole."""
    return lambda number: lines if number % 5 else ORDER


def test_a_line_that_goes_missing_is_told_once(stage: IncidentStage) -> None:
    """It is told within minutes, and the incident is over when sessions have it again."""
    gone = run(stage, 3 * HOUR, 3 * HOUR + 1800, mostly(SHORT))
    back = run(stage, 3 * HOUR + 1800, 4 * HOUR)

    assert ([("opened", CONFIRMED)], [("resolved", CONFIRMED)]) == (gone, back)


def test_it_says_in_how_many_sessions_the_line_is_missing(stage: IncidentStage) -> None:
    """The reason holds the sessions that lack it, those that had it before, and the line that they have in common."""
    run(stage, 3 * HOUR, 3 * HOUR + 300, mostly(SHORT))
    (incident,) = stage.incidents.values()
    (symptom,) = incident.symptoms
    before, after = symptom.why.split(" sessions that have ")

    assert ("missing", cause_of(CONFIRMED).id, CONFIRMED) == (symptom.kind, symptom.cause, symptom.text)
    assert "missing in 10 of the last" in before
    assert ", where 100% of 1,78" in after
    assert after.endswith("had it; at most 0 of 20 lacked it before in 3.0 h")
    assert 3 * HOUR <= incident.onset - us(0) / 1e6 <= 3 * HOUR + 60


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((*SHORT, APPROVED), id="another line came in its place"),
        pytest.param((USUAL,), id="most of the lines are missing"),
        pytest.param(ORDER, id="nothing is missing"),
    ],
)
def test_what_explains_it_is_not_told(stage: IncidentStage, lines: Sequence[str]) -> None:
    """Sessions that say it otherwise, are of another kind, or are as usual, are no news."""
    assert [] == run(stage, 3 * HOUR, 3 * HOUR + 1200, mostly(lines))


def test_a_line_that_every_session_says_in_other_words_is_not_missed(stage: IncidentStage) -> None:
    """The new words soon come with the usual lines themselves, and are still what came in place of the old ones."""
    assert [] == run(stage, 3 * HOUR, 4 * HOUR, lambda _: (*SHORT, APPROVED))


def test_a_line_that_is_labelled_normal_is_not_missed(stage: IncidentStage) -> None:
    """Who says that the absence of a line is normal hears no more of it."""
    cause = cause_of(CONFIRMED).id
    stage.take(replace(observed(lines=False), said=[Said("shop", cause, "normal", [cause])]))

    assert [] == run(stage, 3 * HOUR, 3 * HOUR + 1200, mostly(SHORT))


def test_a_line_that_goes_missing_often_is_not_told() -> None:
    """Of five hours that lack the line, two hours apart, the first is told and no later one."""
    stage, told = IncidentStage(SETTINGS), list[int]()
    for time in range(5):
        begin = 3 * HOUR * time
        run(stage, begin, begin + 2 * HOUR)
        said = run(stage, begin + 2 * HOUR, begin + 3 * HOUR, mostly(SHORT))
        told += [time for event, text in said if event in ("opened", "reopened") and text == CONFIRMED]

    assert [0] == told


def test_a_young_service_misses_nothing() -> None:
    """A line must have come with others for an hour before it can be missing."""
    stage = IncidentStage(SETTINGS)

    assert [] == run(stage, 0, 2700) + run(stage, 2700, 3300, mostly(SHORT))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 15))
def test_a_stage_that_is_restored_goes_on_alike(minutes: int) -> None:
    """Dumped and loaded in the middle of a fault, it tells the same and ends in the same state."""
    one = IncidentStage(SETTINGS)
    run(one, 0, 1.5 * HOUR)
    run(one, 1.5 * HOUR, 1.5 * HOUR + 60 * minutes, mostly(SHORT))
    other = load_stage(SETTINGS, dump_pieces(one, all_names(one)))
    begin = 1.5 * HOUR + 60 * minutes

    assert run(one, begin, begin + 600, mostly(SHORT)) == run(other, begin, begin + 600, mostly(SHORT))
    assert one.scopes["shop"].together == other.scopes["shop"].together


def test_changed_names_all_that_changed(stage: IncidentStage) -> None:
    """Pieces written after each step add up to the state."""
    pieces = dump_pieces(stage, all_names(stage))
    stage.changed.clear()
    run(stage, 3 * HOUR, 3 * HOUR + 600, mostly(SHORT))
    pieces |= dump_pieces(stage, stage.changed)

    assert dump_pieces(stage, all_names(stage)) == {name: piece for name, piece in pieces.items() if piece is not None}


def counted(together: Together, sessions: Sequence[tuple[float, frozenset[str]]]) -> list[list[str]]:
    """Count sessions with their ends; return the anchors that each was counted for."""
    return [[name for name, _ in together.count(CountedSession(end - 1, end, causes), 0)] for end, causes in sessions]


def test_a_well_known_line_counts_one_block_a_minute() -> None:
    """At first each session counts; later one block of each minute does, whatever a rarer line of it counts."""
    together = Together()
    together.follow("a")
    together.follow("b")
    both, one = frozenset("ab"), frozenset("a")
    known = counted(together, [(1.0, one)] * (LEARNING * BLOCK))
    later = counted(together, [(61.0, one)] * BLOCK + [(62.0, one), (63.0, both), (121.0, one)])

    assert [["a"]] * (LEARNING * BLOCK) == known
    assert [["a"]] * BLOCK + [[], ["b"], ["a"]] == later


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcd")), max_size=150), st.integers(1, 60))
def test_sessions_of_open_blocks_are_kept_and_no_others(sessions: list[set[str]], each: int) -> None:
    """Pieces written after each session give the same counts again, and what is in no open block is deleted."""
    together = Together()
    for cause in "abc":
        together.follow(cause)
    pieces: dict[tuple[str, str], object] = {name: together.dump(*name) for name in together.take_changed()}
    for number, causes in enumerate(sessions):
        counted(together, [(float(number * each), frozenset(causes))])
        pieces |= {name: together.dump(*name) for name in together.take_changed()}
    restored = Together(together.number)
    for (kind, name), piece in pieces.items():
        if piece is not None:
            restored.load(kind, name, orjson.loads(orjson.dumps(piece)))
    restored.recount()

    assert together == restored
    assert {number for anchor in together.anchors.values() for number in anchor.block} == set(together.sessions)


def test_a_line_that_is_followed_no_more_leaves_no_session() -> None:
    """Sessions of its open block alone are deleted."""
    together = Together()
    together.follow("a")
    together.follow("b")
    counted(together, [(1.0, frozenset("a")), (2.0, frozenset("ab"))])
    together.take_changed()
    together.drop("a")

    assert ([1], {("t", "a"), ("w", "0")}) == (list(together.sessions), together.take_changed())


def naive(sessions: Sequence[frozenset[str]], cause: str) -> tuple[int, int, float, int] | None:
    """Return sessions, misses, usual misses and misses here of a companion, counted again from all blocks."""
    blocks = [sessions[at : at + BLOCK] for at in range(0, len(sessions) - BLOCK + 1, BLOCK)]
    followed: list[int] | None = None
    for block in blocks:
        misses = sum(cause not in session for session in block)
        if followed is None:
            followed = [misses] if 1 - misses / BLOCK >= COMPANION else None
            continue
        followed.append(misses)
        if 1 - sum(followed) / (BLOCK * len(followed)) < LEFT:
            followed = None
    if followed is None:
        return None
    here = sum(cause not in session for session in sessions[BLOCK * len(blocks) :])
    return BLOCK * len(followed), sum(followed), max([0, *followed[1:-1]]), here


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=12),
    st.integers(0, BLOCK - 1),
    st.randoms(use_true_random=False),
)
def test_companions_are_counted_as_in_all_blocks(phases: list[int], rest: int, random: object) -> None:
    """Shares, peaks and misses are those that a count over all sessions gives."""
    chances = (0.0, 0.03, 0.2, 0.9)
    sessions = [
        frozenset(c for c in "bcd" if random.random() >= chances[phase] * (1 + "bcd".index(c)) / 3) | {"a"}  # type: ignore[attr-defined]
        for phase in phases
        for _ in range(BLOCK)
    ][: BLOCK * len(phases) - rest]
    together = Together()
    together.follow("a")
    for at, session in enumerate(sessions):
        assert "a" in [name for name, _ in together.count(CountedSession(at, at + 1, session), 0)]

    for cause in "bcd":
        known = together.anchors["a"].companions.get(cause)
        assert naive(sessions, cause) == (known and (known.sessions, known.misses, known.usual_misses, known.here))


def test_a_companion_forgets_the_misses_of_the_window_before() -> None:
    """Counts are halved and peaks forgotten as the halves of the window pass."""
    companion = Companion(0.0, 100, 10, 0, highest=9, before=3)
    companion.end_block(BLOCK, 1)
    assert (70, 5, 9) == (companion.sessions, companion.misses, companion.usual_misses)
    companion.end_block(BLOCK, 2)
    assert (55, 2, 3) == (companion.sessions, companion.misses, companion.usual_misses)
