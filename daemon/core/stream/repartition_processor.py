"""The processor of a partition of logs whose lines are judged elsewhere: lines go to the partition of their key.

It is the first of two hops. Records become lines as in `LogProcessor`, joined, redacted and masked. Bad records become
dead letters that name their place in the input. A transaction writes the lines, observes the versions that they state,
and writes the checkpoint after them; only lines that are held to be joined stay unsettled here. The second hop is a
`LogProcessor` that reads `IncomingLines`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import polars as pl

from daemon.core.messages import dead_letter
from daemon.core.multiline import Joined
from daemon.core.observations import Observations, Versions, dump_observations
from daemon.core.repartition import OutgoingLines, Place, place_of
from daemon.core.stream.chain import Tools
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.held_lines import HeldLines
from daemon.core.stream.line_reader import InputLines, LineReader, Pushed
from daemon.core.stream.processor import Load, Publishing, Settlement, Step
from daemon.core.types import LINES_SCHEMA, Batch, OutRecord, RefusedText, TopicPartition, Vector


class RepartitionProcessor:
    """Implements `Processor` for a topic of logs whose lines go on to another topic.

    That topic has `partitions` partitions, of which `place` chooses one for a line.
    """

    def __init__(
        self,
        source: TopicPartition,
        tools: Tools,
        publishing: Publishing,
        resume: Checkpoint | None,
        partitions: int,
        place: Place = place_of,
    ) -> None:
        self._source = source
        self._publishing = publishing
        self._outgoing = OutgoingLines(source, partitions, resume.watermark if resume else None, place)
        self._origin = InputLines(tools.format, tools.masker)
        self._versions = Versions()
        self._lines = LineReader(self._origin, resume, self._collect, self._versions.see, tools.timed)
        self._held = HeldLines(tools.joining, self._origin, self._lines, tools.timed)
        self._outputs: list[OutRecord] = []

    @property
    def lost(self) -> int:
        return self._lines.lost

    @property
    def announces(self) -> bool:
        return True

    def step(self, batch: Batch | None, vectors: Mapping[str, Vector | RefusedText]) -> Step:  # noqa: ARG002  # it asks for none
        pushed = Pushed(0, ())
        if batch is not None:
            pushed = self._lines.push(batch)
            publishing, task = self._publishing, self._source.partition
            self._outputs += [
                dead_letter(batch, reject, name=publishing.group, task=task, redaction=publishing.redaction)
                for reject in pushed.rejects
            ]
        rejects = Counter(reject.reason for reject in pushed.rejects)
        return Step(
            self._load(),
            pushed.lines,
            pushed.times,
            rejects,
            replayed=pushed.replayed,
            cuts=pushed.cuts,
            unread=pushed.unread,
        )

    def flush(self, idle: float) -> Step:
        self._lines.end_replay()
        if (joined := self._held.flush()) is not None:
            self._pass_on(joined)
        self._outgoing.note_idle(idle)
        return Step(self._load())

    def skip(self, offset: int) -> None:
        self._lines.skip(offset)

    def take(self) -> Settlement:
        records, self._outputs = self._outputs, []
        records += self._outgoing.take()
        if versions := self._versions.take():
            source = str(self._source)
            value = dump_observations(Observations(source, versions=versions))
            records.append(OutRecord("observations", source.encode(), value, partition=0))
        unsettled = np.union1d(self._held.unsettled(), self._lines.ahead())
        checkpoint = Checkpoint(
            self._lines.next,
            self._outgoing.clock,
            unsettled,
            self._publishing.config,
            held=self._held.to_join(),
            clock=self._held.clock,
        )
        return Settlement(records, checkpoint)

    def _collect(self, lines: pl.DataFrame) -> Mapping[str, int]:
        joined = self._held.push(lines)
        self._pass_on(joined)
        return joined.cuts

    def _pass_on(self, joined: Joined) -> None:
        if joined.events.is_empty():
            return
        masked = self._origin.mask(joined.events)
        self._outgoing.add(masked.select(*LINES_SCHEMA, "masked"), joined.rows, joined.positions)

    def _load(self) -> Load:
        outgoing = self._outgoing
        outputs = len(self._outputs) + outgoing.waiting + outgoing.to_say
        held = len(self._held)
        return Load(outputs=outputs, unsettled=held, listening=True, watermark=outgoing.clock, full=outgoing.full)
