"""What is told, and what is not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.incidents import TOLD, Ceiling, IncidentStage, all_names, dump_pieces, load_stage
from daemon.core.observations import Case, Observations, Said, cause_of
from tests.core.incidents.scenes import HOUR, SETTINGS, events, living, observed, sighting, traffic, us

FAILURE = "ERROR db: connection to the store was refused"
OTHER = "FATAL disk: no space left on the device for uploads"
NOW = 4 * HOUR


def test_a_failure_nobody_has_seen_is_told_at_once() -> None:
    """One sighting of a new failure is enough; it says that it was never seen, and in how many sessions."""
    stage = living()

    news = stage.take(observed([], [sighting(NOW, FAILURE)]))

    assert [("opened", FAILURE)] == events(news)
    assert news[0].incident.symptoms[0].why.startswith("never seen in 14,400 sessions over 4.0 h")


def test_it_is_told_once() -> None:
    """The same failure again, within the hour, says nothing new."""
    stage = living()
    stage.take(observed([], [sighting(NOW, FAILURE)]))

    assert [] == events(stage.take(observed([], [sighting(NOW + 60 * n, FAILURE, key=f"k{n}") for n in range(1, 6)])))


def test_where_blocks_begin_does_not_decide_what_is_told() -> None:
    """Failures within five minutes lie in three to five blocks of two minutes, by the second at which they begin."""
    failures = (
        (400, "ERROR pool: no thread is left, giving up"),
        (460, "ERROR cache: entry is broken and was dropped"),
        (520, "ERROR mail: message could not be sent"),
        (640, "ERROR auth: certificate is broken and was refused"),
        (700, "ERROR queue: consumer failed and was replaced"),
    )
    told = []
    for begin in range(0, 1260, 35):
        stage = IncidentStage(SETTINGS)
        before = [sighting(begin + at, line) for at, line in failures]
        stage.take(observed(traffic(begin, begin + 840), before))
        told += events(stage.take(observed([], [sighting(begin + 840, FAILURE)])))

    assert [("opened", FAILURE)] * 36 == told


def test_a_quiet_day_is_quiet() -> None:
    """Known lines at their usual rate tell nothing, however much of the ceiling is left."""
    stage = living(8.0, replace(SETTINGS, ceiling=Ceiling(per_day=1000)))
    chronic = [sighting(8 * HOUR + 900 * n, "WARN auth: login of <NUM> was denied", key=f"k{n}") for n in range(40)]
    stage.take(observed(traffic(8 * HOUR, 9 * HOUR), chronic[:4]))

    assert [] == events(stage.take(observed(traffic(9 * HOUR, 18 * HOUR), chronic[4:])))


@pytest.mark.parametrize(("hours", "each", "told"), [(23, 300.0, False), (25, 300.0, True), (25, 3 * HOUR, False)])
def test_a_service_of_few_sessions_is_told_of_after_a_day(hours: float, each: float, *, told: bool) -> None:
    """A broker's log has a session in five minutes. After a day it is known, if it had a few."""
    stage = IncidentStage(replace(SETTINGS, warm_up=1_000))
    stage.take(observed(traffic(0, hours * HOUR, each=each, sessions=1)))
    news = stage.take(observed([], [sighting(hours * HOUR, "ERROR mq: node is not reachable")]))
    assert [event for event, _ in events(news)] == ["opened"] * told


def test_a_single_new_warning_waits_for_a_second_one() -> None:
    """A never-seen warning is told when another session shows it too, not before."""
    stage = living()
    warning = "WARN pool: pool of connections is nearly empty, timeout ahead"
    alone = stage.take(observed(traffic(NOW, NOW + 60), [sighting(NOW + 1, warning)]))
    again = stage.take(observed(traffic(NOW + 60, NOW + 120), [sighting(NOW + 70, warning, key="other")]))

    assert ([], [("opened", warning)]) == (events(alone), events(again))


def test_a_single_new_harmless_line_is_not_told() -> None:
    """What is new and harmless is news only in company."""
    stage = living(8.0)

    assert [] == events(
        stage.take(observed(traffic(8 * HOUR, 8.1 * HOUR), [sighting(8 * HOUR, "INFO app: a new hint is shown")]))
    )


def test_a_release_is_one_harmless_incident() -> None:
    """Much harmless novelty at one moment is told once, with the warnings that came in its company."""
    stage = living(13.0)
    lines = [
        "shop release two starts",
        "cache of prices was warmed",
        "flag checkout was switched on",
        "WARN a setting is missing",
    ]
    new = [sighting(13 * HOUR + n, f"INFO app: {line}" if "WARN" not in line else line) for n, line in enumerate(lines)]

    news = stage.take(observed(traffic(13 * HOUR, 13.1 * HOUR), new))

    assert ["opened"] == [one.event for one in news]
    assert [0, 4] == [int(news[0].incident.gravity), len(news[0].incident.symptoms)]


