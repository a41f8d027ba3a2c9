"""Builds the CPU image and runs the demo's logs through it: `python -m deploy.docker.rehearse [--lines N]`.

It needs a Docker daemon. Where the public base image cannot be pulled, one of the same name is made with debootstrap
from the machine's own Debian mirror and pip settings, which takes root and a minute. The container runs as the chart
and the trial run it: read-only, without capabilities, as its own user.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from itertools import islice
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from demo.broker import Cluster

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "demo/recordings/logs.jsonl.xz"
BASE = "python:3.11-slim-bookworm"
IMAGE = "strayline:check"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CONFIG = """
kafka: {{bootstrap_servers: ["{servers}"]}}
engine: {{model: all-MiniLM-L6-v2}}
detector: {{warm_up: 0}}
http: {{port: {port}}}
"""


def docker(*arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run docker; `quiet` collects what it says."""
    return subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=quiet, text=True, check=False)  # noqa: S603, S607


def have_base() -> None:
    """Have the base image: here already, pulled, or made. Raises FileNotFoundError when none of it works."""
    if docker("image", "inspect", BASE, quiet=True).returncode == 0 or docker("pull", BASE, quiet=True).returncode == 0:
        return
    if not shutil.which("debootstrap") or os.geteuid() != 0:
        raise FileNotFoundError(f"{BASE} cannot be pulled, and no debootstrap with root is here to make one")
    print(f"{BASE} cannot be pulled: making one with debootstrap", flush=True)
    with tempfile.TemporaryDirectory(prefix="strayline-base-") as folder:
        packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
        command = ["debootstrap", "--variant=minbase", packages, "bookworm", folder, mirror()]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        import_base(Path(folder))


def mirror() -> str:
    """Return the Debian mirror that apt is set to."""
    for path in sorted(Path("/etc/apt").glob("sources.list*/**/*.sources")):
        for line in path.read_text().splitlines():
            if line.startswith("URIs:"):
                return line.split()[1]
    return "http://deb.debian.org/debian"


def import_base(folder: Path) -> None:
    """Import a Debian tree as the base image, with this machine's certificates and settings for pip."""
    shutil.copyfile(CERTIFICATES, folder / CERTIFICATES.relative_to("/"))
    settings = {
        name: value for name, value in os.environ.items() if name.startswith("PIP_") and name != "PIP_FIND_LINKS"
    }
    settings |= {"SSL_CERT_FILE": str(CERTIFICATES)}
    changes = [word for name, value in settings.items() for word in ("-c", f"ENV {name}={value}")]
    with subprocess.Popen(["tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as tar:  # noqa: S603, S607
        command = ["docker", "import", *changes, "-", BASE]
        subprocess.run(command, stdin=tar.stdout, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def build() -> bool:
    """Build the image; print how long it took and how large it is."""
    have_base()
    began = time.monotonic()
    if docker("build", "--network=host", "-f", "deploy/docker/Dockerfile.cpu", "-t", IMAGE, ".").returncode != 0:
        return False
    size = docker("image", "inspect", "-f", "{{.Size}}", IMAGE, quiet=True).stdout.strip()
    print(f"built in {time.monotonic() - began:.0f} s, {int(size) / 1e9:.2f} GB", flush=True)
    return True


async def feed(servers: str, lines: int) -> int:
    """Send the recording's first lines, then one failure that nobody has seen; returns how many there were."""
    sent = 0
    async with AIOKafkaProducer(bootstrap_servers=servers, linger_ms=20) as producer:
        with lzma.open(RECORDING) as recording:
            for line in islice(recording, lines):
                await producer.send("logs", line.rstrip(b"\n"))
                sent += 1
        await producer.flush()
        await asyncio.sleep(10.0)  # the recording's sessions close first: a service without history is not judged
        fault = {**json.loads(line), "key": "rehearsal", "message": "FATAL rehearsal: no quokka is left in the pen"}
        await producer.send_and_wait("logs", json.dumps(fault).encode())
    return sent + 1


async def alerts(servers: str, seconds: float) -> list[str]:
    """Return the summaries of the alerts that came until none came for so long."""
    found: list[str] = []
    consumer = AIOKafkaConsumer(
        "strayline.alerts", bootstrap_servers=servers, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    async with consumer:
        while True:
            try:
                record = await asyncio.wait_for(consumer.getone(), seconds)
            except TimeoutError:
                return found
            document = json.loads(record.value)
            found.append(f"{document['scope']}: {document.get('summary', document['id'])}")


def metric(port: int, name: str) -> float:
    """Return the sum of a metric's series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))


def run_logs(servers: str, folder: Path, lines: int) -> bool:
    """Run the image on the recording; print what was seen and return whether all of it was as promised."""
    port = 19108
    (folder / "config.yaml").write_text(CONFIG.format(servers=servers, port=port))
    (folder / "config.yaml").chmod(0o644)
    mount = f"{folder}/config.yaml:/etc/strayline/config.yaml:ro"
    common = [
        "--rm",
        "--network=host",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
    ]
    made = docker("run", "--rm", *common, "-v", mount, IMAGE, "topics", "create", "--config=/etc/strayline/config.yaml",
                  "--replication=1", "--input-partitions=1")  # fmt: skip
    if made.returncode != 0:
        return False
    name = f"strayline-check-{os.getpid()}"
    docker("run", "-d", "--name", name, f"-eHEALTH_PORT={port}", *common, "-v", mount, IMAGE, quiet=True)
    try:
        began = time.monotonic()
        if not wait_ready(port, 600):
            docker("logs", name)
            return False
        print(f"ready after {time.monotonic() - began:.0f} s", flush=True)
        sent = asyncio.run(feed(servers, lines))
        found = asyncio.run(alerts(servers, 30))
        read, judged = metric(port, "strayline_lines_total"), metric(port, "strayline_sessions_judged_total")
        user = docker("exec", name, "id", "-u", quiet=True).stdout.strip()
        health = docker("inspect", "-f", "{{.State.Health.Status}}", name, quiet=True).stdout.strip()
        began = time.monotonic()
        docker("stop", "--time", "90", name, quiet=True)
        print(f"{sent} records sent, {read:.0f} lines, {judged:.0f} sessions judged, {len(found)} alerts, user {user},")
        print(f"{health}, stopped within {time.monotonic() - began:.0f} s; the first alerts:")
        print("\n".join(f"  {one}" for one in found[:5]))
        return bool(found) and read >= sent and (user, health) == ("10001", "healthy")
    finally:
        docker("rm", "-f", name, quiet=True)


def wait_ready(port: int, seconds: float) -> bool:
    """Wait until /readyz says so."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return True
        except OSError:
            time.sleep(1)
    return False


def main(arguments: list[str]) -> int:
    """Build and run; returns 1 when something was not as promised."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=2_000, help="how much of the recording to send")
    parser.add_argument("--built", action="store_true", help=f"take the image {IMAGE} as it is")
    options = parser.parse_args(arguments)
    if not options.built and not build():
        return 1
    folder = Path(tempfile.mkdtemp(prefix="strayline-image-"))
    folder.chmod(0o755)
    try:
        with Cluster(backend="java") as cluster:
            return 0 if run_logs(cluster.bootstrap_servers, folder, options.lines) else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
