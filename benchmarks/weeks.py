"""Weeks of simulated traffic: flat memory, stable recall, forgetting what ended, remembering what is weekly.

    python -m benchmarks.weeks [--weeks 4] [--a-day 4000] [--seed 0]

One service, one partition, the default settings. Traffic has a daily rhythm, forty patterns of ten to thirty lines and,
in one session of fifty, a rare line. On top of it:

* each night a deployment rewords three lines for good, so patterns never stop being new;
* a batch runs on the fourth day of a week from 03:00, four hours late every other week: 1,200 sessions of three
  patterns of its own, a twenty-fifth of the week's traffic; half a day later a job of 40 sessions runs, of three
  patterns of its own, which a person labels normal after its first run;
* a feature that has 2% of the traffic ends with the first week and is switched on again for a day in the last;
* ten failures a day, at random times, each once: a new line, or a usual one missing.

A row a day says what share of the sessions carried a clue, how many of the failures did, the rank (1 is the most
ordinary) of the first session of the batch, the job and the feature, and what is held. No Kafka, no model: vectors come
from the bench's stand-in.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from daemon.bench.standin import StandIn
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.sessions import make_pattern
from daemon.core.types import Judgement, Pattern, TopicPartition, Vector

SOURCE = TopicPartition("weeks", 0)
HOUR, DAY = 3_600_000_000, 86_400_000_000
START = 20_000 * DAY
USUAL, REWORDED, FAILURES, BATCH, JOB = 40, 3, 10, 1200, 40
WORDS = (
    *("request", "reply", "session", "cursor", "worker", "queue", "cache", "order"),
    *("basket", "invoice", "token", "mail", "image", "thumb", "index", "shard"),
)


@dataclass(slots=True)
class Tally:
    """The results of one day, by kind of session."""

    judged: dict[str, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)

    def add(self, kind: str, judged: Judgement) -> None:
        self.judged[kind] = self.judged.get(kind, 0) + 1
        self.alerts[kind] = self.alerts.get(kind, 0) + judged.anomalous
        self.first.setdefault(kind, judged.parts["rank"])

    def of(self, kind: str) -> str:
        return f"{self.alerts[kind]}/{self.judged[kind]}" if kind in self.judged else "-"

    def met(self, kind: str) -> str:
        return f"{self.first[kind]:.3f}" if kind in self.first else "-"


class Service:
    """Makes the sessions of one day after another."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._lines = [f"{WORDS[n % 16]} {WORDS[n // 16]} step {n} done" for n in range(200)]
        self._patterns = [
            sorted(self._rng.choice(200, int(self._rng.integers(10, 31)), replace=False).tolist()) for _ in range(USUAL)
        ]
        shares = 1.0 / np.arange(1, USUAL + 1)
        self._shares = shares / shares.sum()

    def day(self, number: int, count: int, weeks: int) -> Iterator[tuple[str, Pattern, int]]:
        """Yield kind, pattern and end of the sessions of one day, in order."""
        for line in self._rng.choice(200, REWORDED, replace=False):
            self._lines[line] = f"{self._lines[line].split(' [')[0]} [v{number}]"
        start = START + number * DAY
        made = [(self._time(start), "usual") for _ in range(count)]
        made += [(start + int(self._rng.integers(DAY)), "failure") for _ in range(FAILURES)]
        if number % 7 == 3:
            begin = start + 3 * HOUR + (4 * HOUR if number % 14 > 7 else 0)
            made += [(begin + n * 10_000_000, "batch") for n in range(BATCH)]
            made += [(begin + DAY // 2 + n * 30_000_000, "job") for n in range(JOB)]
        if number < 7 or number == 7 * weeks - 3:
            made += [(self._time(start), "feature") for _ in range(count // 50)]
        for end, kind in sorted(made):
            yield kind, self._session(kind), end

    def _time(self, start: int) -> int:
        while True:
            at = float(self._rng.uniform())
            if self._rng.uniform() < 0.6 - 0.4 * math.cos(2 * math.pi * at):
                return start + int(at * DAY)

    def _session(self, kind: str) -> Pattern:
        number = int(self._rng.choice(USUAL, p=self._shares))
        lines = [self._lines[line] for line in self._patterns[number]]
        if kind in ("batch", "job"):
            lines = [f"{kind} reconciles: {name}" for name in ("opened", "summed", f"part {number % 3}", "closed")]
        elif kind == "feature":
            lines += ["wishlist opened", f"wishlist {('saved', 'shared')[number % 2]}"]
        elif kind == "failure" and self._rng.uniform() < 0.5:
            lines = lines[1:-1]
        elif kind == "failure":
            lines.append(
                f"{WORDS[int(self._rng.integers(16))]} {int(self._rng.integers(1 << 30)):x} gave up, state lost"
            )
        elif self._rng.uniform() < 0.02:
            lines.append(f"slow {WORDS[int(self._rng.integers(16))]} {WORDS[int(self._rng.integers(16))]}")
        return make_pattern("service", dict.fromkeys(lines, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=4)
    parser.add_argument("--a-day", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    engine = StandIn()
    detector = Detector(DetectorSettings(), engine.model, engine.dimensions)
    service = Service(options.seed)
    vectors: dict[str, Vector] = {}
    print("| day | with a clue | share | failures | rank: batch | job | feature | usual | patterns | lines | MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for number in range(7 * options.weeks):
        tally = Tally()
        for kind, pattern, end in service.day(number, options.a_day, options.weeks):
            vector = detector.vector(pattern)
            if vector is None:
                vector = vectors.setdefault(pattern.id, engine.vector(pattern.text))
            judged = detector.judge(pattern, vector, end=end, source=SOURCE)
            tally.add(kind, judged)
            if kind == "job" and number < 7:
                detector.label("service", pattern.id, "normal", source=SOURCE, at=end)
            detector.updates(SOURCE)
        [scope] = detector.scopes()
        alerts = sum(tally.alerts.values())
        used = alerts / sum(tally.judged.values())
        weekly = f"{tally.met('batch')} | {tally.met('job')} | {tally.met('feature')}"
        print(
            f"| {number + 1} | {alerts} | {used:.4f} | {tally.of('failure')} | {weekly} | {tally.of('usual')} "
            f"| {scope.patterns} | {scope.lines} | {scope.memory_bytes / 2**20:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
