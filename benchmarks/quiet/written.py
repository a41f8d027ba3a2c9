"""What the incidents stage writes of its state, by kind of piece.

    python -m benchmarks.quiet.written [--mode plain] [--repetitions 30] [--without]

Observations of a stream's quiet hours are taken in, and what changed is dumped every second of event time, as a daemon
that keeps up does. Printed are the bytes of keys and values: those written a second and scope in the last two
repetitions, when every line is usual, and those of the whole state at the end. Lines are read 30 seconds at once, and
what is observed is handed on second by second.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

import orjson

from benchmarks.quiet.__main__ import settings_for
from benchmarks.quiet.chain import LIMITS, SOURCE, Chain
from benchmarks.quiet.recordings import recording
from benchmarks.quiet.streams import Maker, Mode, as_json
from daemon.core.incidents import IncidentStage, all_names, dump_pieces
from daemon.core.observations import Observations

KINDS = {
    "h": "the stage as a whole",
    "s": "scopes",
    "c": "causes",
    "p": "presences",
    "k": "keys",
    "t": "lines that come together",
    "w": "sessions of open blocks",
    "i": "incidents",
}
STEP = 30.0
"""Seconds of a stream that are read at once."""
LAST = 2
"""Repetitions at the end that are measured."""


def size(pieces: Mapping[bytes, bytes | None]) -> Counter[str]:
    """Return the bytes of keys and values by kind of piece."""
    sizes: Counter[str] = Counter()
    for key, value in pieces.items():
        sizes[orjson.loads(key)[0]] += len(key) + len(value or b"")
    return sizes


def by_second(seen: Observations, begin: float) -> Iterator[Observations]:
    """Yield what was observed in each of the STEP seconds from `begin` on; what is older belongs to the first.

    A session is observed when it closes, a gap after its last line.
    """
    for second in range(round(STEP)):
        end = (begin + second + 1) * 1e6
        start = end - 1e6 if second else 0.0
        yield replace(
            seen,
            clock=round(end),
            traffic=[item for item in seen.traffic if start <= item.time < end],
            sightings=[item for item in seen.sightings if start <= item.time < end],
            keys=[item for item in seen.keys if start <= item.time < end],
            together=[item for item in seen.together if start <= item.end + LIMITS.gap_us < end],
            cases=[item for item in seen.cases if start <= item.end + LIMITS.gap_us < end],
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quiet.written", description=__doc__)
    parser.add_argument("--mode", default="plain")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--without", action="store_true", help="without the observation of which lines come together")
    options = parser.parse_args()
    maker = Maker(recording(), Mode(options.mode), options.repetitions)
    measured_from = maker.faults_from - LAST * maker.span
    stage, chain, written, sessions = IncidentStage(settings_for("20/day", 1000)), Chain(SOURCE), Counter[str](), 0
    quiet = (pair for pair in maker if pair[0] < maker.faults_from)
    for step, lines in groupby(quiet, key=lambda pair: int(pair[0] // STEP)):
        for at, row in lines:
            chain.hold(as_json(at, row))
        seen = chain.observed((step + 1) * STEP)
        for part in by_second(replace(seen, together=()) if options.without else seen, step * STEP):
            stage.take(part)
            if step * STEP >= measured_from:
                written += size(dump_pieces(stage, stage.changed))
                sessions += sum(traffic.sessions for traffic in part.traffic)
            stage.changed.clear()
    span = LAST * maker.span * len(stage.scopes)
    print(f"{sessions / span:.2f} sessions a second and scope, {len(stage.scopes)} scopes\n")
    print_table(written, size(dump_pieces(stage, all_names(stage))), span)


def print_table(written: Counter[str], state: Counter[str], span: float) -> None:
    """Print a row for each kind of piece and one for all."""
    print("| pieces | bytes written a second and scope | bytes of the state |\n|---|---|---|")
    rows: Iterable[tuple[str, int, int]] = ((name, written[kind], state[kind]) for kind, name in KINDS.items())
    for name, bytes_written, bytes_kept in (*rows, ("all", written.total(), state.total())):
        print(f"| {name} | {bytes_written / span:,.0f} | {bytes_kept:,} |")


if __name__ == "__main__":
    main()
