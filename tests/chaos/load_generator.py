"""Writes the input of a run: sessions of a few keys for each partition, by a clock of their own that only goes forward.

The topic is the truth: every record in it, at whatever offset, must come out once. So the generator may retry as often
as it likes. The clock of the lines runs faster than the wall clock, so that sessions close by it all the time. How they
are cut is then a function of the topic alone, and a run without faults over the same topic must cut them alike.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import orjson
from aiokafka import AIOKafkaProducer

LINES = (
    "request {n} accepted from 10.0.{a}.{b}",
    "user u{n} logged in",
    "cart {n} opened",
    "item {a} added to cart",
    "price looked up in {b} ms",
    "payment {n} authorised",
    "WARN retrying upstream after {a} ms",
    "ERROR payment gateway timed out after {b} ms",
    "order {n} placed",
    "mail queued for user u{n}",
    "connection to 10.1.{a}.{b} reset by peer",
    "session closed",
)
TRACE = ("java.net.ConnectException: refused", "\tat com.acme.Pay.charge(Pay.java:{n})", "\t... 12 more")
"""What follows a line of an error, in records of their own, where traces are written."""
KINDS = 40
STEP_MS = 500
OPEN_KEYS = 6
MALFORMED = 0.01
SCOPES = 2
"""Scopes of a run; each partition has lines of one."""


@dataclass
class _PartitionState:
    """One partition's clock (ms), the number of sessions made, and the open ones with their remaining lines."""

    clock: int
    made: int = 0
    open: list[tuple[str, list[str]]] = field(default_factory=list)


class LoadGenerator:
    """Writes `rate` lines a second to every partition until it is stopped.

    With `scattered`, each line goes to any partition, and errors have stack traces, line by line.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        partitions: int,
        *,
        seed: int,
        start_ms: int,
        rate: float,
        scattered: bool = False,
        scopes: int = SCOPES,
    ) -> None:
        self._scopes = scopes
        self._topic, self._rate = topic, rate
        self._random = random.Random(seed)
        self._kinds = [self._random.choices(LINES, k=self._random.randint(1, 8)) for _ in range(KINDS)]
        self._states = [_PartitionState(start_ms) for _ in range(partitions)]
        self._servers = servers
        self._scattered = scattered
        self._task: asyncio.Task[None] | None = None
        self.sent = 0

    def start(self) -> None:
        """Start writing, in a task."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop, once everything is written."""
        assert self._task is not None
        task, self._task = self._task, None
        await task

    async def _run(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all", enable_idempotence=True)
        await producer.start()
        due, pending = 0.0, set[asyncio.Future[object]]()
        try:
            while self._task is not None:
                await asyncio.sleep(0.2)
                due += 0.2 * self._rate
                for _ in range(int(due)):
                    due -= 1
                    for partition in range(len(self._states)):
                        key, value = self._line(self._states[partition], partition)
                        to = self._random.randrange(len(self._states)) if self._scattered else partition
                        for record in (value, *(self._trace(value) if self._scattered else ())):
                            pending.add(await producer.send(self._topic, record, key, to))
                            self.sent += 1
                pending = {future for future in pending if not future.done()}
                while len(pending) > 2_000:
                    await asyncio.sleep(0.2)
                    pending = {future for future in pending if not future.done()}
            await producer.flush()
        finally:
            await producer.stop()

    def _trace(self, value: bytes) -> list[bytes]:
        """Return the records that follow a line."""
        if b'"ERROR ' not in value:
            return []
        document = orjson.loads(value)
        lines = [line.format(n=self._random.randrange(200)) for line in TRACE]
        return [orjson.dumps({**document, "message": line}) for line in lines]

    def _line(self, state: _PartitionState, partition: int) -> tuple[bytes, bytes]:
        state.clock += STEP_MS
        if self._random.random() < MALFORMED:
            return b"broken", b'{"message": "cut off in the mid'
        while len(state.open) < OPEN_KEYS:
            state.made += 1
            state.open.append((f"p{partition}-{state.made}", list(self._random.choice(self._kinds))))
        index = self._random.randrange(len(state.open))
        key, remaining = state.open[index]
        text = remaining.pop(0).format(n=state.made, a=self._random.randrange(200), b=self._random.randrange(200))
        if not remaining:
            del state.open[index]
        document = {"time": state.clock, "scope": f"shop-{partition % self._scopes}", "key": key, "message": text}
        return key.encode(), orjson.dumps(document)
