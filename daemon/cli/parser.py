"""The verbs of the command line, one a module.

Each has `add`, which describes its arguments, and imports what it needs only when it runs: no verb waits for another's
libraries, and those that need no engine answer at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from daemon.config import Config

Verb = Callable[[argparse.Namespace], int]
Verbs = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


class Parser(argparse.ArgumentParser):
    """argparse with the exit code of sysexits."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line and end."""
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def add_verb(verbs: Verbs[Parser], name: str, verb: Verb, text: str) -> Parser:
    """Add a verb that takes `--config`; return its parser."""
    parser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="the configuration file")
    parser.set_defaults(verb=verb)
    return parser


def load(options: argparse.Namespace) -> Config:
    """Read the configuration that `--config` names."""
    from daemon.config import load_config

    return load_config(options.config)
