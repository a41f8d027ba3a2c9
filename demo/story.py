"""What the demo was about: the recording's faults, and which of them the alerts found."""

from __future__ import annotations

import asyncio
import csv
import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

HERE = Path(__file__).parent
LOGS = HERE / "recordings" / "logs.jsonl.xz"
FAULTS = HERE / "recordings" / "faults.json"
SESSIONS = HERE / "recordings" / "sessions.csv"
LABELS = HERE / "recordings" / "labels.csv"

Document = Mapping[str, Any]


def lines() -> Iterator[bytes]:
    """Yield the recorded lines in time order."""
    with lzma.open(LOGS, "rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


@dataclass
class Truth:
    """Which recorded sessions a fault touched: by scope and key, `(start, end, fault)`; an empty fault is normal."""

    sessions: dict[tuple[str, str], list[tuple[str, str, str]]] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Truth:
        """Read the recording's labels."""
        truth = cls()
        with SESSIONS.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                place = truth.sessions.setdefault((row["scope"], row["key"]), [])
                place.append((row["start"], row["end"], row["fault"] if row["label"] == "1" else ""))
        return truth

    def fault_of(self, document: Document) -> str:
        """Return the fault that a verdict's or an alert's session was touched by, or nothing."""
        known = self.sessions.get((document["scope"], document["key"]), ())
        return next((f for start, end, f in known if f and start <= document["end"] and document["start"] <= end), "")


@dataclass
class Outcome:
    """What came out of the daemon."""

    verdicts: list[Document] = field(default_factory=list)
    alerts: list[Document] = field(default_factory=list)
    dead_letters: int = 0
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lines(self) -> int:
        """Lines that are in a verdict."""
        return sum(verdict["lines"] for verdict in self.verdicts)


def tell(outcome: Outcome, budget: float, console: Console) -> None:
    """Print what was found, what else was flagged, and how the rate compares with the budget."""
    truth = Truth.read()
    events = json.loads(FAULTS.read_text(encoding="utf-8"))["events"]
    console.print(_found([e for e in events if e["fault"]], outcome.alerts, truth))
    console.print(_rates(outcome.verdicts, budget))
    others: dict[str, int] = {}
    for alert in outcome.alerts:
        if not truth.fault_of(alert):
            others[alert["summary"]] = others.get(alert["summary"], 0) + 1
    if others:
        console.print(Text(f"Also flagged, outside of any fault ({sum(others.values())} alerts):", style="bold"))
        for summary, count in sorted(others.items(), key=lambda item: -item[1])[:6]:
            console.print(Text(f"  {count} x {summary}"), highlight=False)
        console.print()


def _found(faults: Sequence[Document], alerts: Sequence[Document], truth: Truth) -> Table:
    table = Table("fault", "service", "alerts", "what the first one said", box=box.SIMPLE_HEAD, title="What was found")
    table.columns[2].justify = "right"
    by_fault: dict[str, list[Document]] = {}
    for alert in alerts:
        by_fault.setdefault(truth.fault_of(alert), []).append(alert)
    for fault in faults:
        said = by_fault.get(fault["name"], [])
        words = Text(said[0]["summary"]) if said else Text("not found", style="red")
        table.add_row(fault["name"], ", ".join(fault["services"]), str(len(said)), words)
    return table


def _rates(verdicts: Sequence[Document], budget: float) -> Table:
    table = Table("service", "sessions", "judged", "alerts", "rate", box=box.SIMPLE_HEAD)
    table.title = f"Realised rate against the budget of {budget:.1%} of sessions"
    for column in table.columns[1:]:
        column.justify = "right"
    live_in_all, flagged_in_all = 0, 0
    for scope in sorted({verdict["scope"] for verdict in verdicts}):
        own = [verdict for verdict in verdicts if verdict["scope"] == scope]
        live, flagged = sum(v["phase"] == "live" for v in own), sum(v["anomalous"] for v in own)
        live_in_all, flagged_in_all = live_in_all + live, flagged_in_all + flagged
        table.add_row(scope, f"{len(own):,}", f"{live:,}", str(flagged), f"{flagged / max(live, 1):.2%}")
    table.add_section()
    rate = f"{flagged_in_all / max(live_in_all, 1):.2%}"
    table.add_row("all", f"{len(verdicts):,}", f"{live_in_all:,}", str(flagged_in_all), rate)
    return table
