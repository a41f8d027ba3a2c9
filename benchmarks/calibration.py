"""Are stated periods true? On streams in which nothing ever changes, what is said to be rare must be as rare as that.

    python -m benchmarks.calibration [--days 7] [--seeds 3]

Each stream is drawn from one law, the same all the time, and goes through the memory and the clues of the incidents
stage, each in a scope of its own. A clue states how often something like it happens: of its kind, and as grave. Where
nothing like it is known, it states the length of the history. Printed is, for each law and kind, in how many blocks of
ten minutes a clue said that it comes once in a time or less often, beside how many such blocks there may be: the days
after the first one, divided by that time. Of failures, warnings and harmless lines the worst counts. Then the most
incidents that were told in any 24 hours, at 20 and at 100 a day.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from benchmarks.words import new_words
from daemon.core.incidents import TOLD, Ceiling, IncidentSettings, IncidentStage
from daemon.core.incidents.clues import ClueFinder, Kind
from daemon.core.incidents.memory import ScopeMemory
from daemon.core.observations import Gravity, Observations, Sighting, Traffic, cause_of

BEGIN = 1_760_000_000.0
HOUR, DAY, BLOCK = 3600.0, 86_400.0, 600.0
KINDS: tuple[Kind, ...] = ("new", "burst", "back")
TIMES = (6 * HOUR, DAY)
TRAFFIC = 60.0
"""Seconds between counts of sessions."""
SETTINGS = IncidentSettings(warm_up=100)

Pause = Callable[[random.Random], float]
Draw = Callable[[random.Random], int]


@dataclass(frozen=True, slots=True)
class Law:
    """`pause` draws the seconds to the next outbreak, `size` how many lines it has, `kind` the number of their cause.

    `spread` is the mean number of seconds between the lines of an outbreak.
    """

    pause: Pause
    kind: Draw
    size: Draw = lambda _: 1
    spread: float = 5.0

    def sightings(self, days: float, seed: int) -> Iterator[Sighting]:
        """Yield what is seen, in order of time."""
        rng, at = random.Random(seed), BEGIN
        while (at := at + self.pause(rng)) < BEGIN + days * DAY:
            line = line_of(self.kind(rng))
            for _ in range(self.size(rng)):
                yield sighting(at, line)
                at += rng.expovariate(1 / self.spread)


def pareto(mean: float, exponent: float) -> Pause:
    """Return a law of pauses with a power's tail."""
    return lambda rng: mean * (exponent - 1) / exponent * rng.paretovariate(exponent)


def lognormal(mean: float, deviation: float) -> Pause:
    return lambda rng: mean * rng.lognormvariate(-(deviation**2) / 2, deviation)


def poisson(mean: float) -> Pause:
    return lambda rng: rng.expovariate(1 / mean)


def zipf(exponent: float) -> Draw:
    """Return a law of kinds by which the n-th has a chance of about n to the power of minus `exponent`."""
    return lambda rng: min(int(rng.random() ** (-1 / (exponent - 1))), 10**9)


def uniform(kinds: int) -> Draw:
    return lambda rng: rng.randrange(kinds)


def heavy(rng: random.Random) -> int:
    """Draw the size of an outbreak: mostly one line, at times hundreds."""
    return min(int(rng.paretovariate(1.2)), 500)


LAWS: dict[str, Law] = {
    "Poisson, Zipf 1.5": Law(poisson(600), zipf(1.5)),
    "Poisson, Zipf 2": Law(poisson(600), zipf(2.0)),
    "Poisson, Zipf 3": Law(poisson(300), zipf(3.0)),
    "Poisson, 400 kinds alike": Law(poisson(600), uniform(400)),
    "Poisson, never the same twice": Law(poisson(3600), uniform(10**9)),
    "Pareto pauses (1.3), Zipf 2": Law(pareto(600, 1.3), zipf(2.0)),
    "lognormal pauses (2), Zipf 2": Law(lognormal(600, 2.0), zipf(2.0)),
    "outbreaks of heavy sizes, Zipf 2": Law(poisson(1800), zipf(2.0), heavy),
    "outbreaks of heavy sizes, 5 kinds": Law(poisson(1800), uniform(5), heavy),
    "Pareto pauses (1.3), 20 kinds": Law(pareto(600, 1.3), uniform(20)),
}


