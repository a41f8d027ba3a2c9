"""`strayline completion`: the script that completes verbs and flags in a shell."""

from __future__ import annotations

import argparse
import sys

from daemon.cli.parser import Parser, Verbs, add_verb

SHELLS = ("bash", "zsh", "fish")


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "completion", completion, "print what completes verbs and flags in a shell", config=False)
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def completion(options: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from daemon.cli.entry import make_parser

    sys.stdout.write(shtab.complete(make_parser(), shell=options.shell) + "\n")
    return 0
