"""A trial message, to see that a route works: `strayline notify --test`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from daemon.notify.announcements import Announcement, Notification, Stage
from daemon.notify.receivers import DeliveryError
from daemon.notify.route import RouteSettings

TEXT = "a trial of this route; no service is concerned"


async def trial(routes: Sequence[RouteSettings]) -> AsyncIterator[tuple[str, str]]:
    """Send a trial message and its end over each route; yield the route's name and what is wrong, if anything."""
    now = datetime.now(UTC)
    name = f"trial-{uuid4().hex[:12]}"
    lines = [{"text": "this is not a line of a log", "count": 1}]
    for route in routes:
        problem = ""
        for number, stage in enumerate((Stage.OPENED, Stage.RESOLVED), start=1):
            said = Announcement(
                id=f"{name}-{number}",
                incident=name,
                event=stage,
                resolved=stage is Stage.RESOLVED,
                severity="info",
                summary=TEXT,
                why="somebody asked for it",
                services=("strayline",),
                number=number,
                since=now,
                last_seen=now,
                document={"id": f"{name}-{number}", "trial": True, "summary": TEXT, "session": lines},
            )
            try:
                await route.receiver.send(Notification(stage, said, "strayline", None if number == 1 else "info"))
            except DeliveryError as error:
                problem = f"{error.reason}: {error}"
                break
        yield route.name, problem
