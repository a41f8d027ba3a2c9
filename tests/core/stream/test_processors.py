"""What a partition hands over in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.detection import Detector, DetectorSettings
from daemon.core.formats import FieldPaths, FormatSettings
from daemon.core.incidents import IncidentSettings
from daemon.core.masking import RedactionSettings
from daemon.core.observations import MuteOrder, load_observations
from daemon.core.stream import (
    Checkpoint,
    FeedbackProcessor,
    IncidentsProcessor,
    Load,
    LogProcessor,
    Processor,
    RepartitionProcessor,
    Tools,
)
from daemon.core.stream.log_processor import JUDGED_AT_ONCE
from daemon.core.types import Batch, OutRecord, RefusedRange, TopicPartition
from tests.support.streams import (
    ENGINE,
    PUBLISHING,
    SOURCE,
    batch,
    of_role,
    record,
    tools,
    traffic,
    vectors_of,
)

FEEDBACK = TopicPartition("feedback", 0)
RECORDS = traffic(40)


def settle(processor: Processor, given_batch: Batch | None) -> None:
    """Step until nothing is missing and nothing more can be judged; without a batch, flush."""
    step = processor.step(given_batch, {}) if given_batch is not None else processor.flush(1.0)
    while step.missing or step.more:
        step = processor.step(None, vectors_of(step.missing))


def documents(records: list[OutRecord]) -> list[dict[str, object]]:
    return [orjson.loads(record.value or b"") for record in records]


def test_a_settlement_holds_everything_since_the_last_one() -> None:
    """Verdicts, observations, dead letters, the baseline and the checkpoint are handed over together, and once."""
    processor = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    settle(processor, batch([*RECORDS, b"{no json"]))
    settle(processor, None)

    settlement, empty = processor.take(), processor.take()

    verdicts = of_role(settlement.records, "verdicts")
    assert len(verdicts) > 5
    assert [b"{no json"] == [record.value for record in of_role(settlement.records, "dead_letters")]
    assert of_role(settlement.records, "baseline")
    [observed] = of_role(settlement.records, "observations")
    assert len(verdicts) == sum(t.sessions for t in load_observations(observed.value).traffic)
    assert (41, 0) == (settlement.checkpoint.next, settlement.checkpoint.unsettled.size)
    assert ([], []) == (list(empty.records), list(empty.alerts))
    assert 41 == empty.checkpoint.next


@pytest.mark.parametrize("verdicts", [True, False])
def test_a_settlement_says_when_what_it_publishes_closed(*, verdicts: bool) -> None:
    """Each verdict, or those with a clue, has the time at which its session closed, however long its vector takes."""
    clock = [0.0]
    publishing = replace(PUBLISHING, verdicts=verdicts, timer=lambda: clock[0])
    processor = LogProcessor(SOURCE, tools(), publishing, None)
    steps = [processor.step(batch(RECORDS), {})]
    clock[0] = 1.0
    steps.append(processor.flush(1.0))
    clock[0] = 5.0
    while wanted := [pattern for step in steps for pattern in step.missing]:
        steps = [processor.step(None, vectors_of(wanted))]
    while steps[-1].more:
        steps.append(processor.step(None, {}))
    settlement = processor.take()

    [observed] = of_role(settlement.records, "observations")
    cases = load_observations(observed.value).cases
    published = of_role(settlement.records, "verdicts") if verdicts else cases
    assert 0 < len(cases) < len(of_role(settlement.records, "verdicts")) or not verdicts
    assert len(published) == len(settlement.closed) > 0
    assert set(settlement.closed) <= {0.0, 1.0}
    assert [] == list(processor.take().closed)


INCIDENTS = TopicPartition("observations", 0)
QUICK = IncidentSettings(warm_up=0)


def observed(cut: int = len(RECORDS)) -> list[bytes | None]:
    """Return what a log processor observes of the records, as the observations' topic would hold it."""
    processor = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    values: list[bytes | None] = []
    for start in range(0, cut, 5):
        settle(processor, batch(RECORDS[start : start + 5], start))
        values += [record.value for record in of_role(processor.take().records, "observations")]
    settle(processor, None)
    return values + [record.value for record in of_role(processor.take().records, "observations")]


