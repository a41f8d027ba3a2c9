"""What all verbs share: the parser's exit code, `--config`, and reading the configuration."""

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
Verbs = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for this type


class Parser(argparse.ArgumentParser):
    """argparse, with the exit code of sysexits for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the command line, and exit with EX_USAGE."""
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def add_verb(verbs: Verbs[Parser], name: str, verb: Verb, text: str, *, config: bool = True) -> Parser:
    """Add a verb, which takes `--config` unless it does without; return its parser."""
    parser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    if config:
        parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="the configuration file")
    parser.set_defaults(verb=verb)
    return parser


def load(options: argparse.Namespace) -> Config:
    """Read the configuration that `--config` names."""
    from daemon.config import load_config

    return load_config(options.config)
