"""Runs files through the daemon's own core: the same objects in the same order as for a partition of Kafka.

    files -> Stream (format, masks, sessions, patterns) -> engine -> Stream.judge -> IncidentStage -> files

The files to teach from come first, as a stream of their own: their times are independent of the judged files'. The
source is the same and the offsets continue, so that every line has one position and every verdict one id.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.files import FileReader, check_files, last_written
from daemon.backtest.assemble import Counts, build
from daemon.backtest.labels import LabelFile, read_labels
from daemon.backtest.options import BacktestOptions, Progress, Result, Setup, Shower, Watcher, topic_of
from daemon.backtest.output import Output
from daemon.backtest.peers import peers
from daemon.backtest.sources import Files, Source, Topics
from daemon.backtest.strangest import Strangest
from daemon.backtest.tally import Tally
from daemon.backtest.told import Told
from daemon.backtest.trivial import Beside, trivial
from daemon.core.alerts import alert_record, case_of
from daemon.core.detection import take_export
from daemon.core.incidents import History, IncidentStage, figures, take_history
from daemon.core.stream import Pushed, Stream, Tools, drive
from daemon.core.types import Batch, ClosedBy, Phase, TopicPartition, Verdict
from daemon.errors import DataError
from daemon.ports import Engine


def check_inputs(options: BacktestOptions) -> LabelFile | None:
    """Return the labels; reject wrong inputs before an engine is started.

    Raises InputError for a file that cannot be opened and DataError for invalid labels.
    """
    check_files([*options.teach, *options.files, *([options.labels] if options.labels else [])])
    if options.peers:
        peers()
    return read_labels(options.labels) if options.labels else None


async def run_backtest(
    options: BacktestOptions,
    setup: Setup,
    engine: Engine,
    *,
    labels: LabelFile | None = None,
    watch: Watcher | None = None,
    show: Shower | None = None,
) -> Result:
    """Run the files through the core and return the result; `options.out` receives the documents and the report.

    The engine must have been started and stays open. `labels` are those that `check_inputs` returned; without them it
    is called here. Raises InputError for a file that cannot be read, DataError where nothing to teach from can be.
    """
    if labels is None:
        labels = check_inputs(options)
    with Output(options.out) as output:
        run = _Run(options, setup, engine, labels, output, watch or (lambda _: None), show or (lambda _: None))
        result = await run.run()
        output.finish(result)
        output.baseline(take_export(setup.tools.detector, engine.model, engine.dimensions), run.history)
    return result


def _of_files(tools: Tools, files: Sequence[str]) -> Tools:
    """Return the tools with which files are read: a time without a year has the year that fits theirs."""
    return replace(tools, format=replace(tools.format, written=last_written(files)))


class _Run:
    """One run's state."""

    def __init__(
        self,
        options: BacktestOptions,
        setup: Setup,
        engine: Engine,
        labels: LabelFile | None,
        output: Output,
        watch: Watcher,
        show: Shower,
    ) -> None:
        self._options, self._setup, self._engine = options, setup, engine
        self._labels, self._output, self._watch, self._show = labels, output, watch, show
        self._source = TopicPartition(topic_of(options), 0)
        self._stage = IncidentStage(setup.incidents)
        self._beside: list[Beside] = [trivial()] if labels else []
        if labels and options.peers:
            self._beside.append(peers())
        self._tally = Tally([name for beside in self._beside for name in beside.names])
        self._told = Told()
        self._strangest = Strangest()
        self._labels_of: dict[str, bool | None] = {}
        self._counts = Counts()
        self._started = time.perf_counter()
        self.history = History()
        """What the incidents stage has learned at the end; what is judged without learning is not in it."""

    async def run(self) -> Result:
        """Teach, then judge, then sum up."""
        options, tools = self._options, self._setup.tools
        taught = FileReader(options.teach, self._source, stdin=options.stdin)
        of_taught = _of_files(tools, options.teach)
        await self._feed(Files(taught), lambda source: Stream(source, of_taught, teach=True), teach=True)
        if self._counts.records and not self._counts.lines:
            raise DataError(f"not one of {self._counts.records:,} records to teach from could be read")
        self._stage.end_of_teaching()
        if options.teach:
            self._output.taught(take_history(self._stage))
        if options.freeze:
            self.history = take_history(self._stage)
        first, layout = taught.offset, options.layout
        files = FileReader(options.files, self._source, first_offset=first, stdin=options.stdin, layout=layout)
        judged = Topics(options.records) if options.records else Files(files)
        of_judged = tools if options.records else _of_files(tools, options.files)
        await self._feed(judged, lambda source: Stream(source, of_judged, learn=not options.freeze))
        if not options.freeze:
            self.history = take_history(self._stage)
        self._counts.seconds = time.perf_counter() - self._started
        self._counts.peak_mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        unmet = self._labels.unmet if self._labels else None
        self._counts.held_back = sum(figures(self._stage).held_back.values())
        report = build(options, self._setup, self._tally, self._counts, self._told, unmet)
        strangest = self._strangest.ranking(tools.detector, self._setup.about)
        return Result(report, self._tally, self._told.alerts(), strangest)

    async def _feed(
        self, reader: Source, make_stream: Callable[[TopicPartition], Stream], *, teach: bool = False
    ) -> None:
        streams: dict[TopicPartition, Stream] = {}
        async for batch in reader.batches():
            stream = streams.get(batch.source)
            if stream is None:
                stream = streams[batch.source] = make_stream(batch.source)
            self._counts.records += len(batch)
            while len(batch):
                pushed = stream.push(batch)
                self._count(batch, pushed, reader)
                if self._labels and not teach:
                    self._labels.follow(reader.opened)
                self._watch(self._progress(reader, batch))  # embedding the first patterns takes longest
                await self._judge(stream, teach=teach)
                self._watch(self._progress(reader, batch))
                batch = batch.last(pushed.unread)  # noqa: PLW2901  # very many lines are read in parts
        for stream in streams.values():
            stream.flush(ClosedBy.FLUSH)
            await self._judge(stream, teach=teach)

    def _count(self, batch: Batch, pushed: Pushed, reader: Source) -> None:
        self._counts.lines += pushed.lines
        self._counts.times += pushed.times
        for reject in pushed.rejects:
            self._counts.rejected[reject.reason] += 1
            self._output.reject(reject, reader.place(batch.source, reject.offset))

    def _progress(self, reader: Source, batch: Batch) -> Progress:
        counts, file = self._counts, reader.place(batch.source, batch.offsets[0]).file
        return Progress(file, *reader.reached(), counts.lines, self._tally.sessions, len(self._told))

    async def _judge(self, stream: Stream, *, teach: bool) -> None:
        async for verdict in drive(stream, self._embed):
            self._take(verdict, stream)
        observations = stream.observer.take(stream.watermark)
        if not teach:
            self._output.observations(observations)
        for news in self._stage.take(observations):
            if not teach:
                published = alert_record(news, self._setup.about)
                assert published.record.value is not None
                self._output.alert(published.record.value)
                self._show(published.record.value)
                self._told.add(news, published, self._labels_of.get(published.alert["verdict"] or ""))

    async def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        began = time.perf_counter()
        vectors = await self._engine.embed(texts)
        self._counts.embedding_seconds += time.perf_counter() - began
        self._counts.embedded += len(texts)
        return vectors

    def _take(self, verdict: Verdict, stream: Stream) -> None:
        session, judged = verdict.session, verdict.judgement
        label = self._labels.of(session) if self._labels and judged.phase is not Phase.TEACH else None
        live, learn = judged.phase is Phase.LIVE, judged.phase is Phase.TEACH or not self._options.freeze
        others = [pair for other in self._beside for pair in other.judge(verdict.pattern, live=live, learn=learn)]
        self._tally.add(verdict, label, others)
        self._output.verdict(verdict)
        self._strangest.add(verdict)
        if judged.anomalous:
            self._labels_of[verdict.id] = label
            stream.observer.case(case_of(verdict, self._setup.about))
        if self._labels and self._labels.by_line and label and judged.anomalous:
            self._counts.ranks.append(self._rank(verdict))

    def _rank(self, verdict: Verdict) -> int | None:
        """Return the rank, from 1, of the first line of the evidence that is labelled; None when there is none."""
        assert self._labels is not None
        marked = {line.masked for line in verdict.session.lines if self._labels.marks(line)}
        present = [entry.line for entry in verdict.judgement.evidence if entry.kind != "missing"]
        order = list(dict.fromkeys(present))
        return next((place for place, line in enumerate(order, 1) if line in marked), None)
