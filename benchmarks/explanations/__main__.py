"""Are explanations true? Without the lines that they name, nothing is told; without as many others, all still is.

    python -m benchmarks.explanations [--streams demo,plain] [--wrong]

For every told incident of a stream's faulty part, the lines of the causes it names are taken out of its sessions
(`incidents`). For every session of the told incidents of the demo's recording, the lines that the message names as
evidence are taken out of it (`sessions`). The streams are those of `benchmarks.quiet`: the demo's recording as it is,
and hours without a fault before it. Exits 1 when a goal is missed; `--wrong` prints what disproves an explanation.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable

from benchmarks.explanations.incidents import Trials, faulty_part
from benchmarks.explanations.proof import Proof
from benchmarks.explanations.sessions import prove_sessions
from benchmarks.quiet.recordings import Row, recording
from benchmarks.quiet.streams import BEGIN, Maker, Mode
from daemon.core.incidents import IncidentSettings

REPETITIONS = 30
DEMO_WARM_UP, WARM_UP = 300, 1000


def demo() -> Iterable[tuple[float, Row]]:
    """Return the demo's recording as a stream."""
    return ((BEGIN + row.at, row) for row in recording().rows)


def incidents_of(name: str, every: int = 1) -> Proof:
    """Prove the incidents of a stream's faulty part: each, or every second, and so on."""
    if name == "demo":
        faulty = faulty_part(demo(), BEGIN + recording().quiet_span, IncidentSettings(warm_up=DEMO_WARM_UP))
    else:
        maker = Maker(recording(), Mode(name), REPETITIONS)
        faulty = faulty_part(maker, maker.faults_from, IncidentSettings(warm_up=WARM_UP))
    return Trials(faulty).prove(every)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explanations", description=__doc__)
    parser.add_argument("--streams", default="demo,plain")
    parser.add_argument("--wrong", action="store_true", help="print what disproves an explanation")
    options = parser.parse_args()
    print("| | all | ordinary without the lines named | ordinary without as many others |\n|---|---|---|---|")
    incidents = Proof()
    for name in options.streams.split(","):
        proof = incidents_of(name)
        print(proof.row(f"told incidents, {name}"), flush=True)
        incidents.join(proof)
    sessions = asyncio.run(prove_sessions(demo(), DEMO_WARM_UP))
    print(sessions.row("sessions of told incidents, demo"))
    for proof in (incidents, sessions) if options.wrong else ():
        print("\n".join([*proof.named.wrong, *proof.others.wrong]))
    return int(not (incidents.holds and sessions.holds))


if __name__ == "__main__":
    sys.exit(main())
