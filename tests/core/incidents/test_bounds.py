"""What the stage holds is bounded, and what matters most stays."""

from __future__ import annotations

import random
from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.incidents import IncidentStage, all_names, dump_pieces, load_stage
from daemon.core.incidents.bounds import causes_over
from daemon.core.incidents.memory import CauseMemory
from daemon.core.observations import Observations, Said, cause_of
from tests.core.incidents.scenes import HOUR, SETTINGS, events, living, observed, sighting, traffic

SMALL = replace(SETTINGS, max_scopes=5, max_causes=40, max_rewordings=3, max_waiting=6, max_incidents=4)
FAILURE = "ERROR db: connection to the store was refused"
WORDS = [a + b for a in ("amber", "birch", "cedar", "delta", "ember", "fjord") for b in ("ing", "ed", "er", "ly")]
CAUSES = st.lists(
    st.tuples(st.sampled_from((0.0, 0.25, 1.5)), st.integers(0, 9), st.booleans(), st.booleans()), max_size=40
)


@given(CAUSES, st.integers(0, 40))
def test_what_matters_least_goes_first(rows: list[tuple[float, int, bool, bool]], most: int) -> None:
    """No cause stays that is worth less than one that goes; what is let go is enough."""
    causes = {
        f"{n:03}": CauseMemory(0.0, seen, score, 0.0 if once else None, saved=seen, label="normal" if said else None)
        for n, (score, seen, once, said) in enumerate(rows)
    }

    def worth(name: str) -> tuple[bool, int, bool, float, str]:
        known = causes[name]
        return known.label is not None, int(known.gravity), known.one_off is None, known.saved, name

    gone = causes_over(causes, most)
    number = len(causes) - most + most // 10 if len(causes) > most else 0
    assert sorted(causes, key=worth)[:number] == gone


def flood(seed: int, hours: int) -> list[Observations]:
    """Unlike lines of all gravities, from more services than there is room for."""
    rng = random.Random(seed)
    records = []
    for n in range(hours * 30):
        at = 4 * HOUR + 120 * n
        scope = f"s{rng.randrange(9)}"
        lines = [
            f"{rng.choice(('ERROR', 'WARN', 'INFO'))} {' '.join(rng.sample(WORDS, 5))} failed"
            for _ in range(rng.randrange(12))
        ]
        seen = [sighting(at + k, line, scope=scope) for k, line in enumerate(lines)]
        records.append(observed(traffic(at, at + 110, scope=scope), seen))
    return records


@pytest.mark.parametrize("seed", range(3))
def test_a_flood_stays_within_the_bounds(seed: int) -> None:
    """Whatever comes, nothing grows beyond its bound, in memory and in the topic; what goes is counted by kind."""
    stage = living(4.0, SMALL)
    pieces = dump_pieces(stage, all_names(stage))
    stage.changed.clear()
    for record in flood(seed, 6):
        stage.take(record)
        pieces |= dump_pieces(stage, stage.changed)
        stage.changed.clear()
        assert len(stage.scopes) <= 5
        assert all(len(memory.causes) <= 40 and len(memory.parents) <= 3 for memory in stage.scopes.values())
        assert len(stage.incidents) <= 4
        assert max(len(stage.pending), len(stage.waiting)) <= 6

    assert {"scopes", "causes", "clues", "incidents"} <= set(+stage.let_go)
    written = {tuple(orjson.loads(key)) for key, value in pieces.items() if value is not None}
    assert set(all_names(stage)) == written


def test_a_restored_stage_lets_go_of_the_same() -> None:
    """Put away and taken up again in a flood, the stage says the same and holds the same."""
    whole, parted = living(4.0, SMALL), living(4.0, SMALL)
    pieces = dump_pieces(parted, all_names(parted))
    said: list[list[tuple[str, str]]] = [[], []]
    for n, record in enumerate(flood(7, 5)):
        said[0] += events(whole.take(record))
        said[1] += events(parted.take(record))
        if n % 4 == 0:
            pieces |= dump_pieces(parted, parted.changed)
            parted = load_stage(SMALL, pieces)

    assert said[0] == said[1]
    assert sorted(all_names(whole)) == sorted(all_names(parted))


def test_an_open_incident_that_is_let_go_is_said_to_be_over() -> None:
    """Readers of the topic learn that a told incident is followed no more."""
    stage = living(4.0, replace(SMALL, max_incidents=1))
    first = stage.take(observed([], [sighting(4 * HOUR, FAILURE)]))
    then = stage.take(observed([], [sighting(4 * HOUR + 60, "FATAL disk: no space left on the device for uploads")]))

    assert ["opened"] == [one.event for one in first]
    assert [("opened", False), ("resolved", True)] == [
        (one.event, one.incident.id == first[0].incident.id) for one in then
    ]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_what_a_person_said_stays(seed: int) -> None:
    """A cause that was called normal is not let go while there are others to go."""
    stage: IncidentStage = living(4.0, replace(SMALL, max_scopes=50))
    stage.take(observed([], [sighting(4 * HOUR, FAILURE)]))
    stage.take(Observations("feedback/0", said=[Said("shop", "p", "normal", [cause_of(FAILURE).id])]))
    for record in flood(seed, 2):
        stage.take(record)
    for n in range(100):
        stage.take(observed([], [sighting(6.5 * HOUR + n, f"FATAL {WORDS[n % 24]} {WORDS[n // 24]} broken failed")]))

    assert "normal" == stage.scopes["shop"].causes[cause_of(FAILURE).id].label
