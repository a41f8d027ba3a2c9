"""The command line: `strayline VERB`, a module a verb.

Each verb has `add`, which describes its arguments, and imports what it needs only when it runs: no verb waits for
another's libraries, and those that need no engine answer at once.
"""

from daemon.cli.entry import main

__all__ = ["main"]
