"""Whether the process is well and ready, as /healthz, /readyz and systemd's watchdog ask."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Protocol

from daemon.errors import EngineError, StraylineError
from daemon.ports import Engine
from daemon.runtime.pipeline import Pipeline
from daemon.runtime.stalls import StallMonitor
from daemon.runtime.worker_thread import WorkerThread

STUCK_SECONDS = 60.0


class Restoring(Protocol):
    """What takes long at the start, and how far it is."""

    @property
    def progress(self) -> float:
        """The share that is done, 0 to 1."""
        ...


class Health:
    """Asks the parts of a process. The pipeline, the follower and the monitor are set once they exist."""

    def __init__(self, engine: Engine, thread: WorkerThread) -> None:
        self.phase: str | None = "starting"
        """What the process does while it is not ready; None when it runs."""
        self.pipeline: Pipeline | None = None
        self.restoring: Restoring | None = None
        """What restores the baseline, during that phase."""
        self.monitor: StallMonitor | None = None
        self._engine, self._thread = engine, thread

    def engine_failure(self) -> EngineError | None:
        """Return why the engine cannot go on, None when it works."""
        try:
            self._engine.check()
        except EngineError as error:
            return error
        return None

    def check(self) -> None:
        """Raise StraylineError when the process must be restarted."""
        if (error := self.engine_failure()) is not None:
            raise error
        if (stuck := self.stuck()) is not None:
            raise StraylineError(stuck)

    def stuck(self) -> str | None:
        """Name what makes no progress, or None."""
        if (error := self.engine_failure()) is not None:
            return str(error)
        for delay in self._thread.delays(monotonic()):
            if delay.seconds > STUCK_SECONDS:
                return str(delay)
        if self.pipeline is not None and self.phase is None:
            silent = monotonic() - self.pipeline.polled_at
            if silent > STUCK_SECONDS:
                return f"polling Kafka has not returned for {silent:.0f} s"
        return None

    def unready(self) -> Sequence[str]:
        """Return every reason why the process is not ready; none when it is."""
        phase = [self.phase] if self.phase else []
        if self.phase and self.restoring is not None:
            phase = [f"{self.phase}: {self.restoring.progress:.0%}"]
        return phase + (self.monitor.reasons if self.monitor is not None else [])
