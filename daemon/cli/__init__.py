"""The command line: `strayline VERB`, a module for each verb.

Each module has `add`, which describes the verb's arguments. A verb imports what it needs only when it runs, so no verb
waits for another's libraries, and those that need no engine answer at once.

`entry` maps errors to exit codes, `parser` holds what all verbs share. `stored_baseline` reads and writes whole
baselines for `baseline`, `label` and `top`.
"""

from daemon.cli.entry import main

__all__ = ["main"]
