"""The share of session keys scattered over partitions, in a sample of records, and the setting that would fix it.

A session whose lines lie in several partitions is cut: each partition sees a part of it. Kafka puts records with equal
keys into one partition, so a session is whole where the shipper writes its key as the record's key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from daemon.core.formats import FormatSettings, make_format
from daemon.core.text import clean
from daemon.core.types import Batch

SWITCHES: Mapping[str, str] = {
    "otlp": "OpenTelemetry's kafkaexporter: `partition_logs_by_trace_id: true`, or, where sessions go by service or "
    "pod, `partition_logs_by_resource_attributes: true`",
    "fluent-bit": "Fluent Bit's output kafka: `message_key_field`",
    "vector": "Vector's sink kafka: `key_field`",
    "ecs": "Filebeat: `output.kafka.key: '%{[trace.id]}'`",
    "syslog": 'rsyslog\'s omkafka: `key="..." dynakey="on"`; syslog-ng\'s kafka(): `key()`',
    "gelf": "Logstash's output kafka: `message_key`",
}
"""By format, the setting of the shipper that most often writes it."""
ELSEWHERE = "the shipper: let it write the session's key as the record's key"


@dataclass(frozen=True, slots=True)
class Scattering:
    """What a sample of one topic's records shows.

    `keys` are the session keys with several lines, `scattered` those of them with lines in several partitions,
    `unkeyed` the records without a key of their own, `unread` those that cannot be read as lines.
    `scopes` counts the scopes, and `split` names those that lie in several partitions.
    """

    records: int
    partitions: int
    keys: int
    scattered: int
    unkeyed: int
    unread: int
    scopes: int = 0
    split: Sequence[str] = ()

    @property
    def share(self) -> float:
        """The share of keys that is scattered, 0 without keys."""
        return self.scattered / self.keys if self.keys else 0.0


def scattering(batches: Sequence[Batch], settings: FormatSettings) -> Scattering:
    """Return what records of one topic show; a batch holds records of one partition."""
    tables, unread = [], 0
    for batch in batches:
        parsed = make_format(settings).parse(batch)
        unread += len(parsed.rejects)
        tables.append(parsed.lines.select("scope", "key", partition=pl.lit(batch.source.partition)))
    keys = [key for batch in batches for key in batch.keys]
    seen = {batch.source.partition for batch in batches if len(batch)}
    lines = pl.concat(tables) if tables else pl.DataFrame({"scope": [], "key": [], "partition": []})
    grouped = lines.group_by("scope", "key").agg(pl.len().alias("lines"), pl.col("partition").n_unique())
    several = grouped.filter(pl.col("lines") > 1)
    scattered = several.filter(pl.col("partition") > 1)
    placed = lines.group_by("scope").agg(pl.col("partition").n_unique()).sort("scope")
    split = placed.filter(pl.col("partition") > 1)["scope"].to_list()
    unkeyed = sum(not key for key in keys)
    return Scattering(len(keys), len(seen), len(several), len(scattered), unkeyed, unread, placed.height, split)


def scope_advice(found: Scattering) -> str:
    """Return a sentence about scopes that lie in several partitions, where each must lie in one."""
    return (
        f"{len(found.split):,} of {found.scopes:,} scopes lie in several partitions, the first is "
        f"{clean(found.split[0])}; with detector.baselines: served each is judged against a part of its history: "
        "key records by scope, or set input.repartition and input.repartition_by: scope"
    )


def advice(found: Scattering, format_: str) -> list[str]:
    """Return sentences about a sample: the shares first, then what would fix it."""
    if not found.records:
        return ["no records to look at yet"]
    advised = []
    if found.unread:
        advised.append(f"{found.unread / found.records:.1%} of {found.records:,} records cannot be read as {format_}")
    if found.partitions < 2:
        return [*advised, "all records lie in one partition, so no session is cut"]
    if not found.keys:
        return [*advised, f"no session key has several lines in {found.records:,} records: is input.fields.key right?"]
    advised.append(
        f"{found.share:.1%} of {found.keys:,} session keys with several lines lie in several partitions "
        f"({found.records:,} records, {found.unkeyed / found.records:.0%} without a key)"
    )
    if found.scattered:
        advised.append(
            "a session that lies in several partitions is cut into one for each, unless `input.repartition: true` sends"
            " its lines to one"
        )
        advised.append(f"to mend it at {SWITCHES.get(format_, ELSEWHERE)}")
        if found.unkeyed < found.records / 2:
            advised.append("or let sessions go by what the records are keyed by: `input.fields.key: record.key`")
    return advised
