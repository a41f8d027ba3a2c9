"""Sessions/s of the vllm adapter beside a bare `LLMEngine` loop on the same sessions, and the lag of the event loop.

    python -m benchmarks.engine [--model all-MiniLM-L6-v2] [--sessions 200] [--rounds 5] [--callers 32] [--options JSON]
    python -m benchmarks.engine --simulate [--step-ms 100]

Both sides tokenize; the bare side adds every session and steps until all are done, the adapter is called by many
callers of a few sessions each, as the pipeline does. Rounds alternate in one process, so that both see the same
machine; what is printed is the median of the rounds' ratios, by wall clock and by CPU time. The lag of the event loop
is how late a timer of 5 ms fires while the adapter embeds. With --simulate the model is a stand-in that takes a fixed
time a step and as many sessions as a GPU would: what is printed is how full the adapter keeps its steps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np

from daemon.adapters.engines import EngineSettings, find_model
from daemon.adapters.engines.tokenizer import ModelTokenizer
from daemon.adapters.engines.vllm import VllmEngine
from daemon.adapters.engines.vllm_arguments import engine_arguments

TIMER_S = 0.005
A_CALL = 4
STEP_SESSIONS = 256
WORDS = ("block", "received", "upstream", "timed", "out", "retry", "lease", "lost", "commit", "deadlock", "session")


def sessions(count: int, seed: int) -> list[str]:
    """Return renderings of sessions, a few lines to many: 20 to 500 tokens, most of them short."""
    chance = random.Random(seed)
    texts = []
    for _ in range(count):
        lines = min(30, 1 + int(chance.lognormvariate(1.5, 0.7)))
        texts.append(
            "\n".join(f"{chance.randrange(1, 40)} x {' '.join(chance.choices(WORDS, k=12))}" for _ in range(lines))
        )
    return texts


class Bare:
    """vLLM without us: the same model, the same arguments."""

    def __init__(self, settings: EngineSettings) -> None:
        from vllm import EngineArgs, PoolingParams
        from vllm.platforms import current_platform
        from vllm.v1.engine.llm_engine import LLMEngine

        folder = find_model(settings.model)[1]
        arguments = engine_arguments(folder, settings, cpu=current_platform.is_cpu())
        self.engine: Any = LLMEngine.from_engine_args(EngineArgs(**arguments))
        self.tokens = ModelTokenizer(folder, int(self.engine.model_config.max_model_len), settings.instruction)
        self.params = PoolingParams(task="embed")
        self.serial = 0

    def embed(self, texts: list[str]) -> None:
        for ids in self.tokens.encode(texts):
            self.serial += 1
            self.engine.add_request(str(self.serial), {"type": "token", "prompt_token_ids": ids}, self.params)
        rows = []
        while self.engine.has_unfinished_requests():
            rows += [output.outputs.data.numpy() for output in self.engine.step()]
        np.stack(rows)


async def call(engine: VllmEngine, texts: list[str], callers: int) -> None:
    """Embed `texts` as the pipeline does: `callers` at a time, a few texts a call."""
    waiting = [texts[at : at + A_CALL] for at in range(0, len(texts), A_CALL)]

    async def caller() -> None:
        while waiting:
            await engine.embed(waiting.pop())

    await asyncio.gather(*(caller() for _ in range(callers)))


async def lags(into: list[float]) -> None:
    """Note in seconds how late each timer of `TIMER_S` fires, until cancelled."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(TIMER_S)
        into.append(time.perf_counter() - begun - TIMER_S)


async def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of wall clock and of CPU that `work` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - wall, time.process_time() - cpu