def test_one_fault_that_three_services_see_is_one_incident() -> None:
    """Failures that begin at the same moment belong together; the gravest and earliest speaks."""
    stage = living(scopes=("shop", "db", "edge"))
    seen = [
        sighting(NOW, FAILURE, scope="shop"),
        sighting(NOW + 2, "FATAL the store is out of memory and aborts", scope="db"),
        sighting(NOW + 3, "ERROR upstream has failed with <SERVER_ERROR>", scope="edge"),
    ]

    news = stage.take(observed([], seen))

    assert [("opened", FAILURE)] == events(one for one in news if one.event in TOLD)
    assert ["shop", "db", "edge"] == news[-1].incident.services


def test_two_faults_apart_are_two_incidents() -> None:
    """A failure that begins half a minute after another one is told by itself."""
    stage = living()
    news = stage.take(observed([], [sighting(NOW, FAILURE), sighting(NOW + 30, OTHER)]))

    assert [("opened", FAILURE), ("opened", OTHER)] == events(news)


def test_a_burst_of_a_known_warning_is_told() -> None:
    """A warning that comes far more often than ever is told, though it is known."""
    warning = "WARN auth: login of <NUM> was denied"
    stage = living(2.0)
    usual = [sighting(2 * HOUR + 60 * n, warning, key=f"u{n}") for n in range(600)]
    stage.take(observed(traffic(2 * HOUR, 12 * HOUR), usual))

    news = stage.take(observed([], [sighting(12 * HOUR + n, warning, key=f"b{n}") for n in range(60)]))

    assert [("opened", warning)] == events(news)
    assert news[0].incident.onset < us(12 * HOUR + 30) / 1e6


def test_an_incident_that_is_reopened_says_why_it_is_back() -> None:
    """The reason is that of the clue which brought it back, not that of long ago."""
    warning = "WARN auth: login of <NUM> was denied"
    stage = living(2.0)
    usual = [sighting(2 * HOUR + 60 * n, warning, key=f"u{n}") for n in range(600)]
    stage.take(observed(traffic(2 * HOUR, 12 * HOUR), usual))
    (first,) = stage.take(observed([], [sighting(12 * HOUR + n, warning, key=f"b{n}") for n in range(60)]))
    stage.take(observed(traffic(12.1 * HOUR, 12.6 * HOUR)))

    again = [sighting(12.6 * HOUR + n / 10, warning, key=f"c{n}") for n in range(600)]
    said = [one for one in stage.take(observed([], again)) if one.event == "reopened"]

    assert [first.incident.id] == [one.incident.id for one in said]
    reasons = [one.incident.symptoms[one.incident.headline].why for one in (first, *said)]
    assert all(why.split()[1:3] in (["within", "10"], ["within", "60"]) for why in reasons)
    assert reasons[0] != reasons[1]


def test_more_traffic_is_no_burst() -> None:
    """Ten times the traffic with ten times its usual warnings tells nothing."""
    warning = "WARN auth: login of <NUM> was denied"
    stage = living(2.0)
    stage.take(
        observed(traffic(2 * HOUR, 12 * HOUR), [sighting(2 * HOUR + 60 * n, warning, key=f"u{n}") for n in range(600)])
    )
    more = [sighting(12 * HOUR + 6 * n, warning, key=f"b{n}") for n in range(600)]

    assert [] == events(stage.take(observed(traffic(12 * HOUR, 13 * HOUR, sessions=100), more)))


def test_a_failure_that_was_away_is_told_when_it_is_back() -> None:
    """Twice at most in the window; after that its returns are routine."""
    stage = living(4.0)
    told = []
    for outbreak in range(6):
        at = NOW + outbreak * 4 * HOUR
        told += events(
            stage.take(observed(traffic(at, at + 4 * HOUR - 1), [sighting(at + 1, FAILURE, key=f"k{outbreak}")]))
        )

    assert [("opened", FAILURE)] + 2 * [("opened", FAILURE)] == [event for event in told if event[0] in TOLD]


