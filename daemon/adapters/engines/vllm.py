"""vLLM in this process: one `LLMEngine`, owned by one thread.

Only that thread uses the engine, because two threads corrupt its tables. `embed` tokenizes on another thread, puts a
job into a queue and awaits it. Before every step the engine's thread takes all jobs from the queue, so concurrent calls
share batches, which vLLM fills by tokens. A finished job returns to its event loop by `call_soon_threadsafe`. An
exception in the engine ends its thread: every waiting call gets EngineError, `check` raises, and the process must end.

`start` loads the model (`vllm_loading`) on the engine's thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.adapters.engines.registry import EngineSettings, model_name
from daemon.adapters.engines.tokenizer import ModelTokenizer
from daemon.adapters.engines.vllm_loading import load
from daemon.errors import EngineError, StraylineError

STOP_TIMEOUT_S = 10.0


@dataclass(slots=True, eq=False)
class _Job:
    """One call of `embed`: its prompts, and the rows that are finished."""

    prompts: list[list[int]]
    done: asyncio.Future[NDArray[np.float32]]
    rows: NDArray[np.float32]
    missing: int
    ids: Sequence[str] = ()


class VllmEngine:
    """`ports.Engine` on an in-process vLLM."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._queue: SimpleQueue[tuple[str, _Job | None]] = SimpleQueue()
        self._jobs: dict[str, tuple[_Job, int]] = {}
        self._live: set[_Job] = set()
        self._lock = Lock()
        self._unborn = EngineError("the engine has not been started")
        self._death: EngineError | None = self._unborn
        self._step_began: float | None = None
        self._serial = 0
        self._name = ""
        self._dimensions = 0
        self._engine: Any = None
        self._params: Any = None
        self._tokens: ModelTokenizer | None = None
        self._thread: Thread | None = None
        self._tokenizing = ThreadPoolExecutor(1, "tokenizer")

    @property
    def model(self) -> str:
        """See ports.Engine. A folder's name carries a fingerprint; an instruction and some options add one."""
        return model_name(self._name, self._dimensions, self._settings.instruction, self._settings.options)

    @property
    def dimensions(self) -> int:
        """See ports.Engine."""
        return self._dimensions

    @property
    def max_tokens(self) -> int:
        """See ports.Engine. Special tokens and the instruction are already subtracted."""
        return self._tokens.max_tokens if self._tokens else 0

    async def start(self) -> None:
        """Load the model, on the engine's thread.

        Raises ConfigError for a wrong model, option or dimension, UnavailableError when the model cannot be downloaded,
        EngineError when it cannot be loaded.
        """
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        self._thread = Thread(target=self._run, args=(loop, ready), name="engine", daemon=True)
        self._thread.start()
        await ready

    def count_tokens(self, lines: Sequence[str]) -> NDArray[np.int32]:
        """See ports.Engine. Exact."""
        assert self._tokens is not None, "start first"
        return self._tokens.count(lines)

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See ports.Engine. A cancelled call takes its texts out of the engine."""
        self.check()
        assert self._tokens is not None, "start first"
        loop = asyncio.get_running_loop()
        return await self._run_job(await loop.run_in_executor(self._tokenizing, self._tokens.encode, list(texts)))

    def tokens_of(self, texts: Sequence[str]) -> list[int]:
        """See ports.TokenEngine."""
        assert self._tokens is not None, "start first"
        return self._tokens.lengths(texts)

    async def embed_tokens(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """See ports.TokenEngine."""
        self.check()
        assert self._tokens is not None, "start first"
        return await self._run_job(self._tokens.around(prompts))

    async def _run_job(self, prompts: list[list[int]]) -> NDArray[np.float32]:
        """Give prompts to the engine's thread, and wait for their rows."""
        loop = asyncio.get_running_loop()
        rows = np.empty((len(prompts), self._dimensions), dtype=np.float32)
        if not prompts:
            return rows
        job = _Job(prompts, loop.create_future(), rows, len(prompts))
        with self._lock:
            if self._death:
                raise self._death
            self._live.add(job)
        self._queue.put(("add", job))
        try:
            return await job.done
        except asyncio.CancelledError:
            self._queue.put(("abort", job))
            raise

    def check(self) -> None:
        """See ports.Engine. An engine whose step takes longer than `step_timeout_s` counts as dead."""
        began, limit = self._step_began, self._settings.step_timeout_s
        if began is not None and time.monotonic() - began > limit:
            self._die(EngineError(f"the engine hangs: a step has taken more than {limit:g} s"))
        if self._death:
            raise self._death

    async def close(self) -> None:
        """Stop after the current step. A step that hangs ends with the process."""
        self._die(EngineError("the engine has been closed"))
        self._queue.put(("stop", None))
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_TIMEOUT_S)
        self._tokenizing.shutdown(wait=False, cancel_futures=True)

    # Below: the engine's thread.

    def _run(self, loop: asyncio.AbstractEventLoop, ready: asyncio.Future[None]) -> None:
        try:
            self._load()
        except StraylineError as error:
            _call(loop, _reject, ready, error)
            return
        except BaseException as error:  # noqa: BLE001 - vLLM raises any type, and on a thread it would be lost
            _call(loop, _reject, ready, EngineError(f"cannot load {self._settings.model}: {_words(error)}"))
            return
        with self._lock:
            if self._death is self._unborn:  # else it was closed while it loaded
                self._death = None
        _call(loop, _resolve, ready, None)
        try:
            while self._take():
                self._step()
        except BaseException as error:  # noqa: BLE001 - as above
            self._die(EngineError(f"the embedding engine died: {_words(error)}"))
        finally:
            self._engine.engine_core.shutdown()

    def _load(self) -> None:
        loaded = load(self._settings)
        self._engine, self._params = loaded.engine, loaded.params
        self._name, self._dimensions, self._tokens = loaded.name, loaded.dimensions, loaded.tokens

    def _take(self) -> bool:
        """Take all jobs from the queue, waiting only when the engine is idle; return False to stop."""
        while True:
            try:
                verb, job = self._queue.get(block=not self._engine.has_unfinished_requests())
            except Empty:
                return True
            if job is None:
                return False
            if verb == "add":
                self._add(job)
            else:
                self._abort(job)

    def _add(self, job: _Job) -> None:
        if job.done.cancelled():
            return
        job.ids = [str(self._serial + row) for row in range(len(job.prompts))]
        self._serial += len(job.prompts)
        for row, (identity, ids) in enumerate(zip(job.ids, job.prompts, strict=True)):
            self._jobs[identity] = (job, row)
            self._engine.add_request(identity, {"type": "token", "prompt_token_ids": ids}, self._params)
        job.prompts.clear()

    def _abort(self, job: _Job) -> None:
        waiting = [identity for identity in job.ids if self._jobs.pop(identity, None)]
        if waiting:
            self._engine.abort_request(waiting)
        with self._lock:
            self._live.discard(job)

    def _step(self) -> None:
        self._step_began = time.monotonic()
        outputs = self._engine.step()
        self._step_began = None
        for output in outputs:
            request = self._jobs.pop(output.request_id, None)
            if request is not None:
                self._deliver(*request, output.outputs.data.float().cpu().numpy())

    def _deliver(self, job: _Job, row: int, vector: NDArray[np.float32]) -> None:
        norm = float(np.linalg.norm(vector))
        if vector.shape != (self._dimensions,) or not np.isfinite(norm) or norm == 0:
            raise EngineError(f"a vector of shape {vector.shape} and length {norm}: try engine.options.dtype: float32")
        np.divide(vector, norm, out=job.rows[row])
        job.missing -= 1
        if not job.missing:
            with self._lock:
                self._live.discard(job)
            _call(job.done.get_loop(), _resolve, job.done, job.rows)

    def _die(self, error: EngineError) -> None:
        """Fail every waiting call, now and later. The first reason stays."""
        with self._lock:
            if self._death is None or self._death is self._unborn:
                self._death = error
            reason = self._death
            orphans, self._live = self._live, set()
        for job in orphans:
            _call(job.done.get_loop(), _reject, job.done, reason)


def _call(loop: asyncio.AbstractEventLoop, *call: Any) -> None:
    try:
        loop.call_soon_threadsafe(*call)
    except RuntimeError:  # the loop is closed, so nobody waits
        return


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
