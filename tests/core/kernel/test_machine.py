"""The compiled kernel at work."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from daemon.core.kernel import number_shapes
from daemon.core.kernel.machine import pieces


def test_an_error_inside_is_an_exception_and_its_machine_is_left() -> None:
    """What lies outside of the kernel's memory cannot be read, and the next call works."""
    # In a process of its own: an error arrives as a signal, which pytest's faulthandler may have taken for itself.
    program = """if True:
        import polars
        import wasmtime
        from daemon.core.kernel import number_shapes
        from daemon.core.kernel.machine import machine

        try:
            with machine() as broken:
                broken.call("numberShapes", 0, 1 << 31, 1 << 31, 5, 0, 0, 0, 16, 0)
        except wasmtime.Trap:
            print("an exception")
        with machine() as other:
            print(other is broken)
        print(number_shapes(polars.Series(["a1", "b1", "a2"])).number.tolist())
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ("an exception\nFalse\n[0, 1, 0]\n", "", 0) == (done.stdout, done.stderr, done.returncode)


def test_a_process_that_used_the_kernel_ends_in_silence() -> None:
    """What it holds is let go before the library is."""
    program = "import polars; from daemon.core.kernel import number_shapes; number_shapes(polars.Series(['a']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "" == done.stdout + done.stderr


def test_calls_at_the_same_time_do_not_meet() -> None:
    """Each has a memory of its own."""
    texts = [pl.Series([f"{'ab'[(at * each) % 2]}{'.' * (at % 9)} {at}" for at in range(20_000)]) for each in range(4)]
    expected = [number_shapes(each).number.tolist() for each in texts]

    with ThreadPoolExecutor(4) as threads:
        assert expected == [numbered.number.tolist() for numbered in threads.map(number_shapes, texts)]


@pytest.mark.parametrize("sizes", [[], [5], [0] * 50_000, [1 << 16] * 400, [1, 1 << 25, 1]])
def test_pieces_hold_every_text_once(sizes: list[int]) -> None:
    """In order, and none is much larger than a piece may be."""
    held = np.array(sizes, np.uint32)
    parts = list(pieces(held))

    assert list(range(len(sizes))) == [row for part in parts for row in range(part.start, part.stop)]
    assert all(sum(sizes[part]) <= 1 << 23 for part in parts if part.stop - part.start > 1)
