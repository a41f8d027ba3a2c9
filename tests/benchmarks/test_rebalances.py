"""The simulation of rebalances, with a small group."""

from __future__ import annotations

import pytest

from benchmarks.rebalances import ASSIGNORS, Simulation, simulate


@pytest.mark.parametrize("assignor", ASSIGNORS)
async def test_replicas_join_leave_and_vanish_and_every_line_is_judged_once(assignor: str) -> None:
    """Ten replicas share twelve partitions; after each event every partition commits again, and nothing is lost."""
    simulation = Simulation(12, ASSIGNORS[assignor])

    costs, found = await simulate(10, simulation, events=[("leave", 1), ("kill", 2), ("join", 3)])

    assert found.clean, found
    assert [10, 9, 7, 10] == [cost.members for cost in costs]
    assert [12, 12, 12, 12] == [len(cost.in_a_row) for cost in costs]
    assert (costs[1].moved < 6) == (assignor == "kept")  # it leaves alone what need not move
