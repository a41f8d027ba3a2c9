"""Measures what people and incidents make a process remember: `python -m benchmarks.remembered`.

Mutes of the incidents stage, by how many causes their pattern has, and incidents of one route of `strayline notify`,
over and open; an open one holds its latest message, here of 20 lines. Each figure is bytes by `tracemalloc`.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial

import orjson

from daemon.core.incidents.mutes import Mutes
from daemon.core.observations import MuteOrder
from daemon.notify.filters import RouteFilter
from daemon.notify.route_memory import RouteMemory
from tests.support.notifications import alert_message, said

COUNT = 1_000
FOREVER_US = 10**16
LINES = [{"text": f"INFO shop.http: step {at} of the request took <NUM>", "count": 1} for at in range(20)]


def measured(fill: Callable[[], object]) -> float:
    """Return the bytes of each of `COUNT` things that `fill` makes and returns."""
    gc.collect()
    tracemalloc.start()
    kept = fill()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size / COUNT


def mutes(causes: int) -> Mutes:
    """Mutes as they come from the topic of observations, each of a pattern of its own."""
    made = Mutes()
    for number in range(COUNT):
        names = [f"{number * 1_000 + at:016x}" for at in range(causes)]
        row = orjson.dumps([f"service-{number}", f"{number:016x}", FOREVER_US, names, "somebody"])
        made.heed(MuteOrder(*orjson.loads(row)), 0.0)
    return made


def incidents(*, over: bool) -> RouteMemory:
    """A route that was told of incidents; they are over, or still open."""
    memory = RouteMemory(RouteFilter("info", (), resolved=True), most=COUNT)
    for number in range(COUNT):
        incident = f"{number:012x}"
        memory.take(said("opened", 1, incident=incident, session=LINES))
        if over:
            memory.take(said("resolved", 2, incident=incident, session=LINES))
    return memory


def main() -> int:
    for causes in (2, 20, 200):
        print(f"a mute of {causes} causes: {measured(partial(mutes, causes)):,.0f} B")
    for over in (True, False):
        size = measured(partial(incidents, over=over))
        print(f"an incident that is {'over' if over else 'open'}: {size:,.0f} B")
    print(f"its message: {len(orjson.dumps(alert_message('opened', 1, session=LINES))):,} B as JSON")
    return 0


if __name__ == "__main__":
    sys.exit(main())