async def measure(settings: EngineSettings, count: int, rounds: int, callers: int) -> dict[str, object]:
    engine = VllmEngine(settings)
    await engine.start()
    bare = await asyncio.to_thread(Bare, settings)
    late: list[float] = []
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    tokens = 0

    async def adapter(texts: list[str]) -> None:
        probe = asyncio.create_task(lags(late))
        ours.append(await timed(lambda: call(engine, texts, callers)))
        probe.cancel()

    async def alone(texts: list[str]) -> None:
        theirs.append(await timed(lambda: asyncio.to_thread(bare.embed, texts)))

    for number in range(rounds + 1):
        texts = sessions(count, seed=number)
        tokens += sum(map(len, bare.tokens.encode(texts)))
        for side in (adapter, alone) if number % 2 else (alone, adapter):
            await side(texts)
        if number == 0:  # it only warms up both
            for measured in (late, ours, theirs):
                measured.clear()
    idle: list[float] = []
    probe = asyncio.create_task(lags(idle))
    await asyncio.sleep(2)
    probe.cancel()
    await engine.close()
    ratios = np.array(theirs) / np.array(ours)
    return {
        "model": engine.model,
        "tokens a session": round(tokens / count / (rounds + 1)),
        "sessions/s": round(count / statistics.median(wall for wall, _ in ours), 1),
        "bare sessions/s": round(count / statistics.median(wall for wall, _ in theirs), 1),
        "ratio, wall clock": round(float(np.median(ratios[:, 0])), 3),
        "ratio, CPU time": round(float(np.median(ratios[:, 1])), 3),
        "loop lag p50 ms": round(1000 * float(np.percentile(late, 50)), 2),
        "loop lag p99 ms": round(1000 * float(np.percentile(late, 99)), 2),
        "idle loop lag p99 ms": round(1000 * float(np.percentile(idle, 99)), 2),
    }


class Accelerator(ABC):
    """A stand-in for vLLM. `waiting` holds the tokens of each request; `next` says what a step does of them."""

    def __init__(self) -> None:
        self.waiting: dict[str, int] = {}
        self.engine_core = SimpleNamespace(shutdown=lambda: None)

    @abstractmethod
    def next(self) -> tuple[list[str], float]:
        """Return the requests that the next step serves, and the seconds that it takes."""

    def add_request(self, identity: str, prompt: dict[str, Any], _params: object) -> None:
        self.waiting[identity] = len(prompt["prompt_token_ids"])

    def abort_request(self, identities: list[str]) -> None:
        for identity in identities:
            self.waiting.pop(identity, None)

    def has_unfinished_requests(self) -> bool:
        return bool(self.waiting)

    def step(self) -> list[Any]:
        import torch

        done, seconds = self.next()
        time.sleep(seconds)
        self.abort_request(done)
        row = SimpleNamespace(data=torch.ones(384))
        return [SimpleNamespace(request_id=identity, outputs=row) for identity in done]


class EvenSteps(Accelerator):
    """A step takes a fixed time and up to `STEP_SESSIONS` sessions, as on a GPU."""

    def __init__(self, step_s: float) -> None:
        super().__init__()
        self.step_s = step_s
        self.steps = self.served = 0

    def next(self) -> tuple[list[str], float]:
        done = list(islice(self.waiting, STEP_SESSIONS))
        self.steps += 1
        self.served += len(done)
        return done, self.step_s


class Simulated(VllmEngine):
    """The adapter on an `Accelerator`."""

    def __init__(self, settings: EngineSettings, core: Accelerator) -> None:
        super().__init__(settings)
        self.core = core

    def _load(self) -> None:
        import torch  # noqa: F401 - its import is not part of the first step

        self._name, folder = find_model(self._settings.model)
        self._engine, self._dimensions, self._tokens = self.core, 384, ModelTokenizer(folder, 512)


async def simulate(settings: EngineSettings, step_s: float, callers: int) -> dict[str, object]:
    core = EvenSteps(step_s)
    engine = Simulated(settings, core)
    await engine.start()
    texts = sessions(2000, seed=0) * 10
    late: list[float] = []
    probe = asyncio.create_task(lags(late))
    wall, cpu = await timed(lambda: call(engine, texts, callers))
    probe.cancel()
    await engine.close()
    return {
        "step ms": step_s * 1000,
        "sessions/s": round(len(texts) / wall),
        "share of the accelerator's time in steps": round(core.steps * step_s / wall, 3),
        "share of its steps' room filled": round(core.served / core.steps / STEP_SESSIONS, 3),
        "CPU ms a session": round(1000 * cpu / len(texts), 3),
        "loop lag p99 ms": round(1000 * float(np.percentile(late, 99)), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--options", type=json.loads, default={}, help="EngineArgs, as in engine.options")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--step-ms", type=float, default=100)
    given = parser.parse_args()
    settings = EngineSettings(model=given.model, options=given.options)
    if given.simulate:
        result = asyncio.run(simulate(settings, given.step_ms / 1000, max(given.callers, 2 * STEP_SESSIONS // A_CALL)))
    else:
        result = asyncio.run(measure(settings, given.sessions, given.rounds, given.callers))
    for name, value in result.items():
        print(f"{name:42} {value}")


if __name__ == "__main__":
    main()
