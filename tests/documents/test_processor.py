"""A topic of documents: each record is judged once against a base, in order, whatever becomes of its neighbours."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from jsonschema import Draft202012Validator

from daemon.adapters.document_store import SqliteDocuments
from daemon.adapters.parsing import FileLimits, ReadFile, read_bytes
from daemon.core.documents import Thresholds, blocks_of
from daemon.core.incidents import IncidentSettings
from daemon.core.masking import RedactionSettings, redact
from daemon.core.messages import schemas
from daemon.core.observations import load_observations
from daemon.core.stream import Checkpoint, FeedbackProcessor, IncidentsProcessor, Processor, Settlement
from daemon.core.types import Batch, OutRecord, RefusedText, TopicPartition
from daemon.documents import DocumentProcessor, DocumentTools, Library, Standards
from tests.support.documents import CLAUSES, as_html, as_markdown, as_text, write_all
from tests.support.fakes import FakeEngine
from tests.support.streams import PUBLISHING, of_role
from tests.support.streams import tools as line_tools

SOURCE = TopicPartition("contracts", 3)
FEEDBACK = TopicPartition("feedback", 0)
OBSERVED = TopicPartition("observations", 0)
BEGIN = 1_780_000_000_000
CHANGED = (CLAUSES[0].replace("shall", "may"), *CLAUSES[1:])
ENGINE = FakeEngine()


class InThisProcess:
    """`ports.DocumentReader` without a process of its own."""

    def read_bytes(self, name: str, data: bytes) -> ReadFile:
        return read_bytes(name, data, FileLimits())


@pytest.fixture
def base(tmp_path: Path) -> Iterator[SqliteDocuments]:
    """Return a store whose base holds the contract."""
    store = SqliteDocuments(tmp_path / "kept")
    put(store, "contract.txt", as_text())
    yield store
    store.close()


def put(store: SqliteDocuments, name: str, text: str) -> None:
    asyncio.run(ENGINE.start())
    asyncio.run(Library(store, ENGINE).add("standards", name, "text", blocks_of(text)))


def tools_of(store: SqliteDocuments) -> DocumentTools:
    standards = Standards(Library(store, ENGINE), store, "standards")
    settings = RedactionSettings(emails=True)
    return DocumentTools(
        standards,
        InThisProcess(),
        Thresholds(),
        lambda text: redact(text, settings),
        lambda texts: np.array([len(text.split()) for text in texts], dtype=np.int32),
    )


def processor_of(store: SqliteDocuments, resume: Checkpoint | None = None) -> DocumentProcessor:
    return DocumentProcessor(SOURCE, tools_of(store), replace(PUBLISHING, verdicts=True), resume)


def batch_of(*values: bytes | None, begin: int = 0) -> Batch:
    offsets = range(begin, begin + len(values))
    times = [BEGIN + 60_000 * offset for offset in offsets]
    return Batch(SOURCE, offsets, times, [f"{offset}.txt".encode() for offset in offsets], values)


def settle(processor: Processor, batch: Batch | None) -> None:
    step = processor.step(batch, {})
    while step.missing or step.more:
        step = processor.step(None, {wanted.id: ENGINE.vector(wanted.text) for wanted in step.missing})


def verdicts_of(settlement: Settlement) -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in of_role(settlement.records, "verdicts")]


def letters_of(records: list[OutRecord]) -> list[tuple[bytes | None, str]]:
    name = "__connect.errors.exception.message"
    return [(each.value, dict(each.headers)[name].decode()) for each in of_role(records, "dead_letters")]


def told(settlements: list[Settlement]) -> list[dict[str, Any]]:
    """Return the alerts that the incidents stage makes of what was observed."""
    stage = IncidentsProcessor(OBSERVED, IncidentSettings(warm_up=0), PUBLISHING, None)
    values = [each.value for settlement in settlements for each in of_role(settlement.records, "observations")]
    count = len(values)
    stage.step(Batch(OBSERVED, range(count), [BEGIN] * count, [b"3"] * count, values), {})
    return [orjson.loads(record.value or b"") for record in of_role(stage.take().records, "alerts")]


def test_a_changed_contract_is_an_alert_with_its_case_and_a_good_one_is_none(base: SqliteDocuments) -> None:
    """The alert names the standard, the clause and the words, both sides; the good contract's verdict is normal."""
    processor = processor_of(base)
    settle(processor, batch_of(as_html().encode(), as_text(CHANGED).encode()))
    settlement = processor.take()

    good, odd = verdicts_of(settlement)
    assert (False, True, ["departure"]) == (good["anomalous"], odd["anomalous"], odd["clues"])
    assert ("1.txt", 6, "whole", ["1"]) == (odd["key"], odd["lines"], odd["closed_by"], odd["source"]["positions"])
    opened, updated = told([settlement])
    assert ("opened", "updated", "critical") == (
        opened["incident"]["event"],
        updated["incident"]["event"],
        opened["severity"],
    )
    assert "departs from contract.txt: changed at Service agreement".lower() in opened["summary"].lower()
    assert '"shall" is now "may"' in opened["incident"]["causes"][0]["text"]
    case = updated["document"]
    assert ("1.txt", "text", 6, "contract.txt") == (
        case["name"],
        case["format"],
        case["clauses"],
        case["standards"][0]["document"],
    )
    [departure] = case["departures"]
    assert (["shall"], ["may"]) == (
        [word["text"] for word in departure["there"]["marked"]],
        [word["text"] for word in departure["here"]["marked"]],
    )
    assert "may deliver" in updated["session"][0]["text"]
    strict = schemas(strict=True)
    for alert in (opened, updated):
        Draft202012Validator(strict["alert"]).validate(alert)
    for verdict in (good, odd):
        Draft202012Validator(strict["verdict"]).validate(verdict)


