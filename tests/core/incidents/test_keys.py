"""A key that comes again and again and stays away is noticed; keys that name people or requests are not followed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.incidents import TOLD, IncidentSettings, IncidentStage, all_names, dump_pieces, load_stage
from daemon.core.incidents.presence import Presence, attend_key
from daemon.core.observations import CROWDED, KeySeen, Observations, Said, cause_of_key
from tests.core.incidents.scenes import HOUR, SETTINGS, events, living, observed, sighting, traffic, us

DAY = 24 * HOUR
HOSTS = ("host-1", "host-2", "host-3")
LOST = f"key {HOSTS[2]}"


def seen(at: float, key: str) -> KeySeen:
    return KeySeen("shop", key, us(at))


def run(stage: IncidentStage, begin: float, end: float, keys: tuple[str, ...] = HOSTS) -> list[tuple[str, str]]:
    """Let the service live, with sessions of `keys` once a minute; return what is said."""
    said = []
    for minute in range(int((end - begin) // 60)):
        at = begin + 60 * minute
        lively = observed(traffic(at, at + 60))
        said += events(stage.take(replace(lively, keys=[seen(at + n, key) for n, key in enumerate(keys)])))
    return said


def test_a_key_that_stops_is_told() -> None:
    """It is told within minutes while its service goes on, and the incident is over when the key is back."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    stopped = run(stage, 8 * HOUR, 8 * HOUR + 1200, HOSTS[:2])
    back = run(stage, 8 * HOUR + 1200, 9 * HOUR)

    assert ([("opened", LOST)], [("resolved", LOST)]) == (stopped, back)


def test_it_says_how_long_the_key_stayed_away() -> None:
    """The reason holds the absence, how often sessions began, and the longest absence before; the message its key."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    run(stage, 8 * HOUR, 8.5 * HOUR, HOSTS[:2])
    (incident,) = stage.incidents.values()
    (symptom,) = incident.symptoms

    assert ("silent", HOSTS[2]) == (symptom.kind, incident.key)
    assert symptom.why.startswith("no session for 5.1 min, where one began about every 60 s; its longest absence in")


def test_a_key_of_the_day_is_not_missed_at_night() -> None:
    """A host that is away every night is told in its first night at most."""
    stage = living()
    told = []
    for day in range(1, 6):
        run(stage, day * DAY, day * DAY + 16 * HOUR)
        night = run(stage, day * DAY + 16 * HOUR, (day + 1) * DAY, HOSTS[:2])
        told.append([event for event, _ in night if event in TOLD])

    assert [[], [], [], []] == told[1:]


def test_a_key_that_another_one_replaced_is_not_missing() -> None:
    """Where a container takes the place of another, nothing is told."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)

    assert [] == run(stage, 8 * HOUR, 10 * HOUR, (*HOSTS[:2], "host-4"))


def test_keys_that_leave_often_are_no_news() -> None:
    """Where workers end every hour, only the first ones are told."""
    stage, told = living(), 0
    for n in range(20):
        begin = 4 * HOUR + 2 * n * HOUR
        run(stage, begin, begin + 1.5 * HOUR, (*HOSTS, f"worker-{n}"))
        told += sum(event in TOLD for event, _ in run(stage, begin + 1.5 * HOUR, begin + 2 * HOUR))

    assert told <= 2


def test_a_key_that_stops_with_a_fault_is_a_symptom_of_it() -> None:
    """One incident has the failure and the host that stays away because of it."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    stage.take(observed([], [sighting(8 * HOUR + 5, "ERROR db: connection to the store was refused")]))
    run(stage, 8 * HOUR + 10, 8.5 * HOUR, HOSTS[:2])

    assert [["new", "silent"]] == [[s.kind for s in incident.symptoms] for incident in stage.incidents.values()]


def test_a_word_of_a_person_lets_a_key_stay_away() -> None:
    """A silence that was called normal is not told again."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    first = run(stage, 8 * HOUR, 9 * HOUR, HOSTS[:2])
    stage.take(Observations("feedback/0", said=[Said("shop", "p", "normal", [cause_of_key(HOSTS[2])])]))
    run(stage, 9 * HOUR, 40 * HOUR)
    again = run(stage, 40 * HOUR, 50 * HOUR, HOSTS[:2])

    assert [("opened", LOST)] == first
    assert [] == again


