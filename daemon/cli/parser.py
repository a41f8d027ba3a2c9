"""What all verbs share: the parser with its exit code, suggestions and examples, and reading the configuration."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from daemon.cli.examples import epilog

if TYPE_CHECKING:
    from daemon.config import Config

Verb = Callable[[argparse.Namespace], int]
Verbs = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for this type


class Parser(argparse.ArgumentParser):
    """argparse, with the exit code of sysexits for wrong usage, and the nearest known word for an unknown one."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.epilog = epilog(self.prog)
        self.formatter_class = argparse.RawDescriptionHelpFormatter

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the command line, and exit with EX_USAGE."""
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the command line; the error for an unknown flag names the nearest known one."""
        given = list(sys.argv[1:] if args is None else args)
        options, unknown = self.parse_known_args(given, namespace)
        if unknown:
            used = self.used(given)
            flags = [flag for action in used._actions for flag in action.option_strings]  # noqa: SLF001
            used.error(f"unrecognized arguments: {' '.join(unknown)}{did_you_mean(unknown[0].split('=')[0], flags)}")
        return options

    def used(self, given: Sequence[str]) -> Parser:
        """Return the parser of the verb on this command line."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
                named = next((word for word in given if word in action.choices), None)
                if named is not None:
                    inner = action.choices[named]
                    assert isinstance(inner, Parser)
                    return inner.used(given[given.index(named) + 1 :])
        return self

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is not one of the choices, and name the nearest (argparse does so from Python 3.14 on)."""
        if action.choices is not None and value not in action.choices:
            known = ", ".join(map(str, action.choices))
            message = (
                f"invalid choice: {value!r}{did_you_mean(str(value), map(str, action.choices))} (choose from {known})"
            )
            raise argparse.ArgumentError(action, message)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, empty when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def positive(text: str) -> int:
    """Return the number of an option that must be at least 1. Raises argparse's error for any other."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def add_verb(verbs: Verbs[Parser], name: str, verb: Verb, text: str, *, config: bool = True) -> Parser:
    """Add a verb, which takes `--config` unless `config` is False; return its parser."""
    parser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    if config:
        parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="the configuration file")
    parser.set_defaults(verb=verb)
    return parser


def load(options: argparse.Namespace) -> Config:
    """Read the configuration that `--config` names."""
    from daemon.config import load_config

    return load_config(options.config)
