"""The command line: `strayline VERB`.

Exit codes are sysexits: 0 done, 64 wrong usage, 65 bad data, 66 no such input, 69 a service is unavailable, 70 an
internal error or a dead engine, 74 output that cannot be written, 78 a bad configuration. Two are not: 1 when a case of
`test` failed or `documents check` found something odd, 130 on Ctrl-C. Errors go to stderr as sentences; with `--json`,
stdout holds one document only.
"""

from __future__ import annotations

import argparse
import errno
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from daemon.cli import (
    backtest,
    baseline,
    bench,
    check,
    completion,
    console,
    documents,
    init,
    label,
    model,
    notify,
    run,
    serve,
    tail,
    test,
    top,
    topics,
    try_,
)
from daemon.cli.parser import Parser, Verb
from daemon.cli.saying import say
from daemon.errors import ConfigError, StraylineError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ONE_THREAD = ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS")
"""Read by polars and numpy when they are imported; what the user set stays. Arrays are small here. More threads take
every core of a large machine, and numpy's spin while they wait: on busy cores a product of 12,000 numbers cost 4 ms."""
VERBS = (
    try_,
    init,
    run,
    check,
    test,
    backtest,
    topics,
    tail,
    console,
    notify,
    label,
    baseline,
    bench,
    top,
    documents,
    serve,
    model,
    completion,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    # aiokafka logs at ERROR what it then repairs by itself; what ends a verb is said by the verb.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    _prepare_output()
    try:
        options = make_parser().parse_args(arguments)
        verb: Verb = options.verb
        code = verb(options)
        sys.stdout.flush()
    except ConfigError as error:
        for problem in error.problems:
            say(f"strayline: {problem}", error=True)
        return error.exit_code
    except StraylineError as error:
        say(f"strayline: {error}", error=True)
        return error.exit_code
    except BrokenPipeError:
        _silence_stdout()
        return 0
    except OSError as error:
        return _system_error(error)
    except KeyboardInterrupt:
        return 130
    return code


def _prepare_output() -> None:
    """Let any name be printed, and drop what is printed where the caller closed a stream, as `>&-` does."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  # as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name need not be text


def _system_error(error: OSError) -> int:
    """Say what the system refused; return the exit code. Raises `error` where it names no file: then it is a bug."""
    if error.errno in FULL:
        say(f"strayline: cannot write: {error.strerror}", error=True)
        _silence_stdout()
        return os.EX_IOERR
    if error.filename is None:
        raise error
    say(f"strayline: {error.filename}: {error.strerror}", error=True)
    return os.EX_NOINPUT


def _silence_stdout() -> None:
    """Discard what is still buffered: otherwise Python fails once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_parser() -> Parser:
    """Return the parser of all verbs."""
    parser = Parser(prog="strayline", description="A streaming log-anomaly daemon: logs in Kafka, alerts in Kafka.")
    parser.add_argument("--version", action=_Version, help="show the version")
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    for module in VERBS:
        module.add(verbs)
    return parser


class _Version(argparse.Action):
    """Reads the version only when it is requested: that takes longer than the rest of the start."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002  # argparse's name
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        say(f"strayline {version('strayline')}", flush=True)
        parser.exit()
