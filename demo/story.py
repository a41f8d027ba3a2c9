"""What the demo was about: the recording's faults, and which incident told each of them."""

from __future__ import annotations

import asyncio
import json
import lzma
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.core.incidents import TOLD
from daemon.core.text import clean, many

HERE = Path(__file__).parent
LOGS = HERE / "recordings" / "logs.jsonl.xz"
FAULTS = HERE / "recordings" / "faults.json"
LABELS = HERE / "recordings" / "labels.csv"

Document = Mapping[str, Any]
EARLY = timedelta(seconds=1)
"""Some programs write their times in whole seconds, so a line may seem older than its fault."""
LATE = timedelta(seconds=20)
"""What is told so long after a fault may still be of it."""
_STYLE = {"critical": "bold red", "warning": "bold yellow", "info": "bold cyan"}


def lines() -> Iterator[bytes]:
    """Yield the recorded lines in time order."""
    with lzma.open(LOGS, "rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


@dataclass
class Outcome:
    """What came out of the daemon."""

    verdicts: list[Document] = field(default_factory=list)
    alerts: list[Document] = field(default_factory=list)
    dead_letters: int = 0
    shown_whole: int = 0
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lines(self) -> int:
        """Lines that are in a verdict."""
        return sum(verdict["lines"] for verdict in self.verdicts)


def incident_line(alert: Document) -> Text:
    """Return an incident in one line: when, where, how grave, what."""
    incident = alert["incident"]
    services = clean(", ".join(incident["services"]))
    event = "" if incident["event"] == "opened" else f"{incident['event']}: "
    return Text.assemble(
        (f"  {incident['last_seen'][11:19]}  ", "dim"),
        (f"{alert['severity']:<9}", _STYLE[alert["severity"]]),
        (f"{services}  ", "bold"),
        event + clean(alert["summary"]),
    )


def tell(outcome: Outcome, budget: str, console: Console) -> None:
    """Print which incident told each fault and how soon, what else was told, and that against the budget."""
    events = [event for event in json.loads(FAULTS.read_text(encoding="utf-8"))["events"] if event["fault"]]
    told = [alert for alert in outcome.alerts if alert["incident"]["event"] in TOLD]
    by_fault: dict[str, list[Document]] = {}
    for alert in told:
        by_fault.setdefault(_fault_of(alert, events), []).append(alert)
    console.print(_found(events, by_fault))
    found = sum(event["name"] in by_fault for event in events)
    quiet = [alert for alert in told if _begun(alert) < _time(events[0]["start"])]
    console.print(
        Text(
            f"{found} of {len(events)} faults were told, in {many(len(told), 'message')}; "
            f"{len(quiet)} of them came before the first fault. At most {budget} are told of one service."
        )
    )
    others = by_fault.get("", [])
    if others:
        console.print(Text("Told outside of any fault:", style="bold"))
        for alert in others[:6]:
            console.print(incident_line(alert), no_wrap=True, overflow="ellipsis")
    console.print()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _begun(alert: Document) -> datetime:
    """Return when the symptom was seen that a message is about."""
    causes = alert["incident"]["causes"]
    head = next((c for c in causes if (c["cause"], c["scope"]) == (alert["fingerprint"], alert["scope"])), causes[0])
    return _time(head["time"])


def _fault_of(alert: Document, events: Sequence[Document]) -> str:
    """Return the fault in whose time the message's symptom began, the latest that had begun; or nothing."""
    begun = _begun(alert)
    fitting = [event for event in events if _time(event["start"]) - EARLY <= begun <= _time(event["end"]) + LATE]
    return str(fitting[-1]["name"]) if fitting else ""


def _found(events: Sequence[Document], by_fault: Mapping[str, Sequence[Document]]) -> Table:
    table = Table(
        "fault", "service", "seen after", "told", "what the first one said", box=box.SIMPLE_HEAD, title="What was told"
    )
    table.columns[2].justify = table.columns[3].justify = "right"
    for event in events:
        said = by_fault.get(event["name"], [])
        after = f"{max((_begun(said[0]) - _time(event['start'])).total_seconds(), 0):.0f} s" if said else ""
        words = Text(clean(said[0]["summary"])) if said else Text("not told", style="red")
        table.add_row(event["name"], ", ".join(event["services"]), after, str(len(said)), words)
    return table
