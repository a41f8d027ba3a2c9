"""Lines that belong together, through the whole chain: exact, and the same however they arrive."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.formats import FieldPaths, FormatSettings
from daemon.core.multiline import Bounds, Joining, make_rules
from daemon.core.observations import Observations
from daemon.core.stream import Checkpoint, Stream, Tools
from daemon.core.types import Batch, ClosedBy, Verdict
from tests.support.streams import SECOND, SOURCE, tools, vectors_of

TRACE = ("{} ERROR charge failed", "java.net.ConnectException: refused", "\tat a.B.c(B.java:1)", "\t... 3 more")
COUNT = 72
CUTS = st.sets(st.integers(1, COUNT - 1), max_size=8).map(sorted)


def traffic(count: int = COUNT) -> list[tuple[bytes, bytes, int]]:
    """Return records (key, value, milliseconds) of three pods whose traces interleave line by line."""
    records = []
    for at in range(count):
        pod, step, second = at % 3, at // 3 % 6, at // 3 * 0.3 + 45 * (at // 36)
        text = TRACE[step].format(f"10:41:{at % 60:02}") if step < len(TRACE) else f"10:41:07 INFO fine {step}"
        records.append((f"pod-{pod}".encode(), text.encode(), int(1_780_000_000_000 + second * 1_000)))
    return records


RECORDS = traffic()


def batch(records: Sequence[tuple[bytes, bytes, int]], first: int = 0) -> Batch:
    keys, values, stamps = zip(*records, strict=True)
    return Batch(SOURCE, range(first, first + len(records)), stamps, keys, values)


def joining_tools(format_: str = "raw", joining: Joining | None = None) -> Tools:
    chosen = joining or Joining(make_rules(["java"]), Bounds(wait=2 * SECOND))
    return replace(tools(), format=FormatSettings(format_, sources=True), joining=chosen)


def judged(stream: Stream) -> list[Verdict]:
    stream.supply(vectors_of(stream.missing()))
    return list(stream.judge())


def essence(verdicts: Sequence[Verdict]) -> list[tuple[str, list[int], tuple[str, ...]]]:
    return [
        (v.id, (v.session.positions >> 20).tolist(), tuple(line.example for line in v.session.lines)) for v in verdicts
    ]


def counted(*observations: Observations) -> dict[tuple[str, int], int]:
    """Return how often each cause was sighted, and how many sessions began, by time."""
    counts: Counter[tuple[str, int]] = Counter()
    for one in observations:
        for sighting in one.sightings:
            counts[sighting.cause, sighting.time // (10 * SECOND)] += sighting.count
        for traffic in one.traffic:
            counts["sessions", traffic.time] += traffic.sessions
    return counts


def whole() -> tuple[list[Verdict], Observations]:
    stream = Stream(SOURCE, joining_tools())
    stream.push(batch(RECORDS))
    stream.flush(ClosedBy.FLUSH)
    return judged(stream), stream.observer.take(None)


def test_a_trace_is_one_line_of_its_session() -> None:
    """A session holds a trace as one line, and every record's position."""
    verdicts, _ = whole()
    texts = {line.example for verdict in verdicts for line in verdict.session.lines}
    traces = [text for text in texts if "ERROR" in text]

    assert all(text.endswith(TRACE[3]) and text.count("\n") == 3 for text in traces)
    assert sorted(offset for _, offsets, _ in essence(verdicts) for offset in offsets) == list(range(COUNT))


def test_every_record_of_a_joined_line_is_unsettled_until_its_session_is_judged() -> None:
    """Closed sessions count as they do when they leave: by records, not by joined lines."""
    stream = Stream(SOURCE, joining_tools())
    stream.push(batch(RECORDS))
    stream.flush(ClosedBy.FLUSH)
    closed = stream.unsettled
    judged(stream)

    assert (COUNT, 0) == (closed, stream.unsettled)


@settings(deadline=None, max_examples=25)
@given(CUTS)
def test_batches_do_not_matter(cuts: list[int]) -> None:
    """The same records give the same verdicts in the same order, however they are cut into batches."""
    stream = Stream(SOURCE, joining_tools())
    verdicts = list[Verdict]()
    for begin, end in zip([0, *cuts], [*cuts, COUNT], strict=True):
        stream.push(batch(RECORDS[begin:end], begin))
        verdicts += judged(stream)
    stream.flush(ClosedBy.FLUSH)
    once, _ = whole()

    assert essence(once) == essence(verdicts + judged(stream))


