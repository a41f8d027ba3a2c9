"""The cache of two generations against a naive one: a list of keys in the order in which they were used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.generation_cache import GenerationCache

KEYS = st.integers(0, 12)


@given(st.lists(KEYS, max_size=200), st.integers(1, 5))
def test_what_was_used_lately_is_there(keys: list[int], size: int) -> None:
    """The last `size` different keys have their values, and no more than twice as many are held."""
    cache = GenerationCache[int, str](size)
    used: list[int] = []
    for key in keys:
        value = cache.get(key)
        assert value in (None, str(key))
        if value is None:
            cache.put(key, str(key))
        used = [*(other for other in used if other != key), key]
        assert set(used[-size:]) <= set(cache)
        assert len(cache) <= 2 * size
        assert len(set(cache)) == len(cache)


@given(st.lists(st.lists(KEYS, max_size=8, unique=True), max_size=30), st.integers(1, 5))
def test_a_batch_gets_the_value_of_every_key(batches: list[list[int]], size: int) -> None:
    """A batch's values are those that were made first, for as long as they are held."""
    cache = GenerationCache[int, tuple[int, int]](size)
    naive: dict[int, tuple[int, int]] = {}
    for number, batch in enumerate(batches):
        missing = cache.missing(batch)
        assert missing == [key for key in batch if key not in cache]
        made = {key: (key, number) for key in missing}
        naive |= made
        assert cache.look_up(batch, made) == [naive[key] for key in batch]
        if cache.full:
            cache.turn()
        assert set(batch) <= set(cache)


def test_old_values_that_are_held_stay() -> None:
    """A turn forgets old values, less those that somebody holds."""
    cache = GenerationCache[str, int](2)
    cache.look_up(["a", "b"], {"a": 1, "b": 2})
    cache.turn()
    cache.look_up(["c", "d"], {"c": 3, "d": 4})
    cache.turn(held=lambda value: value == 2)
    assert sorted(cache) == ["b", "c", "d"]


def test_what_is_not_worth_it_is_served_and_not_kept() -> None:
    """A key that is not worth remembering has its value once."""
    cache = GenerationCache[str, int](2)
    assert cache.look_up(["a", "long"], {"a": 1, "long": 2}, worth=lambda key: len(key) < 3) == [1, 2]
    assert list(cache) == ["a"]


def test_a_value_is_replaced_and_forgotten() -> None:
    """A key has one value in either generation, and none when it was discarded or all was cleared."""
    cache = GenerationCache[str, int](1)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 3)
    assert (cache.get("a"), cache.get("b"), len(cache)) == (3, 2, 2)
    cache.discard("a")
    assert cache.get("a") is None
    cache.clear()
    assert len(cache) == 0


def test_a_key_without_a_value_is_an_error() -> None:
    """Looking up what is neither cached nor made raises KeyError."""
    with pytest.raises(KeyError):
        GenerationCache[str, int](1).look_up(["a"], {})
