"""Protocol Q: what is told in hours without a fault, and how the faults that follow are told.

    python -m benchmarks.quiet [--modes plain,deploy] [--budgets 20/day,100/day] [--repetitions 30] [--lines]

The streams go through the daemon's own formats, masks, observer and incidents stage: the quiet hours in steps of 30
seconds of event time, the faults in steps of one second, as a daemon that keeps up would read them. With `--lines` all
told incidents are printed. Beside it stand two simple rules: a never-seen line with a failure word,
and any never-seen line, at most 20 a day and scope. Sessions are not judged here, so no model is needed: what is told
rests on lines, times and keys.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.quiet.faults import faults_by_line
from benchmarks.quiet.scores import Stream, observe, ours, rule
from benchmarks.quiet.streams import BEGIN, Maker, Mode, quiet_span, recording
from daemon.config.values import rate_of
from daemon.core.incidents import Ceiling, IncidentSettings
from daemon.core.observations import Gravity


def settings_for(budget: str, warm_up: int) -> IncidentSettings:
    """Return the stage's settings for a budget such as ``20/day`` or ``0.01``."""
    per_day = rate_of(budget)
    ceiling = Ceiling(per_day) if per_day is not None else Ceiling(None, float(budget))
    return replace(IncidentSettings(), ceiling=ceiling, warm_up=warm_up)


def streams(modes: list[str], repetitions: int) -> Iterator[tuple[str, Stream, int]]:
    """Yield name, stream and warm-up: the recording as it is, and each mode."""
    rows = recording()
    shown = faults_by_line(rows)
    for mode in modes:
        if mode == "demo":
            pairs = ((BEGIN + row.at, row) for row in rows)
            yield mode, observe(iter(pairs), shown, BEGIN + quiet_span()), 300
        else:
            maker = Maker(Mode(mode), repetitions)
            yield mode, observe(iter(maker), shown, maker.faults_from), 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quiet", description=__doc__)
    parser.add_argument("--modes", default=",".join(["demo", *Mode]))
    parser.add_argument("--budgets", default="5/day,20/day,100/day")
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--lines", action="store_true", help="print every told incident")
    options = parser.parse_args()
    print(
        "| stream, rule | told in quiet hours (a day and scope) | faults told of 15 | told in the faulty part ", end=""
    )
    print("| false | median delay s | longest s |\n|---|---|---|---|---|---|---|")
    for name, stream, warm_up in streams(options.modes.split(","), options.repetitions):
        for budget in options.budgets.split(","):
            score = ours(stream, settings_for(budget, warm_up))
            print(score.row(f"{name}, {budget}"), flush=True)
            for line in (*score.quiet, *score.faulty) if options.lines else ():
                print(f"    {line}")
        print(rule(stream, Gravity.WARNING, warm_up).row(f"{name}, first line with a failure word"))
        print(rule(stream, Gravity.HARMLESS, warm_up).row(f"{name}, first line at all"))


if __name__ == "__main__":
    main()
