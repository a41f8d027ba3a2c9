"""How long the stream waits for its vectors while others use the daemon's engine (`serve.with_run`).

    python -m benchmarks.guests [--model all-MiniLM-L6-v2] [--rounds 4] [--seconds 20] [--guests 4] [--options JSON]
    python -m benchmarks.guests --simulate TOKENS [--rounds 4] [--seconds 20] [--guests 4]

The stream asks for the vectors of `PATTERNS` new sessions every `EVERY_S` seconds, more or less. Each guest asks for
`TEXTS` texts again and again. Rounds take turns, in one process: nobody else; guests as the daemon lets them in; and
guests that ask the engine directly, which is what the daemon does not allow. Printed are the delays of the stream and
the texts a second that guests get. With --simulate the model is a stand-in that reads so many tokens a second and
otherwise sleeps, so that the figures hold on a machine that others keep busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from prometheus_client import CollectorRegistry

from benchmarks.engine import Accelerator, Simulated, sessions
from daemon.adapters.engines import EngineSettings
from daemon.adapters.engines.vllm import VllmEngine
from daemon.errors import UnavailableError
from daemon.metrics import Metrics
from daemon.ports import Engine
from daemon.runtime import Embedder, guest_of

PATTERNS, TEXTS = 4, 64
EVERY_S = 1.0
STEP_TOKENS, STEP_S = 2048, 0.002


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text of the stream."""

    id: str
    text: str


class Paced(Accelerator):
    """A step of up to `STEP_TOKENS` takes `STEP_S`, and a second for each `pace` of its tokens."""

    def __init__(self, pace: float) -> None:
        super().__init__()
        self.pace = pace

    def next(self) -> tuple[list[str], float]:
        done: list[str] = []
        tokens = 0
        for identity, size in self.waiting.items():
            if done and tokens + size > STEP_TOKENS:
                break
            done.append(identity)
            tokens += size
        return done, STEP_S + tokens / self.pace


class Figures:
    """What the rounds of one kind have measured."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.served = self.refused = 0

    def row(self, seconds: float) -> dict[str, object]:
        """Return the figures; delays are in milliseconds."""
        p50, p99 = np.percentile(self.delays, (50, 99)) * 1000
        return {
            "delay p50 ms": round(float(p50)),
            "delay p99 ms": round(float(p99)),
            "asked": len(self.delays),
            "guests' texts/s": round(self.served / seconds, 1),
            "refused": self.refused,
        }


async def stream(embedder: Embedder, figures: Figures, name: str, seed: int) -> None:
    """Ask for the vectors of new sessions, until cancelled; equal seeds ask the same at the same times."""
    chance, number = random.Random(seed), 0
    asked = set[asyncio.Task[None]]()
    while True:
        number += 1
        texts = sessions(PATTERNS, seed=chance.randrange(1 << 30))
        patterns = [Pattern(f"{name}/{number}/{at}", text) for at, text in enumerate(texts)]
        asked.add(asyncio.create_task(ask(embedder, patterns, figures)))
        await asyncio.sleep(chance.expovariate(1 / EVERY_S))


async def ask(embedder: Embedder, patterns: list[Pattern], figures: Figures) -> None:
    began = time.perf_counter()
    await embedder.embed(patterns)
    figures.delays.append(time.perf_counter() - began)


async def guest(engine: Engine, figures: Figures, seed: int) -> None:
    """Ask for vectors again and again, until cancelled."""
    texts = sessions(TEXTS, seed)
    while True:
        try:
            figures.served += len(await engine.embed(texts))
        except UnavailableError:
            figures.refused += 1


async def measure(engine: VllmEngine, rounds: int, seconds: float, guests: int) -> dict[str, object]:
    """Return the figures of every kind of round."""
    await engine.start()
    metrics = Metrics(CollectorRegistry())
    embedder = Embedder(engine, metrics)
    behind = guest_of(engine, embedder.idle, metrics)
    kinds: dict[str, Callable[[], Engine] | None] = {
        "alone": None,
        "guests behind the stream": lambda: behind,
        "guests beside the stream": lambda: engine,
    }
    measured = {kind: Figures() for kind in kinds}
    await engine.embed(sessions(TEXTS, 0))
    for number in range(rounds):
        for kind, make in kinds.items():
            figures = measured[kind]
            work = [asyncio.create_task(stream(embedder, figures, f"{kind}/{number}", number))]
            work += [asyncio.create_task(guest(make(), figures, seed)) for seed in range(guests) if make is not None]
            await asyncio.sleep(seconds)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(embedder.idle(), 30)
    await embedder.close()
    await engine.close()
    return {"model": engine.model} | {kind: figures.row(rounds * seconds) for kind, figures in measured.items()}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guests",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--guests", type=int, default=4)
    parser.add_argument("--options", type=json.loads, default={}, help="vLLM's own options, as JSON")
    parser.add_argument("--simulate", type=float, metavar="TOKENS", help="tokens a second of a stand-in for the model")
    options = parser.parse_args()
    settings = EngineSettings(model=options.model, options=options.options)
    engine = VllmEngine(settings) if options.simulate is None else Simulated(settings, Paced(options.simulate))
    print(json.dumps(asyncio.run(measure(engine, options.rounds, options.seconds, options.guests)), indent=1))


if __name__ == "__main__":
    main()
