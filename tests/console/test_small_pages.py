"""However much there is to show, a page stays small, and what does not fit is a page further."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from daemon.console import Console, ConsoleSettings
from tests.support.consoles import ALERTS, FEEDBACK, FakeTopics, alert, console, text_of, until_shown

LARGEST = 150_000
LINE = 'ERROR worker: <task> failed {"level": "error", "queue": "mail & print"} after 3 attempts, giving up; '
INCIDENTS, SERVICES, MUTES = 400, 300, 250
FAR = "2099-01-01T00:00:00Z"


def service(number: int) -> str:
    return f"team-{number % SERVICES:03}.region-west-1.checkout-and-payments-worker"


def flood(number: int) -> dict[str, Any]:
    """Return the message of an incident with long lines, many services and many causes."""
    causes = [
        {
            "cause": f"{number * 8 + at:016x}",
            "scope": service(number + at),
            "text": LINE * 3,
            "kind": "new",
            "why": LINE,
        }
        for at in range(8)
    ]
    incident = {
        "id": f"{number:016x}-{number:016x}",
        "event": "opened",
        "services": [service(number + at) for at in range(8)],
        "causes": causes,
        "sessions": 8,
    }
    made = alert(number, scope=service(number), key=f"pod-{number}", summary=LINE * 3, incident=incident)
    made["id"] = f"{number * 8:016x}-{number:016x}"
    line = made["session"][0] | {"text": LINE * 6, "nearest_normal": LINE * 6}
    return made | {"session": [line] * 200}


@pytest.fixture
async def app() -> AsyncIterator[Console]:
    topics = FakeTopics()
    topics.send(ALERTS, *(flood(number) for number in range(1, INCIDENTS + 1)))
    mutes = [
        {"action": "mute", "scope": service(number), "pattern": f"{number:016x}", "until": FAR, "note": LINE * 4}
        for number in range(MUTES)
    ]
    over = [mute | {"action": "unmute", "scope": f"old {mute['scope']}"} for mute in mutes]
    notes = [{"incident": flood(1)["incident"]["id"], "action": "note", "note": LINE * 4} for _ in range(120)]
    topics.send(FEEDBACK, *mutes, *over, *notes)
    async with console(topics, ConsoleSettings(visitor="ada")) as running:
        yield running


async def test_pages_are_small(app: Console) -> None:
    """No page is larger than 150 kB, of hundreds of incidents, services, causes, mutes and notes with long lines."""
    case = flood(1)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        await until_shown(client, app.url, f"{INCIDENTS} open incidents")
        await until_shown(client, f"{app.url}mutes", f"{MUTES} mutes in force")
        assert "page 1 of 5" in await text_of(client, f"{app.url}mutes")
        last = await text_of(client, f"{app.url}mutes?page=4")
        assert "ERROR worker" in last
        assert "… in team-008" in last  # a line of the cause
        paths = ("", "services", "causes", "mutes", f"incidents/{case['incident']['id']}", "patterns", "replay")
        forms = (f"feedback?verdict=normal&alert={case['id']}", f"mute?what=service&alert={case['id']}")
        sizes = {path: len((await text_of(client, app.url + path)).encode()) for path in (*paths, *forms)}

    assert {} == {path: size for path, size in sizes.items() if size > LARGEST}
