"""The result of a bench, as values, a table and a document."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class StageFigures:
    """CPU seconds that a number of lines took in a stage."""

    name: str
    lines: int
    cpu_seconds: float

    @property
    def lines_a_second(self) -> float:
        """Lines per CPU-second."""
        return self.lines / self.cpu_seconds if self.cpu_seconds else float("inf")

    @property
    def seconds_a_million(self) -> float:
        """CPU-seconds per million lines."""
        return 1e6 * self.cpu_seconds / self.lines if self.lines else 0.0


@dataclass(frozen=True, slots=True)
class BenchResult:
    """All figures of one run over `traffic`. `raw` is the client in a process of its own."""

    lines: int
    sessions: int
    traffic: str
    raw: StageFigures
    stages: tuple[StageFigures, ...]
    daemon: StageFigures
    peak_mb: float

    @property
    def ratio(self) -> float:
        """Lines per CPU-second of the whole daemon, divided by those of the raw client."""
        return self.daemon.lines_a_second / self.raw.lines_a_second

    def document(self) -> dict[str, Any]:
        """Return everything as a JSON document."""
        rows = (self.raw, *self.stages, self.daemon)
        return {
            "lines": self.lines,
            "sessions": self.sessions,
            "traffic": self.traffic,
            "daemon_over_raw": round(self.ratio, 4),
            "peak_mb": round(self.peak_mb, 1),
            "stages": [
                {
                    **asdict(row),
                    "lines_per_cpu_second": round(row.lines_a_second),
                    "over_raw": round(row.lines_a_second / self.raw.lines_a_second, 4),
                }
                for row in rows
            ],
        }


def print_bench(result: BenchResult, console: Console) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("stage")
    for title in ("lines per CPU-second", "CPU-seconds per million lines", "times raw"):
        table.add_column(title, justify="right")

    def row(stage: StageFigures, style: str = "") -> None:
        over = f"{stage.seconds_a_million / result.raw.seconds_a_million:.2f}"
        table.add_row(stage.name, f"{stage.lines_a_second:,.0f}", f"{stage.seconds_a_million:.2f}", over, style=style)

    row(result.raw, "bold")
    for stage in result.stages:
        row(stage)
    row(result.daemon, "bold")
    console.print(table)
    console.print(f"\n{result.lines:,} {result.traffic}: {result.sessions:,} sessions.")
    console.print(
        f"The whole daemon reaches {100 * result.ratio:.0f}% of the raw client's lines per CPU-second. "
        f"Peak memory {result.peak_mb:,.0f} MB."
    )
    if result.sessions * 30 < result.lines:
        console.print("Too few lines to be worth comparing: most of their sessions were still open. Give more --lines.")
