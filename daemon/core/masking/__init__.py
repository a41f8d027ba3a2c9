"""Lines to masked lines: secrets are removed, then variables become placeholders, so that equal events look alike.

A line goes through three steps, always in this order:

1. *Redaction* (`redaction`, with the rules of `secret_rules`). Placeholders replace secrets. This is the one place
   where they are removed: every later stage, and everything that leaves the daemon, sees redacted text only.
2. *The user's masks*, in the order of the configuration. They see the redacted line as it is.
3. *The built-in masks* (`masks`). Patterns that contain others come first (a time holds numbers, a URL an address),
   bare numbers last. What is left is words: the event.

The result of a line depends on its record alone, never on its neighbours or on what came before. Two things only save
work. `shape_cache` remembers what lines have in common that differ only in digits (and, for the masks, in the digits of
hexadecimal tokens, `hex_runs`), so that the masks run once for each shape. The rules of redaction are tried on shapes
too; only lines of a shape that a rule matches go through them.

Masks are Rust regular expressions over whole columns, the rules of redaction expressions of RE2 (`expressions`). Both
take linear time, so no line and no mask of a user can hang the daemon. Lines are at most `MAX_TEXT` characters long; a
longer one is cut after redaction, so that the cut does not leave half of a secret.
"""

from daemon.core.masking.kept_numbers import COUNTED_FAILURES, COUNTED_THINGS
from daemon.core.masking.masker import Masker
from daemon.core.masking.redaction import RedactionSettings, redact

__all__ = ["COUNTED_FAILURES", "COUNTED_THINGS", "Masker", "RedactionSettings", "redact"]