def test_what_is_observed_becomes_news_of_incidents() -> None:
    """The messages of a settlement are those among its records, and its pieces are the state they leave."""
    processor = IncidentsProcessor(INCIDENTS, QUICK, PUBLISHING, None)
    processor.step(batch(observed(), source=INCIDENTS), {})

    settlement, empty = processor.take(), processor.take()

    alerts = documents(of_role(settlement.records, "alerts"))
    assert alerts
    assert [(a["scope"], a["severity"], a["id"]) for a in alerts] == [
        (alert.scope, alert.severity, alert.id) for alert in settlement.alerts
    ]
    assert len(observed()) == settlement.checkpoint.next
    assert settlement.checkpoint.pieces
    assert ([], {}) == (list(empty.records), dict(empty.checkpoint.pieces))


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_incidents_continue_where_a_settlement_ended(data: st.DataObject) -> None:
    """Two processors, the second from the pieces of the first, say together what one would have said."""
    values = observed()
    cut = data.draw(st.integers(1, len(values) - 1))
    whole, one = (IncidentsProcessor(INCIDENTS, QUICK, PUBLISHING, None) for _ in range(2))
    whole.step(batch(values, source=INCIDENTS), {})
    one.step(batch(values[:cut], source=INCIDENTS), {})
    settlement = one.take()
    other = IncidentsProcessor(INCIDENTS, QUICK, PUBLISHING, settlement.checkpoint)
    other.step(batch(values[cut:], cut, INCIDENTS), {})

    said = [*settlement.alerts, *other.take().alerts]
    assert [alert.id for alert in whole.take().alerts] == [alert.id for alert in said]


def versioned() -> Tools:
    """Return tools that look for a version in each record."""
    return replace(tools(), format=FormatSettings(fields=FieldPaths(version="version")))


def of_versions(records: Sequence[OutRecord]) -> list[tuple[str, str]]:
    seen = [load_observations(record.value).versions for record in of_role(records, "observations")]
    return [(version.scope, version.version) for versions in seen for version in versions]