def test_a_key_that_never_comes_back_is_given_up() -> None:
    """After a day without it the incident ends, and the key is no longer followed."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    said = run(stage, 8 * HOUR, 40 * HOUR, HOSTS[:2])

    assert [("opened", LOST), ("resolved", LOST)] == said
    assert cause_of_key(HOSTS[2]) not in stage.scopes["shop"].keys


def test_where_keys_are_people_nobody_is_missed() -> None:
    """A service with more keys in an hour than are followed misses none of them."""
    settings = replace(SETTINGS, max_keys=20)
    stage, said = living(4.0, settings), []
    for hour in range(4, 12):
        people = tuple(f"person-{hour}-{n}" for n in range(30))
        said += run(stage, hour * HOUR, (hour + 1) * HOUR, (*HOSTS, *people))
        assert len(stage.scopes["shop"].keys) <= 20

    assert [] == said


def test_a_restored_stage_misses_the_same_key() -> None:
    """Put away and taken up again at any time, the stage tells the same silence, and holds the same pieces."""
    whole, parted = living(), living()
    pieces = dump_pieces(parted, all_names(parted))
    said: list[list[tuple[str, str]]] = [[], []]
    for n in range(80):
        begin = 4 * HOUR + n * 300
        keys = HOSTS[:2] if 12_000 <= n * 300 < 12_900 else HOSTS
        said[0] += run(whole, begin, begin + 300, keys)
        said[1] += run(parted, begin, begin + 300, keys)
        pieces |= dump_pieces(parted, parted.changed)
        parted = load_stage(SETTINGS, pieces)

    assert [("opened", LOST), ("resolved", LOST)] == said[0] == said[1]
    assert sorted(all_names(whole)) == sorted(all_names(parted))


def test_an_old_state_without_keys_is_read() -> None:
    """A state of version 3 is taken up, and keys are learned from there on."""
    stage = living()
    pieces = {
        key: (value or b"").replace(b'"version":4', b'"version":3').replace(b',"departures":[]', b"")
        for key, value in dump_pieces(stage, all_names(stage)).items()
    }
    old = load_stage(SETTINGS, pieces)
    run(old, 4 * HOUR, 8 * HOUR)

    assert [("opened", LOST)] == run(old, 8 * HOUR, 8.2 * HOUR, HOSTS[:2])


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 90)), max_size=200))
def test_few_keys_are_followed(rows: list[tuple[int, int]]) -> None:
    """Never more than the bound, regular ones are only forgotten all at once, and every change is named."""
    keys: dict[str, Presence] = {}
    named: set[str] = set()
    time = 0.0
    for number, minutes in rows:
        time += 60.0 * minutes
        regular = {name for name, presence in keys.items() if presence.times >= 3}
        before = set(keys)
        changed = attend_key(keys, KeySeen("shop", str(number), round(time * 1e6)), time, 1e9, 5, 3)
        named |= set(changed)
        assert len(keys) <= 5
        assert regular <= keys.keys() or not before & keys.keys()
        assert before ^ set(keys) <= set(changed)

    assert keys.keys() <= named


def test_a_crowd_forgets_the_keys() -> None:
    """The word of a partition that there are too many keys ends what is known of them."""
    stage = living()
    run(stage, 4 * HOUR, 8 * HOUR)
    stage.take(replace(observed(traffic(8 * HOUR, 8 * HOUR + 60)), keys=[seen(8 * HOUR, CROWDED)]))

    assert {} == stage.scopes["shop"].keys
    assert IncidentSettings().max_keys > len(HOSTS)
