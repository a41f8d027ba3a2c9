"""What the incidents stage counts for people: metrics, `top` and the report of a backtest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.core.incidents.ceilings import told_since
from daemon.core.incidents.stage import IncidentStage


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of incidents by scope.

    `open` are told and not over, `told` those of the last day, `budgets` those that may be told a day, and `held_back`
    all that the ceilings have held back. `mutes` are in force.
    """

    open: Mapping[str, int]
    told: Mapping[str, int]
    budgets: Mapping[str, float]
    held_back: Mapping[str, int]
    mutes: int


def figures(stage: IncidentStage) -> Figures:
    """Return the figures of a stage as it stands."""
    ceiling, window, scopes = stage.settings.ceiling, stage.settings.window, stage.scopes
    visible = (i for i in stage.incidents.values() if i.resolved_at is None and not i.held)
    told = {scope: told_since(memory, stage.now) for scope, memory in scopes.items()}
    return Figures(
        open=Counter(scope for incident in visible for scope in incident.services),
        told={scope: count for scope, count in told.items() if count},
        budgets={scope: ceiling.a_day(memory.sessions, memory.span(window)) for scope, memory in scopes.items()},
        held_back={scope: memory.held_back for scope, memory in scopes.items() if memory.held_back},
        mutes=len(stage.mutes.active),
    )
