"""Which share of session keys lies in several partitions, and what would mend it."""

# ruff: noqa: E501  # sentences as they are told
from __future__ import annotations

import pytest

from daemon.core.formats import FormatSettings
from daemon.core.types import Batch, TopicPartition
from daemon.discovery import Scattering, advice, scattering, scope_advice


def batch(partition: int, *records: tuple[bytes | None, bytes]) -> Batch:
    keys, values = zip(*records, strict=True)
    return Batch(TopicPartition("logs", partition), range(len(records)), [-1] * len(records), keys, values)


def line(key: str) -> bytes:
    return f'{{"message":"m","scope":"shop","key":"{key}"}}'.encode()


def test_keys_in_several_partitions_are_counted() -> None:
    """A key with lines in two partitions is scattered; one with a single line says nothing."""
    found = scattering(
        [
            batch(0, (None, line("a")), (None, line("b")), (b"k", line("b")), (None, b"{")),
            batch(1, (b"", line("a")), (None, line("once"))),
        ],
        FormatSettings(),
    )

    assert (
        Scattering(records=6, partitions=2, keys=2, scattered=1, unkeyed=5, unread=1, scopes=1, split=["shop"]) == found
    )
    assert 0.5 == found.share


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Scattering(0, 0, 0, 0, 0, 0), "no records to look at yet"),
        (Scattering(9, 1, 3, 0, 9, 0), "all records lie in one partition, so no session is cut"),
        (Scattering(9, 2, 0, 0, 9, 0), "no session key has several lines in 9 records: is input.fields.key right?"),
        (Scattering(9, 2, 4, 0, 0, 0), "0.0% of 4 session keys with several lines lie in several partitions (9 records, 0% without a key)"),
        (Scattering(9, 2, 4, 4, 9, 0), "to mend it at OpenTelemetry's kafkaexporter: `partition_logs_by_trace_id: true`, or, where sessions go by service or pod, `partition_logs_by_resource_attributes: true`"),
        (Scattering(9, 2, 4, 4, 0, 0), "or let sessions go by what the records are keyed by: `input.fields.key: record.key`"),
    ],
)  # fmt: skip
def test_what_is_said_of_it(found: Scattering, expected: str) -> None:
    """The share, and the switch of the shipper or of ours; nothing to mend where nothing is cut."""
    assert expected == advice(found, "otlp")[-1]


def test_scopes_in_several_partitions_are_named() -> None:
    """How many, the first of them, and what sends each to one partition."""
    said = scope_advice(Scattering(9, 2, 4, 0, 0, 0, 5, ["pay", "shop"]))
    assert said.startswith("2 of 5 scopes lie in several partitions, the first is pay; ")
    assert said.endswith("key records by scope, or set input.repartition and input.repartition_by: scope")
