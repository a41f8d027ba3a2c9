"""Lines per CPU-second of OTLP's protobuf and JSON, beside plain JSON with the same lines: reading alone, and the core.

    POLARS_MAX_THREADS=1 python -m benchmarks.otlp [--lines 100000] [--records 200] [--rounds 5]

`--records` log records are in one value, as a collector batches them; each has a trace id, a severity and three
attributes, and each resource four. A line of plain JSON is a record of its own, with the fields that the OTLP line is
read by. *Core* is reading, masks and sessions. The forms are measured by turns; the median of their CPU time counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import numpy as np
import orjson
from google.protobuf.json_format import MessageToDict
from numpy.typing import NDArray
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from benchmarks.columns import LIMITS, START, messages
from daemon.core.formats import FormatSettings, make_format
from daemon.core.masked_lines import MaskedLines
from daemon.core.masking.masker import Masker
from daemon.core.sessions import Sessionizer
from daemon.core.types import Batch, TopicPartition

BATCH = 10_000
"""Lines that are read at once."""
SERVICES = 4
KEYS = 1_000


def otlp_of(lines: Sequence[tuple[int, str, str]]) -> LogsData:
    """Return the log records of (number, trace, message) lines, those of a service under its resource."""
    data = LogsData()
    for service in range(SERVICES):
        resource = data.resource_logs.add()
        about = {"service.name": f"shop-{service}", "host.name": "web-1", "k8s.pod.name": "web-1-x", "os.type": "linux"}
        for name, text in about.items():
            resource.resource.attributes.add(key=name).value.string_value = text
        scope = resource.scope_logs.add()
        scope.scope.name = "com.acme.Shop"
        for number, trace, message in lines[service::SERVICES]:
            record = scope.log_records.add(
                time_unix_nano=(START + number) * 1_000_000,
                observed_time_unix_nano=(START + number + 3) * 1_000_000,
                severity_number=9,
                severity_text="INFO",
                trace_id=bytes.fromhex(trace),
                span_id=bytes.fromhex(trace[:16]),
            )
            record.body.string_value = message
            record.attributes.add(key="thread.name").value.string_value = "worker-1"
            record.attributes.add(key="code.lineno").value.int_value = number % 500
            record.attributes.add(key="log.file.name").value.string_value = "app.log"
    return data


def json_of(data: LogsData) -> bytes:
    """Return log records as a collector writes them in JSON: ids in hexadecimal."""
    document = MessageToDict(data, use_integers_for_enums=True)
    for source, resource in zip(data.resource_logs, document["resourceLogs"], strict=True):
        for record, written in zip(
            source.scope_logs[0].log_records, resource["scopeLogs"][0]["logRecords"], strict=True
        ):
            written["traceId"], written["spanId"] = record.trace_id.hex(), record.span_id.hex()
    return orjson.dumps(document)


def made(count: int, records: int) -> dict[str, list[bytes]]:
    """Return the same lines as values of each form."""
    lines = [
        (number, f"{int(key.removeprefix('blk_')):032x}", message)
        for number, (key, message) in enumerate(messages(count, KEYS, None))
    ]
    values: dict[str, list[bytes]] = {"json": [], "otlp_proto": [], "otlp_json": []}
    for at in range(0, count, records):
        data = otlp_of(lines[at : at + records])
        values["otlp_proto"].append(data.SerializeToString())
        values["otlp_json"].append(json_of(data))
        for resource in data.resource_logs:
            for record in resource.scope_logs[0].log_records:
                document = {
                    "time": record.time_unix_nano // 1_000_000,
                    "scope": resource.resource.attributes[0].value.string_value,
                    "key": record.trace_id.hex(),
                    "level": record.severity_text,
                    "message": record.body.string_value,
                    "host": "web-1",
                    "thread": "worker-1",
                    "file": "app.log",
                }
                values["json"].append(orjson.dumps(document))
    return values


def batches(values: Sequence[bytes], size: int) -> list[Batch]:
    """Return values as batches of `size`."""
    parts = [values[at : at + size] for at in range(0, len(values), size)]
    source = TopicPartition("logs", 0)
    return [Batch(source, range(len(part)), [START] * len(part), [None] * len(part), part) for part in parts]


def reading(form: str, given: Sequence[Batch], *, core: bool) -> int:
    """Read all batches, with `core` through masks and sessions too; return the number of lines."""
    format_ = make_format(FormatSettings("json" if form == "json" else "otlp"))
    masker, sessions, lines = Masker(), Sessionizer(LIMITS, ones), 0
    for number, batch in enumerate(given):
        table = format_.parse(batch).lines
        lines += table.height
        if core:
            offset = number * BATCH << 20
            sessions.push(MaskedLines.of(masker.apply(table.with_columns(table["position"] + offset))))
    return lines


def ones(texts: Sequence[str]) -> NDArray[np.int32]:
    """Return one token for every text: counting them is not measured."""
    return np.ones(len(texts), dtype=np.int32)


def cpu(form: str, given: Sequence[Batch], expected: int, *, core: bool) -> float:
    """Return the CPU seconds of reading all batches."""
    began = time.process_time()
    assert expected == reading(form, given, core=core)
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.otlp", description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--records", type=int, default=200, help="log records in a value")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    lines, records = options.lines, options.records
    given = {
        form: batches(values, BATCH if form == "json" else BATCH // records)
        for form, values in made(lines, records).items()
    }
    print(f"{lines:,} lines, {records} log records a value; lines a CPU-second, median of {options.rounds}")
    for core in (False, True):
        seconds: dict[str, list[float]] = {form: [] for form in given}
        for _ in range(options.rounds):
            for form, parts in given.items():
                seconds[form].append(cpu(form, parts, lines, core=core))
        rates = {form: lines / statistics.median(all_) for form, all_ in seconds.items()}
        for form, rate in rates.items():
            name = f"{'core' if core else 'reading'}, {form}"
            print(f"{name:20} {rate:>12,.0f}  {rate / rates['json']:.2f} of plain JSON")


if __name__ == "__main__":
    main()
