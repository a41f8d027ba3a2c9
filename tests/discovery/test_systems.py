"""What `try` chooses for the logs of a hundred systems, against what is right of each."""

from __future__ import annotations

import re

import polars as pl
import pytest

from daemon.config import parse_config
from daemon.core.formats import joined
from daemon.core.messages import rfc3339
from daemon.core.positions import INDEX_BITS
from daemon.discovery import WINDOW, Discovery, Surroundings, discover, write_configuration
from daemon.discovery.reading import parse
from tests.discovery.systems import SYSTEMS, System, tell


def rows_of(found: Discovery, texts: list[str], system: System) -> pl.DataFrame:
    """Return the lines that the daemon's format makes of a log, but for its heading."""
    lines = [line for text in texts for line in text.split("\n") if line][len(system.head) :]
    begins = found.reading.begins
    raw = [line.encode() for line in lines]
    records = [b"\n".join(record) for batch in joined([raw], begins) for record in batch] if begins else raw
    return parse(found.reading, records).lines


def first_words(rows: pl.DataFrame) -> set[str]:
    """Return the word with which the first line of each record begins."""
    records = rows.group_by(rows["position"] // (1 << INDEX_BITS), maintain_order=True).first()
    return set(records["text"].str.extract(r"^\W*([A-Za-z]+)").drop_nulls())


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_read_as_it_logs(name: str) -> None:
    """Format, time, level, service and session are those that one who knows the system would name, and are written."""
    system = SYSTEMS[name]
    texts = tell(system)
    found = discover(texts)
    rows = rows_of(found, texts, system)

    assert system.format == found.reading.format
    assert system.kind in {None, found.reading.kind}
    assert bool(system.start) == (found.reading.time is not None)
    assert system.start in rfc3339(rows["time"][0])
    assert bool(system.levels) == found.reading.level
    if system.levels:
        assert set() == first_words(rows) - system.levels - set(system.unstated.split())
    assert (system.services or {"default"}) == set(rows["scope"])
    if found.choice.candidate is WINDOW:
        assert system.key is None or system.window
    else:
        assert re.search(system.key or "^$", found.choice.example)
    config = parse_config(write_configuration(found, Surroundings("logs", name)), {})
    assert found.starts == config.input.multiline.starts
    assert (found.reading.format, found.reading.time_format) == (config.input.format, config.input.time_format)
    assert [*found.reading.extract, *filter(None, [found.choice.candidate.pattern])] == config.input.extract
