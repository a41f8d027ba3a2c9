"""Shippers of other projects, as make check-shippers fetches them: each follows a file and writes it to Kafka."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

CACHE = Path(__file__).resolve().parents[2] / ".cache"
PACKAGES = CACHE / "shippers"
"""Where Debian's packages are unpacked."""
_LIBRARIES = PACKAGES / "usr" / "lib" / "x86_64-linux-gnu"
_NG = PACKAGES / "usr" / "lib" / "syslog-ng"


@dataclass(frozen=True, slots=True)
class Shipping:
    """What a shipper is to do: the file it follows, the topic it writes to, a folder for what it remembers."""

    log: Path
    servers: str
    topic: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Shipper:
    """How a shipper is started, and the settings of `input` that read what it writes."""

    program: str
    options: Callable[[Shipping], list[str]]
    reading: Mapping[str, Any]

    def path(self) -> str:
        """Return where its program is; skips the test where the machine lacks it."""
        path = shutil.which(self.program, path=f"{PACKAGES / 'usr' / 'sbin'}{os.pathsep}{CACHE / 'bin'}")
        if path is None:
            pytest.skip(f"no {self.program} here: make check-shippers fetches it")
        return path


def _rsyslog(shipping: Shipping) -> list[str]:
    config = shipping.folder / "rsyslog.conf"
    config.write_text(
        f"""
        global(workDirectory="{shipping.folder}")
        module(load="imfile")
        module(load="omkafka")
        template(name="line" type="string" string="%msg%")
        template(name="file" type="string" string="%$!metadata!filename%")
        ruleset(name="kafka") {{
          action(type="omkafka" broker=["{shipping.servers}"] topic="{shipping.topic}" template="line" key="file"
                 dynakey="on")
        }}
        input(type="imfile" file="{shipping.log}" tag="pay" addMetadata="on" freshStartTail="off" ruleset="kafka")
        """
    )
    return ["-n", "-f", str(config), "-i", str(shipping.folder / "pid"), "-M", str(_LIBRARIES / "rsyslog")]


def _syslog_ng(shipping: Shipping) -> list[str]:
    config = shipping.folder / "syslog-ng.conf"
    config.write_text(
        f"""@version: 3.38
        source files {{ file("{shipping.log}" flags(no-parse) follow-freq(0.2)); }};
        destination kafka {{
          kafka-c(bootstrap-servers("{shipping.servers}") topic("{shipping.topic}") key("$FILE_NAME") message("$MSG"));
        }};
        log {{ source(files); destination(kafka); }};
        """
    )
    state = [f"--{name}={shipping.folder / name}" for name in ("persist-file", "pidfile", "control")]
    modules = next(_NG.glob("[0-9]*"), _NG)
    return ["--foreground", "--no-caps", f"--cfgfile={config}", f"--module-path={modules}", *state]


def write_collector(
    config: Path, receivers: Mapping[str, Any], exporters: Mapping[str, Any], pipelines: Mapping[str, tuple[str, str]]
) -> None:
    """Write a collector's configuration; `pipelines` are one receiver and one exporter for a signal."""
    signals = {name: {"receivers": [source], "exporters": [target]} for name, (source, target) in pipelines.items()}
    service = {"telemetry": {"metrics": {"level": "none"}}, "pipelines": signals}
    config.write_text(yaml.safe_dump({"receivers": receivers, "exporters": exporters, "service": service}))


def hub(port: int, spans: Path) -> Shipper:
    """Return a collector that takes OTLP at `port`: logs go to Kafka, spans into a file, one request a line."""

    def options(shipping: Shipping) -> list[str]:
        config = shipping.folder / "collector.yaml"
        write_collector(
            config,
            {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
            {
                "kafka": {"brokers": [shipping.servers], "logs": {"topic": shipping.topic}},
                "file": {"path": str(spans), "flush_interval": "200ms"},
            },
            {"logs": ("otlp", "kafka"), "traces": ("otlp", "file")},
        )
        return [f"--config=file:{config}"]

    return Shipper("collector", options, {"format": "otlp"})


def _collector(encoding: str) -> Callable[[Shipping], list[str]]:
    def options(shipping: Shipping) -> list[str]:
        config = shipping.folder / "collector.yaml"
        receiver = {
            "include": [str(shipping.log)],
            "start_at": "beginning",
            "poll_interval": "200ms",
            "preserve_leading_whitespaces": True,
            "resource": {"service.name": "pay"},
        }
        exporter = {"brokers": [shipping.servers], "logs": {"topic": shipping.topic, "encoding": encoding}}
        write_collector(config, {"file_log": receiver}, {"kafka": exporter}, {"logs": ("file_log", "kafka")})
        return [f"--config=file:{config}"]

    return options


_RAW = {"format": "raw", "multiline": "python"}
_OTLP = {"format": "otlp", "multiline": "python"}
SHIPPERS = {
    "rsyslog": Shipper("rsyslogd", _rsyslog, _RAW),
    "syslog-ng": Shipper("syslog-ng", _syslog_ng, _RAW),
    "collector, otlp_proto": Shipper("collector", _collector("otlp_proto"), _OTLP),
    "collector, otlp_json": Shipper("collector", _collector("otlp_json"), _OTLP),
}


@asynccontextmanager
async def shipping_with(shipper: Shipper, shipping: Shipping) -> AsyncIterator[None]:
    """Run a shipper."""
    words = shipper.options(shipping)
    libraries = os.pathsep.join(map(str, (_LIBRARIES, PACKAGES / "lib" / "x86_64-linux-gnu", _NG)))
    with (shipping.folder / "shipper.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            shipper.path(), *words, stdout=log, stderr=log, env={**os.environ, "LD_LIBRARY_PATH": libraries}
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
