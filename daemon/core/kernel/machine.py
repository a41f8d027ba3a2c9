"""The compiled kernel at work: arrays go into its memory, a function runs, arrays come back.

A machine is an instance of the module with a memory of its own, and calls of one must not overlap. Whoever calls takes
an idle one, or makes one: there are as many as ever ran at once. An error inside is a `wasmtime.Trap` here: the kernel
can neither read nor write what is outside of its memory.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import addressof, c_uint8
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    import wasmtime

PADDING = 16
"""Bytes behind texts that the kernel may read and write."""
LONGEST = 1 << 16
"""The most bytes of a text that is given to the kernel."""
_AT_ONCE = 1 << 23
"""Texts are given to the kernel in pieces of so many bytes or little more: that bounds its memory."""
_BESIDE_A_TEXT = 64
"""Bytes that a text takes beside its own, about: its end, and what comes back of it."""
_KEPT = 1 << 25
"""A machine that needed more bytes for a very long text is not kept."""
_ALIGNED = 16
_PAGE = 1 << 16

Number = TypeVar("Number", bound=np.generic)


class Machine:
    """An instance of the kernel. What is put into its memory stays until it is cleared."""

    def __init__(self) -> None:
        import wasmtime  # maps memory that may be executed, which processes that read no lines may be forbidden to do

        engine, module = _compiled()
        self._store = wasmtime.Store(engine)
        self._exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        self._memory: Any = self._exports["memory"]
        base: Any = self._exports["__heap_base"]
        self._base: int = base.value(self._store)
        self._end = self._base

    @property
    def size(self) -> int:
        """The bytes of the memory."""
        size: int = self._memory.data_len(self._store)
        return size

    def clear(self) -> None:
        """Forget what lies in the memory."""
        self._end = self._base

    def put(self, values: NDArray[Any] | bytes) -> int:
        """Copy an array, or bytes, into the memory; return its address."""
        held = np.frombuffer(values, np.uint8) if isinstance(values, bytes) else values.view(np.uint8)
        at = self.room(len(held) + PADDING, np.uint8)
        self._bytes(at, len(held))[:] = held
        return at

    def put_texts(self, texts: pl.Series, lengths: NDArray[np.uint32]) -> tuple[int, int, int]:
        """Copy the texts of a String column into the memory; return the addresses of the bytes, begins and lengths."""
        data = self.put(texts.str.join("").item().encode())
        return data, self.put(np.cumsum(lengths, dtype=np.uint32) - lengths), self.put(lengths)

    def room(self, count: int, kind: type[Number]) -> int:
        """Make room for an array; return its address."""
        at: int = -(-self._end // _ALIGNED) * _ALIGNED
        self._end = at + count * np.dtype(kind).itemsize
        missing = self._end - self.size
        if missing > 0:
            self._memory.grow(self._store, -(-missing // _PAGE))
        return at

    def view(self, at: int, count: int, kind: type[Number]) -> NDArray[Number]:
        """Return an array in the memory. It is right until the next thing is put there."""
        held: NDArray[Number] = self._bytes(at, count * np.dtype(kind).itemsize).view(kind)
        return held

    def call(self, name: str, *numbers: int) -> Any:
        """Call a function of the kernel."""
        function: Any = self._exports[name]
        return function(self._store, *numbers)

    def _bytes(self, at: int, size: int) -> NDArray[np.uint8]:
        start = addressof(self._memory.data_ptr(self._store).contents) + at
        return np.ctypeslib.as_array((c_uint8 * size).from_address(start))


_IDLE: list[Machine] = []


@contextmanager
def machine() -> Iterator[Machine]:
    """Return a machine for one call, with nothing in its memory."""
    try:
        taken = _IDLE.pop()
    except IndexError:
        taken = Machine()
    taken.clear()
    yield taken
    if taken.size <= _KEPT:
        _IDLE.append(taken)  # one in which a call failed is not used again


def pieces(sizes: NDArray[np.integer[Any]]) -> Iterator[slice]:
    """Yield slices of texts of these sizes in bytes, each of so many as are given to the kernel at once."""
    weight = np.cumsum(sizes.astype(np.int64) + _BESIDE_A_TEXT)
    begin = 0
    while begin < len(weight):
        before = int(weight[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(weight, before + _AT_ONCE, side="right")))
        yield slice(begin, end)
        begin = end


@cache
def _compiled() -> tuple[wasmtime.Engine, wasmtime.Module]:
    import wasmtime

    # What is left is let go while the library still stands: it cannot be when the interpreter ends.
    atexit.register(_compiled.cache_clear)
    atexit.register(_IDLE.clear)
    engine = wasmtime.Engine()
    return engine, wasmtime.Module(engine, files(__package__).joinpath("kernel.wasm").read_bytes())
