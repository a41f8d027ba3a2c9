"""A route at work over a topic made of lists: order, commits, retries, dead letters, renewals, standing by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from daemon.backoff import Backoff
from daemon.core.types import OutRecord
from daemon.errors import ConfigError, UnavailableError
from daemon.notify import NotifyMetrics, RetryPolicy, RouteFilter, Routes, RouteSettings
from daemon.notify.announcements import Notification
from daemon.notify.receivers import DeliveryError
from tests.support.notifications import FakeGroup, alert_message
from tests.support.receivers import eventually

QUICK = RetryPolicy(60.0, Backoff(0.01, 0.02))


class FakeReceiver:
    """Keeps what it is told. `failures` are what the next attempts fail with."""

    def __init__(self, *failures: DeliveryError, renew_s: float | None = None) -> None:
        self.failures = list(failures)
        self.told: list[tuple[str, int]] = []
        self.attempts = 0
        self.renewed: list[list[str]] = []
        self.renew_s = renew_s
        self.hold = asyncio.Event()
        self.hold.set()

    async def send(self, told: Notification) -> None:
        self.attempts += 1
        await self.hold.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.told.append((told.stage, told.said.number))

    async def renew(self, firing: Sequence[Notification]) -> None:
        self.renewed.append([told.said.incident for told in firing])


class Setup:
    """A group, and what was buried for it."""

    def __init__(self, partitions: int = 1) -> None:
        self.group = FakeGroup(partitions)
        self.buried: list[OutRecord] = []
        self.bury_fails = 0
        self.metrics = NotifyMetrics(CollectorRegistry())

    async def bury(self, record: OutRecord) -> None:
        if self.bury_fails:
            self.bury_fails -= 1
            raise UnavailableError("no brokers")
        self.buried.append(record)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"strayline_notify_{name}", labels)

    @asynccontextmanager
    async def running(self, *settings: RouteSettings) -> AsyncIterator[Routes]:
        routes = Routes(self.group.open, self.bury, self.metrics)
        await routes.replace(settings)
        try:
            yield routes
        finally:
            await routes.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.notify.route.BACKOFF", Backoff(0.01, 0.02))


def route(receiver: FakeReceiver, *, retry: RetryPolicy = QUICK, name: str = "team") -> RouteSettings:
    return RouteSettings(name, receiver, retry=retry, group=f"notify.{name}")


async def test_messages_are_delivered_in_order_and_then_committed() -> None:
    """Each stage once, foreign records passed over, everything committed."""
    setup, receiver = Setup(), FakeReceiver()
    setup.group.send(alert_message("opened", 1), b"foreign", alert_message("updated", 2), alert_message("resolved", 3))
    async with setup.running(route(receiver)):
        await eventually(lambda: setup.group.committed.get(0) == 4)
    assert [("opened", 1), ("resolved", 3)] == receiver.told
    assert (1.0, 1.0, 1.0) == (
        setup.value("sent_total", route="team", stage="opened"),
        setup.value("sent_total", route="team", stage="resolved"),
        setup.value("foreign_total", route="team"),
    )


async def test_the_order_holds_over_partitions() -> None:
    """The end of an incident that lies in another partition than its beginning is told after it."""
    setup, receiver = Setup(2), FakeReceiver()
    setup.group.send(alert_message("resolved", 2), partition=0, time=2_000)
    setup.group.send(alert_message("opened", 1), partition=1, time=1_000)
    async with setup.running(route(receiver)):
        await eventually(lambda: {0: 1, 1: 1} == setup.group.committed)
    assert [("opened", 1), ("resolved", 2)] == receiver.told


async def test_a_failed_attempt_is_tried_again_before_anything_later() -> None:
    """Nothing is committed before it is delivered, and nothing overtakes."""
    setup = Setup()
    receiver = FakeReceiver(DeliveryError("away", "unreachable"), DeliveryError("busy", "busy"))
    setup.group.send(alert_message("opened", 1), alert_message("resolved", 2))
    async with setup.running(route(receiver)):
        await eventually(lambda: setup.group.committed.get(0) == 2)
        assert 0.0 == setup.value("failing_seconds", route="team")
    assert [("opened", 1), ("resolved", 2)] == receiver.told
    assert (1.0, 1.0, None) == (
        setup.value("failed_total", route="team", reason="unreachable"),
        setup.value("failed_total", route="team", reason="busy"),
        setup.value("failing_seconds", route="team"),
    )


async def test_what_a_receiver_refuses_is_a_dead_letter_and_the_next_one_goes_on() -> None:
    """The dead letter is the alert as it was, with the reason in its headers; burying it is tried until it works."""
    setup, receiver = Setup(), FakeReceiver(*[DeliveryError("answered 400", "refused", retry=False)] * 2)
    setup.bury_fails = 1
    setup.group.send(alert_message("opened", 1), alert_message("resolved", 2))
    async with setup.running(route(receiver)):
        await eventually(lambda: setup.group.committed.get(0) == 2)
    (letter,) = setup.buried
    headers = dict(letter.headers)
    assert setup.group.records[0][0][1] == letter.value
    assert b"undelivered: route team: refused: answered 400" == headers["__connect.errors.exception.message"]
    assert b"notify.team" == headers["__connect.errors.connector.name"]
    assert [("resolved", 2)] == receiver.told


async def test_after_the_bound_each_message_has_one_attempt() -> None:
    """A receiver that is away for longer makes dead letters, and takes the latest one when it is back."""
    setup = Setup()
    receiver = FakeReceiver(*[DeliveryError("away", "unreachable")] * 3)
    for incident in "abcd":
        setup.group.send(alert_message("opened", 1, incident=incident))
    async with setup.running(route(receiver, retry=RetryPolicy(0.0, Backoff(0.01, 0.01)))):
        await eventually(lambda: setup.group.committed.get(0) == 4)
    assert (3, 1) == (len(setup.buried), len(receiver.told))


async def test_a_commit_that_fails_leads_to_no_second_delivery() -> None:
    """The route remembers what it delivered, and commits it when it can."""
    setup, receiver = Setup(), FakeReceiver()
    setup.group.commits_fail = 3
    setup.group.send(alert_message("opened", 1), alert_message("resolved", 2))
    async with setup.running(route(receiver)):
        await eventually(lambda: setup.group.committed.get(0) == 2)
    assert [("opened", 1), ("resolved", 2)] == receiver.told


async def test_a_stop_finishes_the_attempt_and_commits_it() -> None:
    """What is being delivered is delivered and committed; what waits for another attempt is left to the next start."""
    setup, receiver = Setup(), FakeReceiver()
    receiver.hold.clear()
    setup.group.send(alert_message("opened", 1), alert_message("resolved", 2))
    async with setup.running(route(receiver)) as routes:
        await eventually(lambda: receiver.attempts == 1)
        closing = asyncio.create_task(routes.close())
        await asyncio.sleep(0.05)
        receiver.hold.set()
        await closing
    assert ([("opened", 1)], {0: 1}) == (receiver.told, setup.group.committed)

    failing = FakeReceiver(*[DeliveryError("away", "unreachable")] * 1_000)
    async with setup.running(route(failing)):
        await eventually(lambda: failing.attempts > 1)
    again = FakeReceiver()
    async with setup.running(route(again)):
        await eventually(lambda: setup.group.committed == {0: 2})
    assert [("resolved", 2)] == again.told


async def test_what_fires_is_said_again_also_after_a_restart() -> None:
    """Alertmanager forgets; the memory comes from the topic."""
    setup = Setup()
    setup.group.send(
        *(alert_message("opened", 1, incident=name) for name in "ab"), alert_message("resolved", 2, incident="a")
    )
    async with setup.running(route(FakeReceiver())):
        await eventually(lambda: setup.group.committed.get(0) == 3)
    receiver = FakeReceiver(renew_s=0.01)
    async with setup.running(route(receiver)):
        await eventually(lambda: len(receiver.renewed) > 1)
    assert (["b"], []) == (receiver.renewed[0], receiver.told)


async def test_a_route_that_begins_tells_nothing_of_before() -> None:
    """A group that begins at the end of the topic tells the end of no incident that it did not tell."""
    setup, receiver = Setup(), FakeReceiver()
    setup.group.send(alert_message("opened", 1), alert_message("opened", 1, incident="b"))
    setup.group.begin()
    setup.group.send(alert_message("resolved", 2), alert_message("updated", 2, incident="b"))
    async with setup.running(route(receiver)):
        await eventually(lambda: setup.group.committed.get(0) == 4)
    assert [("opened", 2)] == receiver.told


async def test_one_route_that_stands_still_keeps_no_other_one() -> None:
    """A receiver that does not answer delays its own route only."""
    setup, slow, well = Setup(), FakeReceiver(), FakeReceiver()
    slow.hold.clear()
    setup.group.send(alert_message("opened", 1))
    async with setup.running(route(slow, name="slow"), route(well)):
        await eventually(lambda: bool(well.told))
        assert [] == slow.told
        slow.hold.set()


async def test_a_reload_leaves_alone_what_has_not_changed() -> None:
    """A route that is gone stops, a new one starts, one with another filter starts again, the rest go on."""
    setup = Setup()
    receivers = {name: FakeReceiver() for name in ("a", "b", "c")}
    old = {name: route(receiver, name=name) for name, receiver in receivers.items()}
    async with setup.running(old["a"], old["b"]) as routes:
        before = dict(routes._running)
        changed = RouteSettings("b", receivers["b"], RouteFilter("critical"), QUICK, "notify.b")
        await routes.replace([old["a"], changed, old["c"]])
        assert {"a", "b", "c"} == set(routes._running)
        assert (True, False) == tuple(before[name] is routes._running[name] for name in "ab")
        await eventually(lambda: not routes.problems())


async def test_a_login_that_is_refused_at_first_ends_the_process() -> None:
    """It is a mistake of the configuration, and has its exit code."""
    setup = Setup()
    setup.group.refused = True
    async with setup.running(route(FakeReceiver())) as routes, asyncio.timeout(5):
        assert isinstance(await routes.failed(), ConfigError)


async def test_a_login_that_is_refused_later_is_waited_for() -> None:
    """A password that changes on the brokers first: the route says so, and goes on once both agree."""
    setup, receiver = Setup(), FakeReceiver()
    setup.group.send(alert_message("opened", 1))
    async with setup.running(route(receiver)) as routes:
        await eventually(lambda: bool(receiver.told))
        setup.group.refused = True
        await eventually(lambda: any("refuses the user" in problem for problem in routes.problems()))
        setup.group.refused = False
        setup.group.send(alert_message("resolved", 2))
        await eventually(lambda: receiver.told == [("opened", 1), ("resolved", 2)])
        assert [] == routes.problems()