@settings(deadline=None, max_examples=50)
@given(CUTS, st.integers(0, 8), st.integers(0, 6))
def test_stopped_anywhere_every_line_is_judged_once(cuts: list[int], batches: int, limit: int) -> None:
    """Stopped after any batch and continued from the checkpoint: each line is in one verdict, and observed once."""
    stream = Stream(SOURCE, joining_tools())
    before = list[Verdict]()
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, COUNT], strict=True)):
        stream.push(batch(RECORDS[begin:end], begin))
        stream.supply(vectors_of(stream.missing()))
        before += stream.judge(limit)
        if number == batches:
            break
    checkpoint = Checkpoint.decode(stream.checkpoint("config").encode())
    observed = stream.observer.take(None)

    again = Stream(SOURCE, joining_tools(), checkpoint)
    if checkpoint.low < COUNT:
        again.push(batch(RECORDS[checkpoint.low :], checkpoint.low))
    again.flush(ClosedBy.FLUSH)
    verdicts = before + judged(again)
    once, observed_once = whole()

    assert sorted(essence(once)) == sorted(essence(verdicts))
    assert counted(observed_once) == counted(observed, again.observer.take(None))
    assert 0 == again.lost


def test_a_checkpoint_in_the_middle_of_a_replay_keeps_what_is_held() -> None:
    """Interrupted while it reads again, a partition keeps its held lines, those read and those still to come."""
    stream = Stream(SOURCE, joining_tools())
    stream.push(batch(RECORDS[:12]))
    first = stream.checkpoint()
    again = Stream(SOURCE, joining_tools(), first)
    again.push(batch(RECORDS[:10]))
    second = again.checkpoint()

    assert first.held.size
    assert first.unsettled.tolist() == second.unsettled.tolist()
    assert first.held.tolist() == second.held.tolist()
    assert (first.next, first.clock) == (second.next, second.clock)


def test_held_lines_wait_for_a_flush() -> None:
    """A line that may go on is unsettled, and is judged once the partition is idle."""
    stream = Stream(SOURCE, joining_tools())
    stream.push(batch(RECORDS[:1]))

    assert (True, 1, 0) == (stream.holds, stream.unsettled, stream.open_sessions)
    stream.flush(ClosedBy.IDLE)
    assert [[0]] == [offsets for _, offsets, _ in essence(judged(stream))]
    assert (False, 0) == (stream.holds, stream.unsettled)


def test_parts_of_a_cri_line_are_joined_over_records() -> None:
    """Parts of a line in several records are one line, each stream's by themselves; whole lines are not held."""
    said = [
        ("stdout", "F", "whole"),
        ("stdout", "P", "token=ghp_0123456789abcdefgh"),
        ("stderr", "F", "between"),
        ("stdout", "F", "ijABCDEFGHIJKLMNOP done"),
        ("stdout", "P", "x" * 20),
        ("stdout", "F", ""),
    ]
    records = [
        (b"pod", f"2026-11-22T10:41:07.{at}Z {stream} {tag} {text}".encode(), 1_780_000_000_000 + at)
        for at, (stream, tag, text) in enumerate(said)
    ]
    stream = Stream(SOURCE, joining_tools("cri", Joining()))
    stream.push(batch(records[:2]))

    assert np.array_equal([1 << 20], stream.checkpoint().held)
    stream.push(batch(records[2:], 2))
    stream.flush(ClosedBy.FLUSH)
    (session,) = judged(stream)
    texts = [line.example for line in session.session.lines]

    assert ["whole", "token=<SECRET> done", "between", "x" * 20] == texts
    assert list(range(6)) == (session.session.positions >> 20).tolist()


def test_a_blank_line_of_a_cri_file_does_not_end_a_trace() -> None:
    """A blank line goes on, and what follows it goes on with what was before it."""
    said = ("panic: boom", "", "goroutine 1 [running]:", "main.main()", "\t/app/main.go:12 +0x1d", "", "fine")
    records = [
        (b"pod", f"2026-11-22T10:41:07.{at}Z stderr F {text}".encode(), 1_780_000_000_000 + at)
        for at, text in enumerate(said)
    ]
    stream = Stream(SOURCE, joining_tools("cri", Joining(make_rules(["go"]))))
    stream.push(batch(records))
    stream.flush(ClosedBy.FLUSH)
    (session,) = judged(stream)

    assert ["\n".join(filter(None, said[:-1])), "fine"] == [line.example for line in session.session.lines]


