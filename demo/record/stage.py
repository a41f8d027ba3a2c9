"""Runs the whole recording inside its namespaces: services up, traffic on, faults at their times, services down.

Nothing is ever rewritten: the programs stamp their own lines, the faults are stamped when they are injected.
"""

import argparse
import asyncio
import json
import time

import faults
import services
import traffic

LENGTH = 840.0


async def record(skip: float, only: str) -> None:
    began = time.monotonic()
    await services.postgres()
    if only != "postgres":
        await services.redis()
        await services.web()
    if only in ("", "kafka"):
        await services.kafka()
    print(f"services up after {time.monotonic() - began:.0f} s", flush=True)
    start = faults.stamp()
    loads = [asyncio.create_task(load) for load in traffic.loads(only)]
    await asyncio.sleep(5)
    await faults.run_all(only, skip, LENGTH)
    services.LOG.joinpath("stage.json").write_text(json.dumps({"start": start, "end": faults.stamp()}))
    for load in loads:
        load.cancel()
    await asyncio.gather(*loads, return_exceptions=True)
    print(f"traffic ended after {time.monotonic() - began:.0f} s; {traffic.summary()}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skip", type=float, default=0.0, help="seconds of the schedule to leave out, for trials")
    parser.add_argument("--only", default="", choices=["", "postgres", "web", "kafka"])
    options = parser.parse_args()
    try:
        asyncio.run(record(options.skip, options.only))
    finally:
        services.stop_all()