def line_of(kind: int) -> str:
    """Return a line that shares no word with that of another kind but its level: a failure, a warning, or harmless."""
    level = random.Random(kind).choices(("ERROR", "WARN", "INFO"), (2, 1, 1))[0]
    return f"{level} {new_words(kind)}"


def sighting(at: float, line: str) -> Sighting:
    cause = cause_of(line)
    return Sighting("shop", cause.id, cause.score, round(at * 1e6), 1, line, line, f"k{at}", str(at))


def traffic(begin: float, end: float) -> list[Traffic]:
    """Return a steady count of sessions from one time to another."""
    first, last = math.ceil(begin / TRAFFIC), math.ceil(end / TRAFFIC)
    return [Traffic("shop", round(n * TRAFFIC * 1e6), 10) for n in range(first, last)]


@dataclass(frozen=True, slots=True)
class Stated:
    """What a clue states: something of its kind, at least as grave, comes once in `period` seconds."""

    time: float
    kind: Kind
    gravity: Gravity
    period: float


def stated(law: Law, days: float, seed: int) -> list[Stated]:
    """Return what is stated of a stream after its first day."""
    memory, finder, half = ScopeMemory(), ClueFinder(SETTINGS), SETTINGS.window / 2
    statements: list[Stated] = []
    reached = BEGIN
    for seen in law.sightings(days, seed):
        at = seen.time / 1e6
        for count in traffic(reached, at):
            memory.touch(count.time / 1e6, "logs/0", half)
            memory.count_sessions(count.time / 1e6, count.sessions, half)
        reached = max(reached, at)
        memory.touch(at, "logs/0", half)
        clues, span = finder.find(memory, seen, "logs/0"), memory.span(SETTINGS.window)
        statements += [Stated(at, clue.kind, clue.gravity, clue.often or span) for clue in clues]
    return [one for one in statements if one.time >= BEGIN + DAY]


def most_blocks(runs: Sequence[Sequence[Stated]], kind: Kind, least: float) -> int:
    """Return in how many blocks a clue of a kind states a period of `least` seconds or more, in the worst gravity."""
    return max(sum(len(_blocks(run, kind, gravity, least)) for run in runs) for gravity in Gravity)


def _blocks(run: Sequence[Stated], kind: Kind, gravity: Gravity, least: float) -> set[int]:
    return {
        int(one.time // BLOCK) for one in run if one.kind == kind and one.gravity is gravity and one.period >= least
    }


def allowed(days: float, seeds: int, least: float) -> float:
    """Return how many blocks there may be of what comes once in `least` seconds."""
    return seeds * (days - 1) * DAY / least


def most_told(law: Law, days: float, seed: int, per_day: float) -> int:
    """Return the most incidents told in any 24 hours."""
    stage, told, reached = IncidentStage(replace(SETTINGS, ceiling=Ceiling(per_day))), list[float](), BEGIN
    for seen in law.sightings(days, seed):
        at = seen.time / 1e6
        news = stage.take(Observations("logs/0", seen.time, traffic(reached, at), [seen]))
        reached = max(reached, at)
        told += [one.at for one in news if one.event in TOLD]
    return max((sum(end - DAY < at <= end for at in told) for end in told), default=0)


def main() -> int:
    """Print the table; exit 1 where what is said to be rare comes more often than chance allows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    head = " | ".join(f"{kind}: once in {least / HOUR:.0f} h" for kind in KINDS for least in TIMES)
    print(f"| law | {head} | most told in 24 h at 20, 100 a day |\n|---|{'---|' * len(KINDS) * len(TIMES)}---|")
    right = True
    for name, law in LAWS.items():
        runs = [stated(law, options.days, seed) for seed in range(options.seeds)]
        cells = []
        for kind, least in product(KINDS, TIMES):
            count, may = most_blocks(runs, kind, least), allowed(options.days, options.seeds, least)
            right &= count <= may + 3 * math.sqrt(may)
            cells.append(f"{count} of {may:.0f}")
        told = ", ".join(str(most_told(law, options.days, 0, per_day)) for per_day in (20.0, 100.0))
        print(f"| {name} | {' | '.join(cells)} | {told} |", flush=True)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
