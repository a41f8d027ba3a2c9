"""Everything that is deployed, through its real tools: `deploy/check [--no-fetch] [--only NAME] [--list]`.

Missing tools are fetched first: Debian's packages with apt-get where this runs as root, helm, kubectl-validate and the
operators' resource definitions with Go, into .cache/. A check whose tools cannot be had is not run, and the summary
gives the reason. The exit code is 1 when a check that ran has failed, 0 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
BIN = CACHE / "bin"
CRDS = CACHE / "crds"
DEBIAN = {
    "promtool": "prometheus",
    "bwrap": "bubblewrap",
    "systemd-analyze": "systemd",
    "setpriv": "util-linux",
    "docker-compose": "docker-compose",
}
GO = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.19.0",
    "kubectl-validate": "sigs.k8s.io/kubectl-validate@latest",
}
# Go modules whose archives hold the definitions of the operators' types.
DEFINITIONS = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml"
        for name in ("podmonitors", "servicemonitors", "prometheusrules")
    ],
    "github.com/kedacore/keda/v2@v2.18.0": ["config/crd/bases/keda.sh_scaledobjects.yaml"],
}
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it shows, its command, and what it needs beside Python."""

    name: str
    shows: str
    command: Sequence[str]
    tools: Sequence[str] = ()
    lacking: Callable[[], str | None] = lambda: None


def _no_kafka() -> str | None:
    docker = shutil.which("docker") and _answers("docker", "info")
    java = shutil.which("java") and shutil.which("mvn")
    return None if docker or java else "no Kafka: neither a Docker daemon nor Java with Maven"


def _no_sandbox() -> str | None:
    if os.geteuid() != 0:
        return "the sandbox needs root"
    if not _answers("/usr/bin/python3", "-c", "import seccomp"):
        return "Debian's python3-seccomp is missing"
    if str(ROOT).startswith(("/tmp/", "/root/", "/home/")):  # noqa: S108 - the sandbox hides these
        return f"the checkout is in {ROOT.parts[1]}, which the sandbox hides"
    return _no_kafka()


def _no_docker() -> str | None:
    return None if shutil.which("docker") and _answers("docker", "info") else "no Docker daemon answers"


CHECKS = (
    Check("generated", "what is generated is up to date", (*PYTEST, "tests/deploy/test_generated.py")),
    Check("metrics", "names, labels and their bound", (*PYTEST, "tests/deploy/test_metrics.py")),
    Check(
        "prometheus",
        "rules by promtool; every panel and rule in a real Prometheus",
        (*PYTEST, "tests/deploy/test_prometheus.py"),
        ("promtool", "prometheus"),
    ),
    Check(
        "systemd", "the unit by systemd-analyze", (*PYTEST, "tests/deploy/test_unit.py"), ("systemd-analyze", "bwrap")
    ),
    Check("helm", "the chart", (*PYTEST, "tests/deploy/test_helm.py"), ("helm", "kubectl-validate")),
    Check("compose", "the trial's files", (*PYTEST, "tests/deploy/test_compose.py"), ("docker-compose",)),
    Check(
        "acls",
        "the least rights, on a broker that asks for them",
        (*PYTEST, "tests/deploy/test_acls.py"),
        lacking=_no_kafka,
    ),
    Check(
        "rehearsal",
        "the daemon with its engine under the unit's restrictions and under load",
        (sys.executable, "-m", "deploy.rehearse"),
        ("bwrap", "systemd-analyze", "prometheus"),
        _no_sandbox,
    ),
    Check(
        "image",
        "the CPU image, built and run",
        (sys.executable, "-m", "deploy.docker.rehearse"),
        lacking=_no_docker,
    ),
)


def fetch(tools: set[str]) -> None:
    """Fetch what is missing of `tools`; the summary names what cannot be had."""
    packages = {package for name, package in DEBIAN.items() if name in tools and not find(name)}
    if "bwrap" in tools and not _answers("/usr/bin/python3", "-c", "import seccomp"):
        packages.add("python3-seccomp")
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"fetching {' '.join(sorted(packages))}", flush=True)
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        _run("apt-get", "update", "-qq", **quiet)
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *sorted(packages), **quiet)
    go = shutil.which("go")
    for name, module in GO.items():
        if go and name in tools and not find(name):
            print(f"building {module} (two minutes)", flush=True)
            _run(go, "install", module, GOBIN=str(BIN))
    if go and "kubectl-validate" in tools and not CRDS.is_dir():
        _fetch_definitions(go)


def _fetch_definitions(go: str) -> None:
    CRDS.mkdir(parents=True)
    for module, files in DEFINITIONS.items():
        done = subprocess.run([go, "mod", "download", "-json", module], capture_output=True, text=True, check=False)  # noqa: S603
        folder = json.loads(done.stdout or "{}").get("Dir")
        for file in files if folder else ():
            shutil.copyfile(Path(folder) / file, CRDS / Path(file).name)


def find(name: str) -> str | None:
    """Return where a tool is, the checkout's cache first."""
    return shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")


def _answers(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


def _run(*command: str, **environment: str) -> int:
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)  # noqa: S603
    return done.returncode


def main(arguments: list[str]) -> int:
    """Fetch, check, and print what ran and what did not."""
    parser = argparse.ArgumentParser(
        prog="deploy/check", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--no-fetch", action="store_true", help="use only the tools that are here")
    parser.add_argument("--only", action="append", metavar="NAME", help="run only this check; may be repeated")
    parser.add_argument("--list", action="store_true", help="name the checks")
    options = parser.parse_args(arguments)
    chosen = [check for check in CHECKS if not options.only or check.name in options.only]
    if options.list:
        print("\n".join(f"{check.name:12}{check.shows}" for check in chosen))
        return 0
    if not options.no_fetch:
        fetch({tool for check in chosen for tool in check.tools})
    outcomes = [(check, *_outcome(check)) for check in chosen]
    print("\nwhat was checked")
    for check, outcome, seconds in outcomes:
        ran = outcome in {"passed", "FAILED"}
        took = f" ({seconds:.0f} s)" if ran else f": {outcome}"
        print(f"  {outcome if ran else 'not run':8} {check.name:12}{check.shows}{took}")
    return 1 if any(outcome == "FAILED" for _, outcome, _ in outcomes) else 0


def _outcome(check: Check) -> tuple[str, float]:
    """Run one check; return passed, FAILED or the reason why it was not run, and the seconds it took."""
    missing = [tool for tool in check.tools if not find(tool)]
    reason = f"no {' and no '.join(missing)} here" if missing else check.lacking()
    if reason:
        return reason, 0.0
    print(f"\n=== {check.name}: {check.shows}", flush=True)
    began = time.monotonic()
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    code = _run(*check.command, PATH=path)
    return ("passed" if code == 0 else "FAILED"), time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