@pytest.mark.parametrize(
    "make",
    [
        lambda resume: LogProcessor(SOURCE, versioned(), PUBLISHING, resume),
        lambda resume: RepartitionProcessor(SOURCE, versioned(), PUBLISHING, resume, 2),
    ],
    ids=["judged here", "judged elsewhere"],
)
@pytest.mark.parametrize("cut", [0, 7, 20, 40])
def test_a_version_is_observed_once_over_a_restart(make: Callable[[Checkpoint | None], Processor], cut: int) -> None:
    """What lines state of versions is in the transaction that takes the lines in, without secrets."""
    stated = ["1.0", "token=ghp_0123456789abcdefghijABCDEFGHIJ012345"]
    lines = [orjson.loads(value) for value in RECORDS]
    values = [orjson.dumps({**line, "version": stated[at // 20]}) for at, line in enumerate(lines)]
    first = make(None)
    settle(first, batch(values[:cut]))
    before = first.take()
    second = make(before.checkpoint)
    settle(second, batch(values))

    seen = of_versions([*before.records, *second.take().records])
    assert ("shop", "1.0") in seen
    assert not any("ghp" in version for _, version in seen)
    assert [2, 2] == [len(set(seen)), len(seen)]


def test_a_foreign_observation_is_a_dead_letter() -> None:
    """What cannot be read becomes a dead letter; the observations beside it count."""
    processor = IncidentsProcessor(INCIDENTS, QUICK, PUBLISHING, None)
    step = processor.step(batch([b"foreign", *observed()], source=INCIDENTS), {})
    settlement = processor.take()

    assert {"bad_observation": 1} == dict(step.rejects)
    assert [b"foreign"] == [record.value for record in of_role(settlement.records, "dead_letters")]
    assert of_role(settlement.records, "alerts")


def test_a_step_is_bounded() -> None:
    """A step judges a limited number of sessions and says that there are more."""
    processor = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    count = JUDGED_AT_ONCE + 10
    processor.step(batch([record(number / 100, f"key-{number}", "step") for number in range(count)]), {})
    flushed = processor.flush(1.0)

    first = processor.step(None, vectors_of(flushed.missing))
    second = processor.step(None, {})

    assert [(JUDGED_AT_ONCE, True), (10, False)] == [(len(s.verdicts), s.more) for s in (first, second)]
    assert (10, 0) == (first.load.waiting, second.load.waiting)


def test_rejects_are_counted_by_reason_and_their_batch_goes_on() -> None:
    """What cannot be parsed is a dead letter; its neighbours are lines."""
    processor = LogProcessor(SOURCE, tools(), PUBLISHING, None)

    step = processor.step(batch([b"{", record(1, "key", "step"), None, b"[]"]), {})

    assert {"not_json": 1, "empty": 1, "not_an_object": 1} == dict(step.rejects)
    assert (1, 3 + 1, 1) == (step.lines, step.load.outputs, step.load.unsettled)  # three letters, one observation


def with_refusal(values: list[bytes | None], at: int, count: int, source: TopicPartition = SOURCE) -> Batch:
    """Return a batch in which the row `at` stands for the `count` records that end there."""
    made = batch(values, count - 1, source)
    last = made.offsets[at]
    offsets = [offset - count + 1 if row < at else offset for row, offset in enumerate(made.offsets)]
    refusal = RefusedRange(last - count + 1, last, "batch_too_large", "too large")
    return replace(made, offsets=offsets, refusals=[refusal])


def letters(records: Sequence[OutRecord]) -> list[tuple[str, str, bytes | None]]:
    """Return the offset, the message and the value of each dead letter."""
    headers = [(dict(record.headers), record.value) for record in of_role(records, "dead_letters")]
    prefix = "__connect.errors."
    return [(h[f"{prefix}offset"].decode(), h[f"{prefix}exception.message"].decode(), v) for h, v in headers]


def test_a_refused_batch_is_one_dead_letter_and_its_neighbours_are_lines() -> None:
    """Its offsets are settled with the transaction that holds the letter; the letter holds nothing of it."""
    processor = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    values = [record(1, "key", "step"), b"{", None, b"[]", record(2, "key", "step")]

    step = processor.step(with_refusal(values, 2, 100), {})
    settle(processor, None)
    settlement = processor.take()

    [verdict] = documents(of_role(settlement.records, "verdicts"))
    assert {"not_json": 1, "batch_too_large": 1, "not_an_object": 1} == dict(step.rejects)
    assert [
        ("1", "not_json", b"{"),
        ("101", "batch_too_large: too large", None),
        ("102", "not_an_object", b"[]"),
    ] == sorted(
        (offset, message if value is None else message.split(":")[0], value)
        for offset, message, value in letters(settlement.records)
    )
    assert [0, 103] == expanded(verdict["source"])
    assert (2, 104) == (step.lines, settlement.checkpoint.next)


@pytest.mark.parametrize(("at", "lost"), [(0, 0), (2, 0), (4, 0)])
def test_a_refused_batch_is_settled_once(at: int, lost: int) -> None:
    """Read again from a checkpoint behind it, no second letter is written, and nothing counts as lost."""
    values: list[bytes | None] = [record(second, "key", "step") for second in range(5)]
    values[at] = None
    one = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    one.step(with_refusal(values, at, 10), {})
    settlement = one.take()
    checkpoint = Checkpoint.decode(settlement.checkpoint.encode())

    other = LogProcessor(SOURCE, tools(), PUBLISHING, checkpoint)
    step = other.step(with_refusal(values, at, 10).since(checkpoint.low), {})
    settle(other, None)
    again = other.take()

    [verdict] = documents(of_role([*settlement.records, *again.records], "verdicts"))
    assert 1 == len(letters([*settlement.records, *again.records]))
    assert 4 == len(expanded(verdict["source"]))
    assert (int(at > 0), lost, 14) == (step.replayed, other.lost, again.checkpoint.next)


def test_lines_whose_batch_is_refused_later_are_not_lost() -> None:
    """With a lower bound after a restart, the open lines of a batch become a dead letter and not missing lines."""
    one = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    one.step(batch([record(second, "key", "step") for second in range(5)]), {})
    checkpoint = one.take().checkpoint

    other = LogProcessor(SOURCE, tools(), PUBLISHING, checkpoint)
    other.step(with_refusal([None, record(9, "key", "step")], 0, 5), {})
    settle(other, None)
    settlement = other.take()

    [verdict] = documents(of_role(settlement.records, "verdicts"))
    assert [("4", "batch_too_large: too large", None)] == letters(settlement.records)
    assert ([5], 0, 6) == (expanded(verdict["source"]), other.lost, settlement.checkpoint.next)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FeedbackProcessor(FEEDBACK, tools().detector, PUBLISHING, None),
        lambda: IncidentsProcessor(INCIDENTS, QUICK, PUBLISHING, None),
        lambda: RepartitionProcessor(SOURCE, tools(), PUBLISHING, None, 2),
    ],
)
def test_every_processor_passes_a_refused_batch(make: Callable[[], Processor]) -> None:
    """Whatever the topic, a batch that was not unpacked is a dead letter and the next offset follows it."""
    processor = make()
    step = processor.step(with_refusal([None], 0, 7), {})
    settlement = processor.take()

    assert {"batch_too_large": 1} == dict(step.rejects)
    assert [("6", "batch_too_large: too large", None)] == letters(settlement.records)
    assert (7, 0) == (settlement.checkpoint.next, settlement.checkpoint.unsettled.size)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, len(RECORDS) - 1))