SECRET_TEXT = "login password=tigerscott-Hx77-long ok"
KEY_TEXT = (
    "2026-11-24 10:00:00 ERROR bad key",
    "  -----BEGIN RSA PRIVATE KEY-----",
    "  MIIEowIBAAKCAQEAxk9fQ2xVz7Rm4Tn8Wb1Lp6Yc3Dj5Gs0oFhAbEiUtQwErTzUi",
    "  OpAsDfGhJkLyXcVbNm==",
    "  -----END RSA PRIVATE KEY-----",
)


@given(at=st.integers(1, len(SECRET_TEXT) - 1), together=st.booleans())
@settings(max_examples=40)
def test_a_secret_that_a_runtime_cut_in_two_records_comes_out_in_no_half(at: int, together: bool) -> None:
    """Wherever a line is cut into its parts, its text is joined before secrets are looked for."""
    stamp = "2026-11-24T10:00:00.000000000Z stdout"
    parts = [f"{stamp} P {SECRET_TEXT[:at]}".encode(), f"{stamp} F {SECRET_TEXT[at:]}".encode()]
    records = [(b"pod", part, 1_780_000_000_000) for part in parts]
    stream = Stream(SOURCE, joining_tools("cri", Joining()))
    for first, some in [(0, records)] if together else list(enumerate([[record] for record in records])):
        stream.push(batch(some, first))
    stream.flush(ClosedBy.FLUSH)
    [verdict] = judged(stream)

    assert ["login password=<SECRET> ok"] == [line.example for line in verdict.session.lines]
    assert [0, 1] == (verdict.session.positions >> 20).tolist()


def docker_tools() -> Tools:
    format_ = FormatSettings("json", FieldPaths(message="log"), sources=True)
    return replace(tools(), format=format_, joining=Joining())


def docker_line(text: str, stream: str = "stdout") -> tuple[bytes, bytes, int]:
    value = {"log": text, "stream": stream, "time": "2026-11-24T10:00:00.000000000Z"}
    return b"c1", json.dumps(value).encode(), 1_780_000_000_000


@given(at=st.integers(1, len(SECRET_TEXT) - 1), together=st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_secret_that_docker_cut_in_two_records_comes_out_in_no_half(at: int, together: bool) -> None:
    """A line that Docker cut after 16 KiB is one line, each stream's by itself; other lines are not held back."""
    text = " ".join(["x" * (16_383 - at), SECRET_TEXT])
    records = [
        docker_line("no line feed"),
        docker_line(text[:16_384]),
        docker_line("between\n", "stderr"),
        docker_line(text[16_384:] + "\n"),
    ]
    stream = Stream(SOURCE, docker_tools())
    for first, some in [(0, records)] if together else list(enumerate([[record] for record in records])):
        stream.push(batch(some, first))
    stream.flush(ClosedBy.FLUSH)
    [verdict] = judged(stream)
    texts = [line.example for line in verdict.session.lines]

    assert ["no line feed", "between"] == [text for text in texts if not text.startswith("xxx")]
    assert 3 == len(texts)
    assert not any(part in text for text in texts for part in ("tiger", "scott", "Hx77", "long ok"))
    assert list(range(4)) == (verdict.session.positions >> 20).tolist()


def test_a_line_of_docker_of_less_than_a_part_is_whole() -> None:
    """Only a part has 16 KiB without a line feed; what a shipper strips of its line feed is whole."""
    stream = Stream(SOURCE, docker_tools())
    stream.push(batch([docker_line("a" * 16_383), docker_line("b" * 20_000), docker_line("c" * 16_383 + "\n")]))

    assert 0 == len(stream.checkpoint().held)


def test_a_key_that_is_joined_over_records_is_hidden_whole() -> None:
    """Of a private key whose lines are records of their own nothing is left where lines are joined."""
    stream = Stream(SOURCE, joining_tools(joining=Joining(make_rules(["indentation"]), Bounds(wait=2 * SECOND))))
    for first, text in enumerate(KEY_TEXT):
        stream.push(batch([(b"pod", text.encode(), 1_780_000_000_000 + first)], first))
    stream.flush(ClosedBy.FLUSH)
    [verdict] = judged(stream)

    assert ["2026-11-24 10:00:00 ERROR bad key\n  <SECRET>"] == [line.example for line in verdict.session.lines]