def test_what_was_forgotten_is_new_again() -> None:
    """After the window a failure is new, not back."""
    stage = living(4.0, replace(SETTINGS, window=24 * HOUR))
    stage.take(observed(traffic(NOW, 5 * HOUR), [sighting(NOW, FAILURE)]))
    stage.take(observed(traffic(5 * HOUR, 40 * HOUR)))

    news = stage.take(observed(traffic(40 * HOUR, 40.1 * HOUR), [sighting(40 * HOUR, FAILURE)]))

    assert ["new"] == [one.incident.symptoms[0].kind for one in news if one.event in TOLD]


def test_what_comes_once_a_week_is_not_new_every_week() -> None:
    """A weekly failure that is an hour late is back, not new: it is remembered for a little longer than the window."""
    stage = living(4.0, replace(SETTINGS, window=24 * HOUR))
    stage.take(observed(traffic(NOW, 5 * HOUR), [sighting(NOW, FAILURE)]))
    stage.take(observed(traffic(5 * HOUR, NOW + 25 * HOUR)))

    news = stage.take(observed([], [sighting(NOW + 25 * HOUR, FAILURE)]))

    assert ["back"] == [one.incident.symptoms[0].kind for one in news if one.event in TOLD]


def test_a_service_that_stops_is_told() -> None:
    """Silence where many sessions would have come is an incident; it is over when the service is heard again."""
    stage = living(scopes=("shop", "db"))
    stopped = stage.take(observed(traffic(NOW, NOW + 300, scope="db")))
    later = stage.take(observed([*traffic(NOW + 300, NOW + 3000, scope="db"), *traffic(NOW + 2000, NOW + 3000)]))

    assert [("opened", "shop is silent")] == events(stopped)
    assert ["resolved"] == [one.event for one in later]


def test_a_partition_that_is_not_read_is_not_silence() -> None:
    """Nothing is said of a service while one of its partitions lags behind."""
    stage = living()
    stage.take(observed(traffic(0, 10), source="logs/1"))

    assert [] == events(stage.take(observed(traffic(NOW, NOW + 3000, scope="db"))))


def test_a_reworded_failure_is_the_known_one() -> None:
    """A known failure whose wording gains harmless words is not new."""
    stage = living(2.0)
    known = "ERROR coupon: duplicate key value violates the constraint of coupons"
    stage.take(
        observed(traffic(2 * HOUR, 5 * HOUR), [sighting(2 * HOUR + 900 * n, known, key=f"k{n}") for n in range(12)])
    )
    reworded = f"{known} (line of the second release)"

    assert [] == events(stage.take(observed(traffic(5 * HOUR, 6 * HOUR), [sighting(5 * HOUR, reworded)])))


def test_routine_failures_mute_themselves() -> None:
    """Where unlike failures come all day, new ones are not news; the ceiling is not used up."""
    stage = living(2.0)
    words = random.Random(3)
    told = []
    for n in range(200):
        line = (
            f"ERROR {words.randbytes(3).hex(':')} "
            + " ".join(f"{chr(97 + words.randrange(26)) * 4}{chr(97 + words.randrange(26)) * 3}" for _ in range(5))
            + " failed"
        )
        at = 2 * HOUR + 700 * n
        told += [one for one in stage.take(observed(traffic(at, at + 700), [sighting(at, line)])) if one.event in TOLD]

    assert len(told) <= 10


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**32))
def test_no_day_holds_more_than_its_ceiling(per_day: int, seed: int) -> None:
    """Whatever comes, at most `per_day` incidents are told in any 24 hours."""
    rng = random.Random(seed)
    stage = living(
        2.0, replace(SETTINGS, ceiling=Ceiling(per_day=per_day), floors=(0.0, 0.0, 0.0), doubt=(9.0, 9.0, 9.0))
    )
    told: list[float] = []
    at = 2 * HOUR
    for n in range(150):
        at += rng.expovariate(1 / 1500)
        line = f"ERROR part{chr(97 + n % 26)}{chr(97 + n // 26)} of stage {' '.join(rng.sample(WORDS, 4))} failed"
        news = stage.take(observed(traffic(at, at + 20), [sighting(at, line)]))
        told += [at for one in news if one.event in TOLD]

    assert max((sum(end - 24 * HOUR < t <= end for t in told) for end in told), default=0) <= per_day


WORDS = [
    a + b
    for a in ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron")
    for b in ("ing", "ed", "er", "ly")
]


def test_the_total_holds_over_all_scopes() -> None:
    """`total` bounds what is told of all scopes together; what it holds back is counted."""
    names = [f"service{n}" for n in range(6)]
    stage = living(4.0, replace(SETTINGS, total=3, silence=300.0), scopes=names)
    news = []
    for n, name in enumerate(names):
        news += stage.take(observed([], [sighting(NOW + 15 * n, FAILURE, scope=name)]))

    assert 3 == sum(one.event in TOLD for one in news)
    assert 3 == sum(memory.held_back for memory in stage.scopes.values())


