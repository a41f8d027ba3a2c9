"""Scopes that come from several partitions are noticed once."""

from __future__ import annotations

from daemon.core.observations import Observations, Traffic
from daemon.core.stream import ScopePartitions


def seen(watch: ScopePartitions, source: str, *scopes: str) -> list[tuple[str, str, str]]:
    """Return what is noticed when a partition tells of sessions of these scopes."""
    traffic = [Traffic(scope, 0, 1) for scope in scopes]
    return [(one.scope, one.before, one.now) for one in watch.note(Observations(source, 0, traffic))]


def test_a_scope_in_two_partitions_is_told_once() -> None:
    """With both partitions; a scope of one partition is not told, whatever the topic."""
    watch = ScopePartitions(100)
    assert [] == seen(watch, "logs/0", "shop", "pay")
    assert [] == seen(watch, "more/0", "shop")
    assert [("pay", "logs/0", "logs/1")] == seen(watch, "logs/1", "pay", "cart")
    assert [] == seen(watch, "logs/0", "pay")


def test_what_is_remembered_is_bounded() -> None:
    """The scopes that were not seen for longest are forgotten."""
    watch = ScopePartitions(2)
    seen(watch, "logs/0", "a", "b", "c")
    assert [] == seen(watch, "logs/1", "a")
    assert [("c", "logs/0", "logs/1")] == seen(watch, "logs/1", "c")