def test_one_edit_in_many_documents_is_one_incident_until_somebody_calls_it_normal(base: SqliteDocuments) -> None:
    """The same changed word in files of several kinds joins one incident; it is back later, unless it was labelled."""
    processor = processor_of(base)
    settle(processor, batch_of(as_text(CHANGED).encode(), as_html(CHANGED).encode(), as_markdown(CHANGED).encode()))
    first = processor.take()
    settle(processor, batch_of(*[as_text().encode()] * 90, as_text(CHANGED).encode(), begin=3))
    later = processor.take()
    [opened, *others] = told([first])
    label = orjson.dumps({"alert": opened["id"], "verdict": "normal", "by": "ann"})
    feedback = FeedbackProcessor(FEEDBACK, line_tools().detector, PUBLISHING, None)
    feedback.step(Batch(FEEDBACK, [0], [BEGIN], [b"x"], [label]), {})

    assert ["opened", {"updated"}] == [opened["incident"]["event"], {each["incident"]["event"] for each in others}]
    assert ["opened", "opened"] == openings(told([first, later]))
    assert ["opened"] == openings(told([first, feedback.take(), later]))


def openings(alerts: list[dict[str, Any]]) -> list[str]:
    events = [alert["incident"]["event"] for alert in alerts]
    return [event for event in events if event in {"opened", "reopened"}]


def test_what_is_no_document_is_a_dead_letter_with_the_reason(base: SqliteDocuments) -> None:
    """Empty, damaged, binary and wrongly wrapped records are refused one by one; the documents between are judged."""
    good = as_text().encode()
    bad = [None, b"", b"%PDF-1.7 broken", b"\xff\xfe\x00", b'{"title": 1}', b'{"content": "!"}']
    processor = processor_of(base)
    settle(processor, batch_of(*bad, good))
    settlement = processor.take()

    letters = letters_of(list(settlement.records))
    assert bad == [value for value, _ in letters]
    assert [
        "bad_document: the record has no value",
        "empty_document: the file holds nothing",
        "bad_document: is damaged",
    ] == [message[:39] if "damaged" not in message else message[:24] for _, message in letters[:3]]
    assert "bad_document: content: is not base64" == letters[5][1]
    assert (1, 7) == (len(verdicts_of(settlement)), settlement.checkpoint.next)


@pytest.mark.parametrize("kind", ["txt", "md", "html", "pdf", "docx"])
def test_a_document_may_be_the_value_or_in_an_object(base: SqliteDocuments, tmp_path: Path, kind: str) -> None:
    """Every format, as bytes and as base64 with a name, is the same document."""
    path = next(each for each in write_all(tmp_path / "files") if each.suffix == f".{kind}")
    content = path.read_bytes()
    wrapped = orjson.dumps({"name": f"signed.{kind}", "content": b64encode(content).decode()})
    processor = processor_of(base)
    batch = batch_of(content, wrapped)
    settle(processor, replace(batch, keys=[f"raw.{kind}".encode(), b"other"]))
    verdicts = verdicts_of(processor.take())

    assert [f"raw.{kind}", f"signed.{kind}"] == [verdict["key"] for verdict in verdicts]
    assert [False, False] == [verdict["anomalous"] for verdict in verdicts]
    assert 1 == len({verdict["pattern"] for verdict in verdicts})


