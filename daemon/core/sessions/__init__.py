"""Masked lines to sessions, and sessions to the patterns they are instances of.

A batch of lines becomes arrays grouped by key (`batch`), with a number for each masked line (`line_ids`). The
`sessionizer` gives each key's lines to its open session (`open_sessions`) with array operations, or, where a session
may end among them, line by line (`slow_path`). Both use the same predicates (`limits`). Sessions that closed are
returned together (`closed_sessions`), and each is then an instance of a pattern (`patterns`).

Three rules hold:

* Every line is in exactly one session, open or closed.
* The cut depends on the sequence of lines alone, not on how it is split into batches.
* Memory grows with open sessions only; caches are bounded.
"""

from daemon.core.sessions.closed_sessions import SessionLines
from daemon.core.sessions.limits import DISTINCT_LINE_TOKENS, SessionLimits
from daemon.core.sessions.patterns import Patterns, fingerprint, make_pattern, pattern_of
from daemon.core.sessions.sessionizer import Sessionizer

__all__ = [
    "DISTINCT_LINE_TOKENS",
    "Patterns",
    "SessionLimits",
    "SessionLines",
    "Sessionizer",
    "fingerprint",
    "make_pattern",
    "pattern_of",
]
