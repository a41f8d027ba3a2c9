"""The table of a run."""

from __future__ import annotations

from collections import defaultdict
from math import inf
from statistics import median

from tests.chaos.faults import Targets
from tests.chaos.run import InjectedFault, Run
from tests.chaos.run_audit import RunAudit, by_fault
from tests.support.audit import Place

HEAD = ("fault", "times", "kills", "lost", "duplicated", "longest standstill s", "moving again after s")


def rows(run: Run, audited: RunAudit) -> list[tuple[str, ...]]:
    """Return a row for each kind of fault, and one of sums."""
    faults = run.injected
    begins = [fault.began for fault in faults]

    def attributed(places: list[Place]) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for place, count in by_fault(places, run.progress.commits, begins).items():
            counts[faults[place].name] += count
        return counts

    lost, doubled = attributed(audited.audit.lost), attributed(audited.audit.duplicated)
    kinds: dict[str, list[tuple[InjectedFault, float]]] = defaultdict(list)
    for fault in faults:
        until = inf if fault.recovery is None else fault.over + 1000 * fault.recovery
        kinds[fault.name].append((fault, run.progress.standstill(fault.began, until)))
    table = [
        (
            name,
            str(len(kind)),
            str(sum(fault.kills for fault, _ in kind)),
            str(lost.get(name, 0)),
            str(doubled.get(name, 0)),
            f"{max(standstill for _, standstill in kind):.1f}",
            _worst([fault.recovery for fault, _ in kind]),
        )
        for name, kind in sorted(kinds.items())
    ]
    total = (
        "all",
        str(len(faults)),
        str(run.replicas.kills),
        str(len(audited.audit.lost)),
        str(len(audited.audit.duplicated)),
        max((row[5] for row in table), key=float, default="0"),
        _worst([fault.recovery for fault in faults]),
    )
    return [*table, total]


def _worst(recoveries: list[float | None]) -> str:
    known = [r for r in recoveries if r is not None]
    return "never" if len(known) < len(recoveries) else f"{max(known, default=0.0):.1f}"


def print_run(run: Run, targets: Targets, audited: RunAudit) -> None:
    """Print the table and the figures of a run."""
    table = rows(run, audited)
    widths = [max(len(row[i]) for row in [HEAD, *table]) for i in range(len(HEAD))]
    for row in [HEAD, tuple("-" * width for width in widths), *table]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("| " + " | ".join(cells) + " |")
    print(
        f"{audited.lines} lines, {len(audited.sessions)} sessions, {audited.dead_letters} dead letters: {audited.audit}"
    )
    print(f"{run.replicas.kills} replica kills, {targets.broker_kills} broker kills")
    for point, count in sorted(run.replicas.crashes.items()):
        print(f"  killed {point}: {count}")
    delays = sorted(run.replicas.first_commits)
    if delays:
        print(
            f"a killed replica commits again {median(delays):.1f} s after its start (median of {len(delays)}),"
            f" {delays[int(0.95 * (len(delays) - 1))]:.1f} s (95%), {delays[-1]:.1f} s at most"
        )
    for last_line in run.replicas.unexpected_exits:
        print(f"  a replica ended by itself: {last_line}")
