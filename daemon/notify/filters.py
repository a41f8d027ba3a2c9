"""Which incidents a route tells."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from daemon.notify.announcements import GRAVITY, Announcement


@dataclass(frozen=True, slots=True)
class RouteFilter:
    """Incidents at least as grave as `severity`, in a service that one of `scopes` matches (`*`, `?`, `[a-z]`).

    Without `scopes`, all services. `resolved` False leaves out that an incident is over.
    """

    severity: str = "info"
    scopes: tuple[str, ...] = ()
    resolved: bool = True

    def matches(self, said: Announcement) -> bool:
        """Return whether the incident, as it is now, is one of the route's."""
        if GRAVITY[said.severity] < GRAVITY[self.severity]:
            return False
        return not self.scopes or any(fnmatchcase(name, scope) for name in said.services for scope in self.scopes)