def test_a_new_processor_continues_where_a_settlement_ended(cut: int) -> None:
    """Of two processors, the second from the first's checkpoint, the lines are in exactly one verdict."""
    one = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    settle(one, batch(RECORDS[:cut]))
    settlement = one.take()
    checkpoint = Checkpoint.decode(settlement.checkpoint.encode())

    other = LogProcessor(SOURCE, tools(), PUBLISHING, checkpoint)
    settle(other, batch(RECORDS[checkpoint.low :], checkpoint.low))
    settle(other, None)

    verdicts = documents(of_role([*settlement.records, *other.take().records], "verdicts"))
    places = [place for document in verdicts for place in expanded(document["source"])]
    assert list(range(len(RECORDS))) == sorted(places)


def expanded(source: Any) -> list[int]:
    """Return the offsets of a verdict's positions, which are ranges such as ``120-131``."""
    spans = [(int(text.partition("-")[0]), int(text.partition("-")[2] or text)) for text in source["positions"]]
    return [offset for first, last in spans for offset in range(first, last + 1)]


def test_feedback_becomes_a_label_and_what_cannot_be_parsed_a_dead_letter() -> None:
    """Labels wait for their commit like any output; a scope that nobody named is looked up in the baseline."""
    shared = tools()
    logs = LogProcessor(SOURCE, shared, PUBLISHING, None)
    settle(logs, batch(RECORDS))
    settle(logs, None)
    pattern = documents(of_role(logs.take().records, "verdicts"))[0]["pattern"]
    processor = FeedbackProcessor(FEEDBACK, shared.detector, PUBLISHING, None)

    values = [orjson.dumps({"pattern": pattern, "verdict": "normal"}), b"{", orjson.dumps({"verdict": "normal"})]
    step = processor.step(batch(values, source=FEEDBACK), {})
    settlement = processor.take()

    assert (["normal"], {"bad_feedback": 2}) == (step.feedback, dict(step.rejects))
    assert Load(outputs=3) == step.load
    assert {pattern} == set(shared.detector.labels("shop"))
    assert [0] == [record.partition for record in of_role(settlement.records, "baseline")]
    assert (3, 2) == (settlement.checkpoint.next, len(of_role(settlement.records, "dead_letters")))
    assert Load() == processor.flush(1.0).load


def test_a_scope_has_so_many_labels() -> None:
    """Labels of patterns that nobody has seen cannot fill the memory; one that is there may change or go."""
    detector = Detector(DetectorSettings(max_labels=100), ENGINE.model, ENGINE.dimensions)
    processor = FeedbackProcessor(FEEDBACK, detector, PUBLISHING, None)

    def said(number: int, verdict: str) -> bytes:
        return orjson.dumps({"scope": "shop", "pattern": f"{number:016x}", "verdict": verdict})

    values = [said(number, "normal") for number in range(103)]
    values += [said(5, "anomalous"), said(6, "forget"), said(200, "normal"), said(201, "normal")]
    step = processor.step(batch(values, source=FEEDBACK), {})
    letters = of_role(processor.take().records, "dead_letters")

    assert 100 == len(detector.labels("shop"))
    assert ({"too_many_labels": 4}, 4) == (dict(step.rejects), len(letters))
    reasons = {value for letter in letters for _, value in letter.headers if value.startswith(b"too_many_labels")}
    assert [True] == [b"detector.max_labels" in reason for reason in reasons]


def test_labels_of_unknown_scopes_end_where_there_may_be_no_more_scopes() -> None:
    """A label keeps its scope, so labels of made-up scopes cannot fill the memory; known ones still get theirs."""
    detector = Detector(DetectorSettings(max_scopes=10), ENGINE.model, ENGINE.dimensions)
    processor = FeedbackProcessor(FEEDBACK, detector, PUBLISHING, None)

    def said(scope: int, pattern: int = 0) -> bytes:
        return orjson.dumps({"scope": f"s{scope}", "pattern": f"{pattern:016x}", "verdict": "normal"})

    step = processor.step(batch([*map(said, range(15)), said(3, 1)], source=FEEDBACK), {})

    assert {"too_many_labels": 5} == dict(step.rejects)
    assert [f"s{number}" for number in range(10)] == [known.scope for known in detector.scopes()]
    assert 2 == len(detector.labels("s3"))


