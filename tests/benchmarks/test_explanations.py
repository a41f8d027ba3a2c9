"""What is named on the demo's recording is why it is told."""

from __future__ import annotations

import pytest

from benchmarks.explanations.__main__ import demo, incidents_of
from benchmarks.explanations.sessions import prove_sessions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_an_incident_is_told_because_of_the_lines_it_names() -> None:
    """Without the lines of its causes nothing of it is told; without as many others of its sessions it still is."""
    proof = incidents_of("demo", every=2)

    assert 8 == proof.count == proof.named.tried
    assert 5 <= proof.others.tried
    assert ([], []) == (proof.named.wrong, proof.others.wrong)


async def test_a_session_has_a_clue_because_of_the_lines_that_its_message_names() -> None:
    """Without the lines of its evidence it is ordinary, without as many others it is not."""
    proof = await prove_sessions(demo(), warm_up=300)

    assert 100 < proof.named.tried
    assert 80 < proof.others.tried
    assert proof.holds
