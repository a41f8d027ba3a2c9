"""Texts numbered by their shapes, beside the shapes themselves."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.kernel import LONGEST, number_shapes
from daemon.core.masking.masks import LONE_UUID
from daemon.core.masking.shape_cache import shape_of

UUID = "0b2e7cde-12a4-4f00-9aFF-00c04fd430c8"
WORDS = st.sampled_from(
    ["a", "b", " ", "-", "0", "1", "7", "x", "0x", "0x0", "ü", "\n", "_", "=", "/", UUID, UUID[:-1], "dead-beef"]
)


def texts_of_words() -> st.SearchStrategy[str]:
    """Return texts in which digits and UUIDs stand beside all that matters to them."""
    return st.lists(WORDS, max_size=8).map("".join)


def shapes_of(texts: list[str]) -> list[str]:
    """Return the shapes as `Masker` takes them, one by one."""
    return [shape_of(text) for text in pl.Series(texts, dtype=pl.String).str.replace_all(*LONE_UUID)]


@given(st.lists(texts_of_words(), max_size=40))
@settings(deadline=None, max_examples=300)
def test_texts_with_one_number_have_one_shape(texts: list[str]) -> None:
    """The first text with a number speaks for all of them."""
    numbered = number_shapes(pl.Series(texts, dtype=pl.String))

    shapes = shapes_of(texts)
    firsts = numbered.firsts.tolist()
    assert len(texts) == len(numbered.number)
    assert shapes == [shapes[firsts[number]] for number in numbered.number.tolist()]
    assert list(range(len(firsts))) == numbered.number[numbered.firsts].tolist()


@given(st.lists(texts_of_words().filter(lambda text: not text.startswith("x")), max_size=40))
@settings(deadline=None, max_examples=300)
def test_texts_of_one_shape_have_one_number(texts: list[str]) -> None:
    """Only a 0 at the end of a text before one that begins with x may be taken for that of 0x."""
    numbered = number_shapes(pl.Series(texts, dtype=pl.String))

    assert len(set(shapes_of(texts))) == len(numbered.firsts)


@pytest.mark.parametrize("seed", [0, 1, 0x7FFF_FFFF])
def test_numbers_do_not_depend_on_the_seed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only says where in a table a shape lies, which nobody may foresee."""
    texts = pl.Series([f"{'ab'[at % 2] * (at % 40)} {at}" for at in range(2_000)])
    expected = number_shapes(texts)

    monkeypatch.setattr("daemon.core.kernel.shape_numbers._SEED", seed)

    assert expected.number.tolist() == number_shapes(texts).number.tolist()


def test_uuids_that_stand_alone_are_alike() -> None:
    """Their letters count as digits, whichever they are; those of one in a word do not."""
    other = UUID.replace("b", "d").upper()
    texts = [f"id={UUID}", f"id={other}", f"id:{UUID}", f"id:{other}", f"id={UUID}a", UUID, other]

    assert [0, 0, 1, 2, 3, 4, 4] == number_shapes(pl.Series(texts)).number.tolist()


def test_many_texts_are_numbered_in_pieces() -> None:
    """A text that is too long for the kernel has a number of its own, and every first is where it says."""
    texts = [f"{'long ' * (at % 7)}line {at}" for at in range(50_000)]
    texts[20_000] = texts[30_000] = "1" * (LONGEST + 1)

    numbered = number_shapes(pl.Series(texts))

    firsts = [shape_of(texts[first]) for first in numbered.firsts.tolist()]
    assert list(map(shape_of, texts)) == [firsts[number] for number in numbered.number.tolist()]
    assert numbered.number[20_000] != numbered.number[30_000]
    assert len(firsts) < 200


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([0, 0, 1, 2], [0, 0, 1, 2]),
        ([5, 5, 3, 9], [1, 1, 0, 2]),  # lines between them were dropped
        ([None, 4, -1, 0], [2, 1, 3, 0]),
        ([None, None, None, None], [0, 0, 1, 2]),
    ],
)
def test_known_numbers_are_kept(known: list[int | None], expected: list[int]) -> None:
    """Only texts without one are numbered, apart from the others."""
    texts = pl.Series(["a 1", "a 2", "b 1", "c"])

    numbered = number_shapes(texts, pl.Series(known, dtype=pl.Int64))

    assert expected == numbered.number.tolist()
    assert [expected.index(number) for number in range(max(expected) + 1)] == numbered.firsts.tolist()
