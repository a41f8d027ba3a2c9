"""How verbs print: through one cleaner, because a name, a reason or a server's answer may hold anything."""

from __future__ import annotations

import sys

from daemon.core.text import harmless, harmless_json


def say(text: object = "", *, error: bool = False, flush: bool = False) -> None:
    """Print lines that are safe on a terminal, on standard output, or on standard error for an `error`."""
    print(harmless(str(text)), file=sys.stderr if error else sys.stdout, flush=flush)


def say_json(document: bytes) -> None:
    """Print a JSON document on standard output, with whatever is not safe on a terminal as escapes."""
    print(harmless_json(document.decode()))