def test_remarks_on_incidents_are_passed_over() -> None:
    """They are for those who look at incidents: no label, no dead letter, and the position moves on."""
    processor = FeedbackProcessor(FEEDBACK, tools().detector, PUBLISHING, None)
    values = [orjson.dumps({"incident": "i", "action": "acknowledge"}), orjson.dumps({"incident": "i"})]

    step = processor.step(batch(values, source=FEEDBACK), {})
    settlement = processor.take()

    assert ([], {"bad_feedback": 1}) == (step.feedback, dict(step.rejects))
    assert (2, ["dead_letters"]) == (settlement.checkpoint.next, [record.role for record in settlement.records])


def test_mutes_go_to_the_incidents_stage() -> None:
    """A mute is an observation of the transaction that settles it, and no label."""
    processor = FeedbackProcessor(FEEDBACK, tools().detector, PUBLISHING, None)
    until = {"until": "2026-11-26T12:00:00Z"}
    values = [{"action": "mute", "scope": "shop"} | until, {"action": "unmute", "scope": "shop", "pattern": "a" * 16}]

    step = processor.step(batch([orjson.dumps(value) for value in [*values, {"action": "mute"}]], source=FEEDBACK), {})
    settlement = processor.take()
    (record,) = of_role(settlement.records, "observations")

    assert (3, {"bad_feedback": 1}, []) == (settlement.checkpoint.next, dict(step.rejects), step.feedback)
    assert [MuteOrder("shop", "", 1_795_694_400_000_000, []), MuteOrder("shop", "a" * 16, None, ["a" * 16])] == list(
        load_observations(record.value).mutes
    )


@pytest.mark.parametrize("skipped", [3, 9])
def test_feedback_continues_after_what_retention_deleted(skipped: int) -> None:
    """Deleted feedback is passed over; the position never goes back."""
    processor = FeedbackProcessor(FEEDBACK, tools().detector, PUBLISHING, Checkpoint(5))

    processor.skip(skipped)

    assert max(5, skipped) == processor.take().checkpoint.next
    assert 0 == processor.lost


def test_the_fake_engine_is_the_one_of_the_detector() -> None:
    """Vectors of these tests have the dimensions that their detector expects."""
    assert ENGINE.dimensions == ENGINE.vector("step").size


def test_dead_letters_are_redacted_where_that_is_configured() -> None:
    """Both processors hand the settings on: no secret of a refused record reaches the topic."""
    publishing, secret = replace(PUBLISHING, redaction=RedactionSettings()), b"{ password=tigerscott99"
    logs = LogProcessor(SOURCE, tools(), publishing, None)
    feedback = FeedbackProcessor(FEEDBACK, tools().detector, publishing, None)
    settle(logs, batch([secret]))
    feedback.step(batch([secret], source=FEEDBACK), {})

    for processor in (logs, feedback):
        assert [b"{ password=<SECRET>"] == [one.value for one in of_role(processor.take().records, "dead_letters")]


@pytest.mark.parametrize("stamp", [1 << 60, (1 << 63) - 1, 253_402_300_800_000, -5])
def test_a_records_timestamp_may_be_any_number(stamp: int) -> None:
    """A producer sets it as it likes: one that no clock shows counts as none, and every line is judged."""
    processor = LogProcessor(SOURCE, tools(), PUBLISHING, None)
    some = batch([*RECORDS[:5], b'{"message": "no time of its own"}'])
    settle(processor, replace(some, timestamps=[1_780_000_000_000, stamp, -1, 0, stamp, stamp]))
    settle(processor, None)

    settlement = processor.take()

    assert documents(of_role(settlement.records, "verdicts"))
    assert 0 == settlement.checkpoint.unsettled.size
    assert not of_role(settlement.records, "dead_letters")


@pytest.mark.parametrize("neighbour", [b"one line", b"two\nlines"])
def test_a_record_of_nothing_but_nul_is_a_dead_letter_whatever_stands_beside_it(neighbour: bytes) -> None:
    """It is blank, and no record of text is lost without a word."""
    given = tools()
    processor = LogProcessor(SOURCE, replace(given, format=FormatSettings("raw")), PUBLISHING, None)
    settle(processor, batch([b"\x00", neighbour]))
    settle(processor, None)

    [letter] = of_role(processor.take().records, "dead_letters")

    assert b"empty: the value is empty or blank" == dict(letter.headers)["__connect.errors.exception.message"]
