"""The paths that the documentation names exist, and the links between its pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/**/README.md")])
PAGES = [
    page
    for page in PAGES
    if not set(page.relative_to(ROOT).parts)
    & {".venv", ".venv-audit", ".venv-docs", ".venv-peers", ".kafka", ".cache", "build", "out"}
]
PATH = re.compile(r"(?<![\w/.-])(?:daemon|tests|deploy|demo|benchmarks|helm|docs)/[\w./-]*\w")
MODULE = re.compile(r"python -m ((?:benchmarks|deploy|demo|tests)(?:\.\w+)*)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_files_and_modules_exist(page: Path) -> None:
    """A path of the repository, or a module to run, that a page names is there."""
    text = page.read_text()
    missing = [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    modules = [name for name in MODULE.findall(text) if not _module_exists(name)]
    assert [] == missing + modules


def _module_exists(name: str) -> bool:
    place = ROOT / name.replace(".", "/")
    return place.with_suffix(".py").exists() or (place / "__main__.py").exists()


def broken_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead to no file, no folder, or no heading."""
    broken = []
    for link in LINK.findall(page.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in _anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link of a page leads to a file or folder, and its fragment to a heading."""
    assert [] == broken_links(page)


def test_every_way_of_standing_still_names_its_test() -> None:
    """The last column of the table names a test against a real Kafka that is there."""
    table = (ROOT / "docs/reliability.md").read_text().split("| what stands still |")[1].split("\n\n")[0]
    rows = [row.strip("| ").split("|") for row in table.splitlines()[2:]]
    named = [re.findall(r"`(test_\w+\.py)`", row[-1]) for row in rows]
    assert 12 == len(rows)
    assert [] == [row for row, tests in zip(rows, named, strict=True) if not tests]
    assert [] == [test for tests in named for test in tests if not (ROOT / "tests/integration" / test).exists()]
