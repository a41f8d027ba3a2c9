"""Previews of the console over the demo's recording."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.preview import compare, compare_words, observe, records


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_preview_is_what_the_mute_or_the_word_then_does() -> None:
    """The console previews and replays what the stage leaves out: some mutes and words here, all in the benchmark."""
    observed = await observe(records())
    mutes, words = list(islice(compare(observed), 8)), list(islice(compare_words(observed), 4))
    assert (8, 4) == (len(mutes), len(words))
    assert {True, False} == {bool(row.silenced) for row in mutes}
    assert [] == [(row.scope, row.cause) for row in [*mutes, *words] if not row.exact]
