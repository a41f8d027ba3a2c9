"""The daemon as a process: builds the parts, answers signals and probes, drains, and says why it ended.

Two-level stop: the first SIGTERM or SIGINT drains (reads no more, judges and commits what was read, leaves the group),
a second one ends at once. Whatever is not committed is read again by the next owner, so ending at once is safe too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from time import monotonic, time

import structlog
from prometheus_client import CollectorRegistry

from daemon.adapters.engines import make_engine
from daemon.adapters.kafka import KafkaBroker
from daemon.adapters.systemd import Notifier
from daemon.adapters.web import HttpServer, Probes
from daemon.config import Config, daemon_of, load_config
from daemon.core.detection import Detector
from daemon.core.stream import Checkpoint, Processor
from daemon.core.types import TopicPartition
from daemon.errors import ConfigError, UnavailableError
from daemon.guest_serving import serve_guests
from daemon.input_wiring import processors_maker
from daemon.logs import configure_logging
from daemon.metrics import Metrics
from daemon.port_access import access_to, port_settings
from daemon.ports import Engine, TextEngine, Transactions
from daemon.runtime import (
    BaselineSnapshots,
    ColdScopes,
    Embedder,
    Follower,
    Gauges,
    Health,
    Partition,
    PatternLookup,
    Pipeline,
    Preparation,
    Shared,
    SnapshotTerms,
    StallMonitor,
    Terms,
    WorkerThread,
    guest_of,
    seldom_collected,
)
from daemon.tracing import TracedEngine, Tracing, make_tracing
from daemon.wiring import (
    Processors,
    cold_file,
    engine_settings,
    kafka_settings,
    make_detector,
    make_holding,
    make_terms,
    snapshot_file,
)

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 30.0


class Service:
    """One run of the daemon."""

    def __init__(self, config: Config, path: Path) -> None:
        self._config = config
        self._path = path
        self._metrics = Metrics(CollectorRegistry())
        self._notifier = Notifier.from_environment(os.environ)
        self._thread = WorkerThread()
        self._engine: Engine = make_engine(engine_settings(config))
        self._health = Health(self._engine, self._thread)
        self._access = access_to(config.http, "http")
        self._guests = access_to(config.serve, "serve")
        self._broker = KafkaBroker(kafka_settings(config))  # after what a wrong file ends: it holds a client
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._reloads = set[asyncio.Task[None]]()
        self._forced = asyncio.Event()
        self._detector: Detector
        self._pipeline: Pipeline | None = None
        self._make_processors: Callable[[Config], Processors]
        self._processors: Processors
        probes = Probes(self._health.check, self._health.unready, self._reload)
        where, registry = port_settings(config.http, "http"), self._metrics.registry
        self._http = HttpServer(where, registry, probes, self._access, self._metrics.ports)

    async def run(self) -> None:
        """Run until stopped. Raises StraylineError with the reason when it cannot go on."""
        self._metrics.start_time.set(time())
        with _signals(self._on_stop, self._on_reload):
            try:
                await self._http.start()
            except UnavailableError:
                await self._broker.close()
                raise
            log.info("http_listens", host=self._config.http.host, port=self._http.port)
            forced = asyncio.create_task(self._forced.wait())
            work = asyncio.create_task(self._work())
            watching = asyncio.create_task(self._access.follow())
            try:
                await asyncio.wait({work, forced}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
                else:
                    log.warning("forced_stop")
            finally:
                for task in (work, forced, watching):
                    task.cancel()
                await asyncio.gather(work, forced, watching, return_exceptions=True)
                await self._http.close()
                self._thread.close()

    async def _work(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            self._health.phase = "connecting to Kafka"
            stack.push_async_callback(self._broker.close)
            await self._broker.start()
            topics = self._config.topics
            places = {topic: await self._broker.partitions(topic) for topic in (topics.checkpoints, topics.baseline)}
            widths = {topic: await self._broker.partitions(topic) for topic in self._config.input.topics}
            for topic in self._config.topics_in_use().values():
                await self._broker.partitions(topic)
            widths |= await self._width_between()
            self._warn_of_narrow(places, max(widths.values()))
            self._health.phase = "loading the model"
            log.info("engine_starts", type=self._config.engine.type, model=self._config.engine.model)
            began = monotonic()
            stack.push_async_callback(self._engine.close)
            await self._engine.start()
            stack.enter_context(seldom_collected())
            log.info("engine_runs", model=self._engine.model, seconds=round(monotonic() - began, 1))
            build = {"version": version("strayline"), "python": platform.python_version(), "model": self._engine.model}
            self._metrics.build.info(build)
            self._metrics.baseline_max_patterns.set(self._config.detector.max_patterns)
            self._metrics.baseline_max_scopes.set(self._config.detector.max_scopes)
            await self._stream(min(places.values()), widths, stack)

    def _warn_of_narrow(self, places: Mapping[str, int], wanted: int) -> None:
        """Log which of the daemon's topics have fewer partitions than the input: it works, and recovers slowly."""
        for topic, partitions in places.items():
            if partitions < wanted:
                log.warning(
                    "topic_too_narrow",
                    topic=topic,
                    partitions=partitions,
                    input=wanted,
                    remedy=f"kafka-topics.sh --alter --topic {topic} --partitions {wanted}, then restart",
                )

    async def _width_between(self) -> dict[str, int]:
        """Return the number of partitions of the repartition topic, by its name; empty if the topic does not exist.

        Without `input.repartition` it exists only if the setting was switched off; it may still hold lines.
        """
        topic = self._config.topics.repartition
        try:
            return {topic: await self._broker.partitions(topic)}
        except UnavailableError:
            if self._config.input.repartition:
                raise
            return {}

    async def _stream(self, co_partitions: int, widths: Mapping[str, int], stack: contextlib.AsyncExitStack) -> None:
        config, metrics = self._config, self._metrics
        self._detector = make_detector(config, self._engine, cold_file(config))
        foreign = self._metrics.baseline_foreign_records.inc
        follower = Follower(
            self._broker, config.topics.baseline, self._detector, self._thread, foreign, make_holding(config)
        )
        tracing = await asyncio.to_thread(make_tracing, config)
        if tracing is not None:
            stack.push_async_callback(asyncio.to_thread, tracing.tracer.close)
        shared = await self._shared(follower, make_terms(config, co_partitions), tracing, stack)
        unfinished = metrics.documents_base_unfinished.set
        self._make_processors = await processors_maker(
            config, self._engine, self._detector, lambda: follower.position, widths, stack, unfinished, tracing
        )
        self._processors = self._make_processors(config)
        pipeline = self._pipeline = Pipeline(
            self._broker,
            list(self._processors.by_topic),
            lambda source: Partition(source, shared, self._make_processor),
            metrics,
        )
        gauges = Gauges(metrics, self._thread, self._detector, lambda: self._health.engine_failure() is None)
        sources = [self._thread.delays, follower.delays, shared.embedder.delays, pipeline.delays]
        monitor = StallMonitor(sources, self._broker, metrics)
        self._health.pipeline, self._health.monitor = pipeline, monitor
        snapshots = self._snapshots(follower)
        helpers = [
            asyncio.create_task(work)
            for work in (
                *((snapshots.run(),) if snapshots is not None else ()),
                self._follow(follower, snapshots),
                gauges.run(pipeline),
                *self._cooling(),
                follower.watch(),
                monitor.run(),
                self._notifier.keep_alive(self._health.stuck),
            )
        ]
        stopping = asyncio.create_task(self._stop.wait())
        running = asyncio.create_task(self._restore_and_run(follower, pipeline))
        try:
            await self._until({running, stopping, *helpers[:-1]})
            if self._stop.is_set():
                await self._drain(pipeline)
        finally:
            for task in (running, stopping, *helpers):
                task.cancel()
            await asyncio.gather(running, stopping, *helpers, return_exceptions=True)
            await pipeline.close()

    async def _shared(
        self, follower: Follower, terms: Terms, tracing: Tracing | None, stack: contextlib.AsyncExitStack
    ) -> Shared:
        """Return what all partitions share, and let guests in where the configuration does."""
        engine: TextEngine = self._engine
        producers: Callable[[TopicPartition], Transactions] = self._broker.transactions
        if tracing is not None:
            engine, producers = TracedEngine(engine, tracing), tracing.transactions(producers)
        embedder = Embedder(engine, self._metrics)
        stack.push_async_callback(embedder.close)
        if self._config.serve.with_run:
            guest = guest_of(self._engine, embedder.idle, self._metrics)
            await serve_guests(self._config, guest, self._guests, stack, self._metrics.ports)
        return Shared(
            self._broker,
            self._thread,
            self._detector,
            embedder,
            follower,
            self._metrics,
            terms,
            producers,
            preparations=self._preparations(),
        )

    def _preparations(self) -> dict[str, Preparation]:
        """Return what is awaited before a batch: feedback may name patterns that this process does not have."""
        topics = self._config.topics
        if self._config.detector.baselines == "all":
            return {}
        return {topics.feedback: PatternLookup(self._broker, topics.baseline, self._detector, self._thread)}

    def _snapshots(self, follower: Follower) -> BaselineSnapshots | None:
        file = snapshot_file(self._config)
        if file is None:
            return None
        every = self._config.snapshot.interval / 1e6
        terms = SnapshotTerms(self._config.topics.baseline, version("strayline"), every)
        return BaselineSnapshots(terms, file, self._broker, self._detector, self._thread, follower, self._metrics)

    def _cooling(self) -> list[Coroutine[None, None, None]]:
        """Return what moves scopes that nobody uses to the disk, nothing where they stay in memory."""
        after = self._config.detector.cold_after
        if after is None:
            return []
        return [ColdScopes(self._detector, self._thread, self._metrics, after / 1e6).run()]

    async def _follow(self, follower: Follower, snapshots: BaselineSnapshots | None) -> None:
        """Restore the baseline, from the snapshot where there is one that serves, and keep it up to date."""
        if snapshots is not None:
            self._health.phase, self._health.restoring = "loading the snapshot of the baseline", snapshots
            follower.begin_at(await snapshots.load())
        self._health.phase, self._health.restoring = "restoring the baseline", follower
        await follower.run()

    def _make_processor(self, source: TopicPartition, resume: Checkpoint | None) -> Processor:
        """Make a partition's processor as the last reload configured it; called at every start of a partition."""
        return self._processors(source, resume)

    async def _until(self, tasks: set[asyncio.Task[object]]) -> None:
        """Return when the first of the tasks ends; raise what it raised."""
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _restore_and_run(self, follower: Follower, pipeline: Pipeline) -> None:
        await follower.restored()
        self._health.phase = self._health.restoring = None
        self._notifier.ready("running")
        log.info("ready", topics=self._config.input.topics, group=self._config.kafka.group_id)
        await pipeline.run()

    async def _drain(self, pipeline: Pipeline) -> None:
        self._health.phase, self._health.restoring = "draining", None
        self._notifier.stopping("draining")
        log.info("draining", partitions=len(pipeline.partitions))
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await pipeline.drain()
            log.info("drained")
        except TimeoutError:
            log.warning("drain_timed_out", seconds=DRAIN_SECONDS)

    # ---------------------------------------------------------------- signals and probes

    def _on_stop(self) -> None:
        if self._stop.is_set():
            self._forced.set()
        log.info("stop_asked_for", again=self._stop.is_set())
        self._stop.set()
        if self._pipeline is None:
            self._forced.set()

    def _on_reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reload_logged())
        self._reloads.add(task)  # the loop holds tasks weakly
        task.add_done_callback(self._reloads.discard)

    async def _reload_logged(self) -> None:
        with contextlib.suppress(ConfigError, UnavailableError):
            await self._reload()

    async def _reload(self) -> None:
        """Load the file again and apply what changed: all of it, or nothing when one key needs a restart.

        Raises ConfigError with every problem, and UnavailableError while the daemon starts or ends. One reload follows
        the other, so systemd is told of each from its beginning to its end.
        """
        async with self._reloading:
            pipeline = self._reloadable()
            self._notifier.reloading()
            try:
                changed = await self._load_and_apply(pipeline)
            except ConfigError as error:
                self._metrics.ports.reloads.note(accepted=False)
                log.warning("reload_refused", problems=error.problems)
                raise
            else:
                self._metrics.ports.reloads.note(accepted=True)
                log.info("reloaded", changed=changed)
            finally:
                if self._health.phase is None:
                    self._notifier.ready("running")

    def _reloadable(self) -> Pipeline:
        """Return the pipeline. Raises UnavailableError while the daemon starts or ends."""
        phase = "draining" if self._stop.is_set() else self._health.phase
        if phase is None and self._pipeline is not None:
            return self._pipeline
        log.warning("reload_refused", problems=[f"the daemon is {phase}"])
        raise UnavailableError(f"the daemon is {phase}; reload when /readyz is 200")

    async def _load_and_apply(self, pipeline: Pipeline) -> list[str]:
        """Return the keys that were applied. Everything that can fail comes first."""
        config = await asyncio.to_thread(load_config, self._path)
        self._reloadable()  # it may have been told to stop meanwhile
        changed = daemon_of(self._config, config).changes(self._config, config)
        processors = self._make_processors(config)
        configure_logging(config.logging.level, config.logging.format)
        self._config, self._processors = config, processors
        if any(key.startswith(("alerts.", "input.")) for key in changed):
            pipeline.renew()
        return changed


@contextlib.contextmanager
def _signals(stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Handle signals inside the block; restore the previous handlers after it."""
    loop = asyncio.get_running_loop()
    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, old)
