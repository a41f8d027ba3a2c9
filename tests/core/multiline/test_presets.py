"""Each preset on real stack traces: one event a blank line of the sample, in one record and in one record a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.core.formats import FormatSettings, make_format
from daemon.core.multiline import PRESETS, Joiner, Joining, Rules, make_rules
from daemon.core.types import Batch, TopicPartition

TRACES = Path(__file__).parent / "traces"
CASES = sorted(TRACES.glob("*.txt"))


def joined(records: list[str], preset: str) -> list[str]:
    """Return the texts of the events in records of one key."""
    return events_of(records, make_rules([preset]))


def events_of(records: list[str], rules: Rules) -> list[str]:
    count, values = len(records), [record.encode() for record in records]
    batch = Batch(TopicPartition("logs", 0), range(count), [-1] * count, [b"pod"] * count, values)
    lines = make_format(FormatSettings("raw", sources=True)).parse(batch).lines
    joiner = Joiner(Joining(rules))
    return [text for one in (joiner.push(lines), joiner.flush(0)) for text in one.events["text"]]


def test_every_preset_has_traces() -> None:
    """No preset without real traces."""
    assert sorted(PRESETS) == sorted({path.stem.split("-")[0] for path in CASES})


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_trace_is_one_event(path: Path) -> None:
    """A trace is joined with the line that logged it, and with nothing else."""
    expected = path.read_text().rstrip("\n").split("\n====\n")
    lines = [line for event in expected for line in event.split("\n") if line.strip()]
    events = ["\n".join(line for line in event.split("\n") if line.strip()) for event in expected]
    preset = path.stem.split("-")[0]

    assert events == joined(lines, preset)
    assert events == joined(["\n".join(expected)], preset)


def test_patterns_of_ones_own() -> None:
    """`starts` makes every other line go on, `continues` those that match; with a preset, `starts` wins."""
    lines = ["2026 a", "b", "  c", "2026 d", "> e", "  2026 f"]

    def heads(rules: Rules) -> list[str]:
        return [text.split("\n")[0] for text in events_of(lines, rules)]

    assert ["2026 a", "2026 d"] == heads(make_rules([], starts=r"^\d{4}"))
    assert ["2026 a", "b", "  c", "2026 d", "  2026 f"] == heads(make_rules([], continues="^>"))
    assert ["2026 a", "b", "2026 d", "> e", "  2026 f"] == heads(make_rules(["indentation"], starts=r"^\s*\d{4}"))
