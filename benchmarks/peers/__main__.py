"""What people would otherwise run, beside ours: the same lines, one core each, one after the other.

    python -m benchmarks.peers [--python .venv-peers/bin/python] [--lines 200000] [--hdfs DATA] [--only NAME]

`--python` is the interpreter that has the peers (`requirements/benchmarks.txt`); ours runs in this one, as the two sets
of packages do not fit together. Each contestant is a process of its own, pinned to one core, with one thread a library.
The lines are the bench's made traffic (`daemon.bench.traffic`), or with `--hdfs` the 2% sample of HDFS: --warm of them
are shown first, to learn from, then --lines are counted, or what there is. One that cannot run is named with its
reason, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.hdfs import hdfs_lines
from benchmarks.peers.field import ENTRIES
from benchmarks.peers.rows import write
from daemon.bench.traffic import LogTraffic, TrafficSettings
from daemon.config.schema import Config

START_US = 1_790_000_000_000_000
OPEN_KEYS = 1_000
WARM = 180_000
REFERENCE = "strayline"
LIMIT_S = 1800
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "POLARS_MAX_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TQDM_DISABLE": "1",
}
Figures = Mapping[str, Any]


def run(name: str, python: str, rows: Path, options: argparse.Namespace) -> Figures | str:
    """Return a contestant's figures, or why there are none."""
    numbers = [str(number) for number in (options.warm, options.lines, Config().sessions.gap)]
    command = [python, "-m", "benchmarks.peers.one", name, str(rows), *numbers]
    environment = {**os.environ, **ENVIRONMENT}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode:
        return (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def best(name: str, rows: Path, options: argparse.Namespace) -> Figures | str:
    """Return the figures of the round with the fewest CPU seconds, or why there are none."""
    python = sys.executable if ENTRIES[name].ours else options.python
    rounds: list[Figures] = []
    for number in range(options.rounds):
        print(f"{name}, round {number + 1} of {options.rounds}", file=sys.stderr)
        figures = run(name, python, rows, options)
        if isinstance(figures, str):
            return figures
        rounds.append(figures)
    return min(rounds, key=lambda figures: figures["cpu"])


def lines_of(options: argparse.Namespace) -> Iterator[tuple[int, bytes, bytes]]:
    """Return (time, key, record) rows: made ones, or HDFS's when its folder is given."""
    if options.hdfs is None:
        return LogTraffic(TrafficSettings(Config().sessions.gap, OPEN_KEYS), START_US).lines(
            options.warm + options.lines
        )
    return hdfs_lines(options.hdfs)


def table(found: Mapping[str, Figures]) -> list[str]:
    """Return the figures as a table; ratios are to `REFERENCE` where it is among them."""
    lines = ["| | lines per CPU-second | of ours | CPU ms a session | CPU s to learn | MB | lines | leaves out |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|---|")
    ours = found.get(REFERENCE)
    for name, row in found.items():
        speed = row["lines"] / row["cpu"]
        ratio = f"{speed / (ours['lines'] / ours['cpu']):.3g}" if ours else "-"
        session = f"{1e3 * row['cpu'] / row['sessions']:.2f}" if row["sessions"] else "-"
        lines.append(
            f"| {name} | {speed:,.0f} | {ratio} | {session} | {row['learned']:.1f} | {row['mb']:,.0f} "
            f"| {row['lines']:,} | {ENTRIES[name].lacks} |"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=".venv-peers/bin/python", help="the interpreter that has the peers")
    parser.add_argument("--lines", type=int, default=200_000, help="lines that count (default: 200000)")
    parser.add_argument("--warm", type=int, default=WARM, help=f"lines shown before them (default: {WARM})")
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many counts (default: 2)")
    parser.add_argument("--hdfs", type=Path, metavar="DATA", help="HDFS's lines out of this folder, not made ones")
    parser.add_argument("--only", action="append", choices=list(ENTRIES), help="this contestant (may be repeated)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the figures as JSON")
    options = parser.parse_args()
    found: dict[str, Figures] = {}
    missing = 0
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.tsv"
        write(rows, islice(lines_of(options), options.warm + options.lines))
        for name in options.only or ENTRIES:
            figures = best(name, rows, options)
            if isinstance(figures, str):
                missing += 1
                print(f"{name} did not run: {figures}", file=sys.stderr)
            else:
                found[name] = figures
    print("\n".join(table(found)))
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(list(found.values()), indent=2) + "\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
