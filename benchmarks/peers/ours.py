"""The daemon's own chain on the same records: JSON, redaction, masks, sessions, embeddings, verdicts, alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

import polars as pl

from benchmarks.peers.rows import Row
from daemon.adapters.engines import EngineSettings, make_engine
from daemon.bench.standin import StandIn
from daemon.bench.traffic import as_batch
from daemon.config.schema import Config
from daemon.core.alerts import alert_record, case_of
from daemon.core.incidents import IncidentStage
from daemon.core.masking.masker import Masker
from daemon.core.stream import Stream, drive
from daemon.core.types import LINES_SCHEMA, TopicPartition
from daemon.ports import Engine
from daemon.runtime import seldom_collected
from daemon.wiring import make_detector, make_tools, provenance

BATCH = 10_000
AT_ONCE = 64
SOURCE = TopicPartition("peers", 0)
Record = tuple[int, bytes, bytes]


class Masks:
    """Redaction and masks alone, over messages: what stands beside Drain3."""

    def __init__(self) -> None:
        self._masker = Masker()

    def learn(self, rows: Sequence[Row]) -> None:
        self.run(rows)

    def run(self, rows: Sequence[Row]) -> int:
        for at in range(0, len(rows), BATCH):
            part = rows[at : at + BATCH]
            columns = {
                "position": range(len(part)),
                "time": [row.time for row in part],
                "scope": "peers",
                "key": [row.key for row in part],
                "text": [row.message for row in part],
                "clock": [row.time for row in part],
            }
            self._masker.apply(pl.DataFrame(columns, schema=dict(LINES_SCHEMA)))
        return 0


class Ours:
    """Everything but Kafka, with the bench's engine, which hashes, or with all-MiniLM-L6-v2."""

    def __init__(self, *, model: bool) -> None:
        config = Config()
        self._loop = asyncio.new_event_loop()
        self._engine: Engine = make_engine(EngineSettings(model="all-MiniLM-L6-v2")) if model else StandIn()
        self._loop.run_until_complete(self._engine.start())
        detector = make_detector(config, self._engine)
        self._stream = Stream(SOURCE, make_tools(config, self._engine, detector))
        self._stage = IncidentStage()
        self._about = provenance(config, self._engine)
        self._offset = 0
        self._after = ExitStack()
        self._after.enter_context(seldom_collected())  # as the daemon runs

    def learn(self, records: Sequence[Record]) -> None:
        self.run(records)

    def run(self, records: Sequence[Record]) -> int:
        return self._loop.run_until_complete(self._run(records))

    def close(self) -> None:
        self._after.close()
        self._loop.run_until_complete(self._engine.close())
        self._loop.close()

    async def _run(self, records: Sequence[Record]) -> int:
        judged = 0
        for at in range(0, len(records), BATCH):
            part = records[at : at + BATCH]
            self._stream.push(as_batch(SOURCE, self._offset, part))
            self._offset += len(part)
            judged += await self._judge()
        return judged

    async def _judge(self) -> int:
        judged = 0
        async for verdict in drive(self._stream, self._engine.embed, AT_ONCE):
            if verdict.judgement.anomalous:
                self._stream.observer.case(case_of(verdict, self._about))
            judged += 1
        for news in self._stage.take(self._stream.observer.take(self._stream.watermark)):
            alert_record(news, self._about)
        return judged
