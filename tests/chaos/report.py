"""The table of a run."""

from __future__ import annotations

from collections import defaultdict
from math import inf
from statistics import median

from tests.chaos.faults import Scene
from tests.chaos.findings import Findings, by_time
from tests.chaos.play import Happened, Run
from tests.support.audit import Place

HEAD = ("fault", "times", "kills", "lost", "duplicated", "longest standstill s", "moving again after s")


def rows(run: Run, found: Findings) -> list[tuple[str, ...]]:
    """Return a row for each kind of fault, and one of sums."""
    faults = run.happened
    begins = [it.began for it in faults]

    def attributed(places: list[Place]) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for place, count in by_time(places, run.progress.commits, begins).items():
            counts[faults[place].name] += count
        return counts

    lost, doubled = attributed(found.audit.lost), attributed(found.audit.duplicated)
    kinds: dict[str, list[tuple[Happened, float]]] = defaultdict(list)
    for it in faults:
        until = inf if it.recovery is None else it.passed + 1000 * it.recovery
        kinds[it.name].append((it, run.progress.standstill(it.began, until)))
    table = [
        (
            name,
            str(len(its)),
            str(sum(it.kills for it, _ in its)),
            str(lost.get(name, 0)),
            str(doubled.get(name, 0)),
            f"{max(stood for _, stood in its):.1f}",
            _worst([it.recovery for it, _ in its]),
        )
        for name, its in sorted(kinds.items())
    ]
    total = (
        "all",
        str(len(faults)),
        str(run.crew.kills),
        str(len(found.audit.lost)),
        str(len(found.audit.duplicated)),
        max((row[5] for row in table), key=float, default="0"),
        _worst([it.recovery for it in faults]),
    )
    return [*table, total]


def _worst(recoveries: list[float | None]) -> str:
    known = [r for r in recoveries if r is not None]
    return "never" if len(known) < len(recoveries) else f"{max(known, default=0.0):.1f}"


def print_run(run: Run, scene: Scene, found: Findings) -> None:
    """Print the table, and the figures beside it."""
    table = rows(run, found)
    widths = [max(len(row[i]) for row in [HEAD, *table]) for i in range(len(HEAD))]
    for row in [HEAD, tuple("-" * width for width in widths), *table]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("| " + " | ".join(cells) + " |")
    print(f"{found.lines} lines, {len(found.sessions)} sessions, {found.letters} dead letters: {found.audit}")
    print(f"{run.crew.kills} replica kills, {scene.broker_kills} broker kills")
    for step, count in sorted(run.crew.deaths.items()):
        print(f"  killed {step}: {count}")
    useful = sorted(run.crew.useful)
    if useful:
        print(
            f"a killed replica commits again {median(useful):.1f} s after its start (median of {len(useful)}),"
            f" {useful[int(0.95 * (len(useful) - 1))]:.1f} s (95%), {useful[-1]:.1f} s at most"
        )
    for words in run.crew.ended:
        print(f"  a replica ended by itself: {words}")
