"""What the lines of a batch have in common, against plain Python."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.masked_lines import MaskedLines
from daemon.core.masking import Masker
from daemon.core.types import LINES_SCHEMA

TEXTS = (
    "took 12 ms",
    "took 7 ms",
    "took no time",
    "password=hunter2xyz rejected",
    "0 errors",
    "3 errors",
    "id 0b1f2e3d-4c5b-6a79-8897-a6b5c4d3e2f1",
)
LINES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from(TEXTS)), max_size=30)


@settings(deadline=None)
@given(LINES, st.booleans())
def test_rows_are_grouped_by_line_key_and_scope(lines: list[tuple[str, str, str]], numbered: bool) -> None:
    """Each row is found again by its numbers, whether or not the masks have numbered the forms."""
    rows = [(at, at, scope, key, text, at) for at, (scope, key, text) in enumerate(lines)]
    table = Masker().apply(pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row"))
    found = MaskedLines.of(table if numbered else table.drop("form", strict=False))

    assert table["masked"].to_list() == [found.distinct[line] for line in found.line.tolist()]
    assert len(set(found.distinct)) == len(found.distinct)
    assert [(scope, key) for scope, key, _ in lines] == [found.keys[key] for key in found.key.tolist()]
    assert list(dict.fromkeys(found.keys)) == found.keys
    assert [scope for scope, _ in found.keys] == [found.scopes[scope] for scope in found.scope.tolist()]
    assert sorted(range(len(lines)), key=found.key.tolist().__getitem__) == found.order.tolist()
    assert [found.key.tolist().count(key) for key in range(len(found.keys))] == found.sizes.tolist()