def test_a_session_joins_the_incident_of_its_cause() -> None:
    """The closed session brings the whole case: one update, and its count."""
    stage = living()
    stage.take(observed([], [sighting(NOW, FAILURE)]))
    case = Case("v-1", "shop", us(NOW + 30), [cause_of(FAILURE).id], {"id": "v-1"})

    news = stage.take(Observations("logs/0", us(NOW + 31), cases=[case]))

    assert [("updated", {"id": "v-1"}, 1)] == [(one.event, one.incident.case, one.incident.sessions) for one in news]


def test_a_session_that_comes_when_its_incident_is_over_is_no_news() -> None:
    """It is counted in the incident, which says so when it is opened again; nothing is said at once."""
    stage = living()
    stage.take(observed([], [sighting(NOW, FAILURE)]))
    over = stage.take(observed(traffic(NOW + 10, NOW + 1200)))
    case = Case("v-1", "shop", us(NOW + 1200), [cause_of(FAILURE).id], {"id": "v-1"})
    late = stage.take(Observations("logs/0", us(NOW + 1201), cases=[case]))

    assert (["resolved"], []) == ([one.event for one in over], late)
    assert [1] == [incident.sessions for incident in stage.incidents.values()]
    assert {"late": 1} == stage.sessions


LIFE: dict[str | None, set[str]] = {
    None: {"opened"},
    "opened": {"updated", "escalated", "resolved"},
    "updated": {"updated", "escalated", "resolved"},
    "escalated": {"updated", "escalated", "resolved"},
    "reopened": {"updated", "escalated", "resolved"},
    "resolved": {"reopened"},
}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2400), st.integers(0, 5), st.sampled_from(("shop", "db"))), max_size=40))
def test_the_messages_of_an_incident_follow_its_life(steps: list[tuple[int, int, str]]) -> None:
    """First it is opened; when it is over it is opened again or nothing is said; numbers count the messages."""
    stage = living(scopes=("shop", "db"))
    lines = (FAILURE, OTHER, "WARN pool: nearly empty, timeout ahead", "ERROR cache: reply was lost", "INFO a hint")
    at, latest, numbers = NOW, dict[str, str](), dict[str, int]()
    for wait, what, scope in steps:
        at += wait
        steady = traffic(at - wait, at, scope=scope)
        if what == len(lines):
            case = Case(f"v-{at}", scope, us(at), [cause_of(line).id for line in lines[:3]], {})
            record = Observations("logs/0", us(at), steady, cases=[case])
        else:
            record = observed(steady, [sighting(at, lines[what], scope=scope, key=f"k{at}")])
        for one in stage.take(record):
            assert one.event in LIFE[latest.get(one.incident.id)]
            assert numbers.get(one.incident.id, 0) + 1 == one.number
            latest[one.incident.id], numbers[one.incident.id] = one.event, one.number


def test_a_word_of_a_person_silences_a_cause() -> None:
    """A cause that was called normal is never told again, until that is taken back."""
    stage = living()
    stage.take(observed([], [sighting(NOW, FAILURE)]))
    stage.take(Observations("feedback/0", said=[Said("shop", "p", "normal", [cause_of(FAILURE).id])]))
    away = stage.take(observed(traffic(NOW + 10, NOW + 4 * HOUR), [sighting(NOW + 4 * HOUR, FAILURE)]))

    assert [] == [one for one in away if one.event in TOLD]


@pytest.mark.parametrize("seed", range(5))
def test_its_state_is_all_it_needs(seed: int) -> None:
    """Put away and taken up again between any two records, the stage says the same."""
    rng = random.Random(seed)
    records = [
        observed(
            traffic(NOW + 60 * n, NOW + 60 * n + 60),
            [
                sighting(
                    NOW + 60 * n + rng.random() * 50,
                    f"{rng.choice(('ERROR', 'WARN', 'INFO'))} {' '.join(rng.sample(WORDS, 4))} failed",
                )
                for _ in range(rng.randrange(3))
            ],
        )
        for n in range(120)
    ]
    whole, parted = living(), living()
    said, again = [], []
    pieces = dump_pieces(parted, all_names(parted))
    parted.changed.clear()
    for record in records:
        said += [(one.event, one.incident.id, one.number) for one in whole.take(record)]
        again += [(one.event, one.incident.id, one.number) for one in parted.take(record)]
        if rng.random() < 0.3:
            pieces |= dump_pieces(parted, parted.changed)
            parted = load_stage(SETTINGS, pieces)

    assert said == again
