"""A mute's preview over the demo's recording."""

from __future__ import annotations

import pytest

from benchmarks.preview import compare, observe, records


@pytest.mark.slow
async def test_a_mutes_preview_is_what_the_mute_then_does() -> None:
    """For every cause that the demo tells, and every service, the console previews what a replay leaves out."""
    rows = list(compare(await observe(records())))
    assert 15 < len(rows)
    assert {True, False} == {bool(row.silenced) for row in rows}
    assert [] == [(row.scope, row.cause) for row in rows if row.previewed != row.silenced]
