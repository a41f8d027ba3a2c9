"""Passes over the bytes of many texts at once, in Zig, compiled to WebAssembly: one file for every machine.

`kernel.zig` is what is called, `machine` calls it (docs/adr/0406).
"""

from daemon.core.kernel.machine import LONGEST
from daemon.core.kernel.objects import ABSENT, COLUMNS, NO_TIME, PlainParts, read_objects
from daemon.core.kernel.shape_numbers import ShapeNumbers, number_shapes
from daemon.core.kernel.whole import are_whole

__all__ = [
    "ABSENT",
    "COLUMNS",
    "LONGEST",
    "NO_TIME",
    "PlainParts",
    "ShapeNumbers",
    "are_whole",
    "number_shapes",
    "read_objects",
]
