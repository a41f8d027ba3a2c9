"""Masked lines to sessions, and sessions to the patterns they are instances of."""

from daemon.core.sessions.patterns import Patterns, fingerprint
from daemon.core.sessions.sessionizer import Sessionizer, SessionLimits

__all__ = ["Patterns", "SessionLimits", "Sessionizer", "fingerprint"]
