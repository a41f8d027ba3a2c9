"""`strayline bench`: the speed of each stage on this machine, beside the raw client."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "bench", bench, "measure every stage beside the raw client, on the configured Kafka")
    parser.add_argument("--lines", type=int, default=200_000, help="lines that are measured (default: 200000)")
    parser.add_argument("--open-keys", type=int, default=1_000, help="sessions open at once (default: 1000)")
    parser.add_argument("--patterns", type=int, default=140, help="distinct patterns in the traffic (default: 140)")
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many counts (default: 2)")
    parser.add_argument("--warm", type=int, default=20_000, help="sessions that come before (default: 20000)")
    parser.add_argument("--session-lines", type=int, default=20, help="lines of a session (default: 20)")
    parser.add_argument(
        "--file",
        type=Path,
        help="measure this file's last lines as records, instead of made ones",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the figures as JSON")


def bench(options: argparse.Namespace) -> int:
    """Measure and print the table."""
    config = load(options)
    import orjson
    import structlog

    from daemon.bench import BenchOptions, print_bench, run_bench
    from daemon.terminal.console import Terminal

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    wanted = BenchOptions(
        options.lines,
        options.open_keys,
        options.patterns,
        options.rounds,
        options.warm,
        options.session_lines,
        options.file,
    )
    result = asyncio.run(run_bench(config, wanted, lambda text: say(text, error=True)))
    print_bench(result, Terminal())
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_bytes(orjson.dumps(result.document(), option=orjson.OPT_INDENT_2) + b"\n")
        say(f"figures   {options.out}")
    return 0