def test_a_document_waits_for_its_turn_and_the_checkpoint_for_it(base: SqliteDocuments) -> None:
    """While the first document's vector is missing, nothing behind it is settled; a new owner reads all of it again."""
    processor = processor_of(base)
    step = processor.step(batch_of(as_text().encode(), b"", as_text(CHANGED).encode()), {})
    late, early = step.missing
    assert (3, 3) == (step.lines, step.load.waiting)
    processor.step(None, {early.id: ENGINE.vector(early.text)})
    settlement = processor.take()
    assert ([], 0) == (list(of_role(settlement.records, "verdicts")), settlement.checkpoint.next)
    assert [] == letters_of(list(settlement.records))

    processor.step(None, {late.id: ENGINE.vector(late.text)})
    whole = processor.take()
    owner = processor_of(base, settlement.checkpoint)
    settle(owner, batch_of(as_text().encode(), b"", as_text(CHANGED).encode()))
    again = owner.take()
    assert 3 == whole.checkpoint.next == again.checkpoint.next
    assert verdicts_of(whole) == verdicts_of(again)
    assert letters_of(list(whole.records)) == letters_of(list(again.records))


def test_a_text_that_the_engine_refuses_is_a_dead_letter(base: SqliteDocuments) -> None:
    """The document behind it is judged."""
    processor = processor_of(base)
    step = processor.step(batch_of(as_text(CHANGED).encode(), as_text().encode()), {})
    refused, good = step.missing
    processor.step(None, {refused.id: RefusedText("too long"), good.id: ENGINE.vector(good.text)})
    settlement = processor.take()

    assert [(as_text(CHANGED).encode(), "refused_text: too long")] == letters_of(list(settlement.records))
    assert [False] == [verdict["anomalous"] for verdict in verdicts_of(settlement)]


def test_a_new_standard_counts_for_the_next_document(base: SqliteDocuments, tmp_path: Path) -> None:
    """Another process adds the changed contract to the base; the daemon need not start again."""
    processor = processor_of(base)
    settle(processor, batch_of(as_text(CHANGED).encode()))
    other = SqliteDocuments(tmp_path / "kept")
    put(other, "changed.txt", as_text(CHANGED))
    other.close()
    settle(processor, batch_of(as_text(CHANGED).encode(), begin=1))

    assert [True, False] == [verdict["anomalous"] for verdict in verdicts_of(processor.take())]


def test_a_text_like_no_standard_and_an_empty_base_are_odd(base: SqliteDocuments) -> None:
    """The alert says so; nothing fails."""
    processor = processor_of(base)
    settle(processor, batch_of(b"Cook the rice for ten minutes."))
    [alert, _] = told([processor.take()])
    assert "is like no standard: nearest contract.txt" in alert["incident"]["causes"][0]["text"]

    base.remove("standards", [each.id for each in base.documents("standards")])
    empty = processor_of(base)
    settle(empty, batch_of(b"Cook the rice for ten minutes."))
    settlement = empty.take()
    assert (None, True) == (verdicts_of(settlement)[0]["similarity"], verdicts_of(settlement)[0]["anomalous"])
    assert "the base has no standards" in told([settlement])[0]["incident"]["causes"][0]["text"]


def test_secrets_of_a_document_leave_it_nowhere(base: SqliteDocuments) -> None:
    """A token and an address in a changed clause are in no verdict and no observation."""
    text = as_text((*CHANGED[:4], "Pay to ann.smith@corp.example with password=hunter2secret9 at once."))
    processor = processor_of(base)
    settle(processor, batch_of(text.encode()))
    settlement = processor.take()
    seen = repr([record.value for record in of_role(settlement.records, "verdicts")])
    for record in of_role(settlement.records, "observations"):
        seen += repr(load_observations(record.value))

    assert "password=" in seen
    assert not any(secret in seen for secret in ("ann.smith", "hunter2secret9"))


def test_an_idle_partition_reports_its_time(base: SqliteDocuments) -> None:
    """So that an incident can end when no document comes."""
    processor = processor_of(base)
    settle(processor, batch_of(as_text(CHANGED).encode()))
    first = processor.take()
    step = processor.flush(3_600.0)
    later = processor.take()

    assert 1 == step.load.outputs
    assert "resolved" == told([first, later])[-1]["incident"]["event"]
