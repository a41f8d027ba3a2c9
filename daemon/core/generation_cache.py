"""A cache of two generations: what was used lately is kept, and no entry carries a time or a place in a list.

Entries that are made or used belong to the *young* generation. When that is full it becomes the *old* one, and the
entries left in the old one are dropped. An entry of the old generation that is used becomes young. So at least the
`size` entries used last are kept, and at most twice as many. Which ones depends only on the order of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class GenerationCache(Generic[Key, Value]):
    """Values by key. `get` and `put` serve single keys; `missing`, `look_up`, `put_all` and `turn` a batch.

    A value is never None.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[Key, Value] = {}
        self._old: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def __contains__(self, key: Key) -> bool:
        return key in self._young or key in self._old

    def __iter__(self) -> Iterator[Key]:
        yield from self._old
        yield from self._young

    def get(self, key: Key) -> Value | None:
        """Return the value of `key`, which becomes young, or None when there is none."""
        value = self._young.get(key)
        if value is None and key in self._old:
            value = self._old.pop(key)
            self.put(key, value)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Remember the value of `key`, in a new generation when the young one is full."""
        self._old.pop(key, None)
        if len(self._young) >= self._size and key not in self._young:  # as `full`, without a call for each key
            self.turn()
        self._young[key] = value

    def put_all(self, values: Mapping[Key, Value]) -> None:
        """Remember the values of keys that are `missing`, in a new generation when the young one is full."""
        if self.full:
            self.turn()
        self._young.update(values)

    def discard(self, key: Key) -> None:
        """Forget `key` if it is there."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = {}, {}

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return those of `keys` that have no value, in their order."""
        return [key for key in keys if key not in self._young and key not in self._old]

    def look_up(
        self, keys: Iterable[Key], made: Mapping[Key, Value], worth: Callable[[Key], bool] | None = None
    ) -> list[Value]:
        """Return the value of each of `keys`: the cached one, or else the one in `made`. All become young.

        A key that is not `worth` remembering is forgotten. The generations do not change; call `turn` when the batch
        has been served and the cache is `full`. Raises KeyError for a key without a value.
        """
        values = []
        for key in keys:
            value = self._young.get(key)
            if value is None:
                value = self._old.pop(key) if key in self._old else made[key]
                if worth is None or worth(key):
                    self._young[key] = value
            values.append(value)
        return values

    @property
    def full(self) -> bool:
        """Whether the young generation has its size, so that it is time for the next one."""
        return len(self._young) >= self._size

    def turn(self, held: Callable[[Value], bool] | None = None) -> None:
        """Begin a new generation. Old values that are `held` stay with the old ones, whatever their number."""
        kept = {key: value for key, value in self._old.items() if held(value)} if held is not None else {}
        self._old, self._young = kept | self._young, {}
