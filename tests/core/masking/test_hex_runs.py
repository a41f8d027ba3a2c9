"""Hexadecimal tokens that look alike: no mask can tell a shape from the one in which they are the same."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.masking.hex_runs import without_hexadecimal
from daemon.core.masking.masker import Masker
from daemon.core.masking.shape_cache import shape_of

TOKENS = st.integers(8, 40).flatmap(lambda size: st.text("0123456789abcdef", min_size=size, max_size=size))
UUIDS = st.uuids().map(str)
AROUND = (
    "2026-11-|2026/11/|2026/Dec/|22-Dec-|10:41:|10:41:07|10:41:07.|10:41:07,|10:41:07 |20171223-|Nov 22 |1 Nov | Nov "
    "| days 10:41:07| days, 10:41:07|:41:07|-11-22|/11/22|/Nov/22|/mai/22|/disk|/12/12/12 |1//| Dec 2026 10:41:07"
    "|+02:00| AM|10.0.0.1/|10.0.0.1:|.1.2.3|1.2.3.|0:1|::|fe80::|ab:cd:|ab-cd-ef-01-23-|0x|@|\\|/var/lib/|C:\\a\\"
    "|http://a.b/|user |user=|uid=0(|blk_|req-|v1.2.3-|1.2.3+|search-index-|Search-Index-|aB3-|-x7x2z|-4abc-"
    "|bcdf7890-|1-deadbeef-|-g|7-g|ab cd ef 01 |S-1-5-|: to=<|: client=a| |  |,|;|.|. |:|: |=|_|-|/|(|)|[|]|{|}"
    "|<|>|\"|'|\t|\n|x|G|ж|é7|0|a"
)
PARTS = st.sampled_from(AROUND.split("|"))
TEXTS = st.lists(TOKENS | UUIDS | PARTS, min_size=1, max_size=7).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_no_mask_tells_the_result_from_the_shape(texts: list[str]) -> None:
    shapes = pl.Series("text", [shape_of(text) for text in texts])
    masks = Masker()._by_masks

    assert masks(shapes).to_list() == masks(without_hexadecimal(shapes)).to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rid=111e11f1af111ae1 done", "rid=a1a1a1a1a1a1a1a1 done"),
        ("group mailing-1b1c1d1e.", "group mailing-a1a1a1a1."),
        ("(req-ca111dd1-1111-1111-1159-c1a11ff111c1)", "(req-a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1)"),
        ("11111111 deadbeef facade1", "11111111 deadbeef facade1"),
        ("1a1b1c1d days 11:11:11", "1a1b1c1d days 11:11:11"),
        ("1111-11-11cd1b1c", "1111-11-11cd1b1c"),
        ("11-11cd1b1c", "11-a1a1a1a1"),
        ("/a/1111cd1b1c/disk 1c1b1111/disk", "/a/a1a1a1a1a1/disk 1c1b1111/disk"),
        ("xca111dd1 ca111dd1é", "xca111dd1 ca111dd1é"),
    ],
)
def test_tokens_of_one_length_become_one(text: str, expected: str) -> None:
    """Where nothing beside them belongs to them."""
    assert [expected, "a\nb"] == without_hexadecimal(pl.Series([text, "a\nb"])).to_list()
