"""Sets the gauges every few seconds: they show a state, where counters show events."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from time import monotonic

from daemon.core.detection import Detector
from daemon.metrics import Metrics
from daemon.runtime.partition import State
from daemon.runtime.pipeline import Pipeline
from daemon.runtime.worker_thread import WorkerThread

EVERY = 5.0
LAG_TICK = 0.25


class Gauges:
    """Reads the pipeline and the detector; `engine_lives` says whether the engine works."""

    def __init__(
        self, metrics: Metrics, thread: WorkerThread, detector: Detector, engine_lives: Callable[[], bool]
    ) -> None:
        self._metrics = metrics
        self._thread = thread
        self._detector = detector
        self._engine_lives = engine_lives
        self._let_go = self._woken = 0

    async def run(self, pipeline: Pipeline) -> None:
        """Set the gauges until cancelled. The short sleeps in between measure the lag of the event loop."""
        worst, set_at = 0.0, -EVERY
        while True:
            due = monotonic() + LAG_TICK
            await asyncio.sleep(LAG_TICK)
            now = monotonic()
            worst = max(worst, now - due)
            if now - set_at >= EVERY:
                self._metrics.event_loop_lag.set(worst)
                worst, set_at = 0.0, now
                self._set_partitions(pipeline)
                await self._set_scopes()

    def _set_partitions(self, pipeline: Pipeline) -> None:
        metrics, now, partitions = self._metrics, monotonic(), list(pipeline.partitions)
        metrics.engine_up.set(int(self._engine_lives()))
        for state in State:
            metrics.partition_state.labels(state.value).set(sum(p.state is state for p in partitions))
        metrics.sessions_open.set(sum(p.load.open_sessions for p in partitions))
        metrics.unsettled_lines.set(sum(p.load.unsettled for p in partitions))
        metrics.checkpoint_age.set(max((now - p.committed_at for p in partitions if not p.quiet), default=0.0))
        metrics.consumer_lag.clear()  # an unknown lag must not keep its last value
        for source, lag in pipeline.lag.items():
            metrics.consumer_lag.labels(source.topic, str(source.partition)).set(lag)
        incidents = sum((Counter(p.incidents) for p in partitions), Counter[str]())
        metrics.set_by_scope(metrics.incidents_open, incidents)
        metrics.set_by_scope(metrics.incidents_told, sum((Counter(p.told) for p in partitions), Counter[str]()))
        budgets = {scope: budget for p in partitions for scope, budget in p.budgets.items()}
        metrics.set_by_scope(metrics.incident_budget, budgets, worst=True)
        metrics.mutes.set(sum(p.mutes for p in partitions))

    async def _set_scopes(self) -> None:
        metrics, statistics = self._metrics, await self._thread(self._detector.scopes)
        metrics.set_by_scope(metrics.baseline_patterns, {s.scope: s.patterns for s in statistics})
        metrics.baseline_memory.set(sum(s.memory_bytes for s in statistics))
        metrics.baseline_scopes.set(len(statistics))
        metrics.baseline_labels.set(sum(s.labels for s in statistics))
        let_go = self._detector.scopes_let_go
        metrics.baseline_scopes_let_go.inc(let_go - self._let_go)
        self._let_go = let_go
        cold = await self._thread(self._detector.cold)
        metrics.baseline_cold_scopes.set(cold.scopes)
        metrics.baseline_cold_bytes.set(cold.bytes)
        metrics.baseline_cold_returns.inc(cold.woken - self._woken)
        self._woken = cold.woken
