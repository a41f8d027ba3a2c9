"""`strayline model`: copy the model for a machine without a network."""

from __future__ import annotations

import argparse
from pathlib import Path

from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    model = verbs.add_parser("model", help="the embedding model's files")
    inner = model.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    parser = add_verb(inner, "pull", pull, "put the model's files into a folder, for machines without a network")
    parser.add_argument("folder", type=Path, help="where to put them; new, or empty")
    parser.add_argument("--model", help="which (default: engine.model of the configuration)")


def pull(options: argparse.Namespace) -> int:
    """Download or copy the model, and print how to use it."""
    name = options.model or load(options).engine.model
    from daemon.adapters.engines import pull_model

    pull_model(name, options.folder)
    size = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    say(f"{name}: {size / 1e6:,.0f} MB in {options.folder}")
    say(f"engine.model: {options.folder.resolve()}")
    return 0
