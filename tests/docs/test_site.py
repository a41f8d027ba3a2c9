"""The documentation site: its navigation, its generated pages, its links, and that the generator has no warning."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from daemon.config import Config
from deploy.site.__main__ import ROOT, write_site
from deploy.site.navigation import Section
from deploy.site.pages import front_page, without_outside_links
from tests.docs.test_paths import broken_links

GENERATOR = ROOT / ".venv-docs/bin/zensical"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Section]]:
    """The site's sources, and its navigation."""
    folder = tmp_path_factory.mktemp("site")
    return folder, write_site(folder)


def test_every_page_is_in_the_navigation(site: tuple[Path, list[Section]]) -> None:
    """No page is out of reach, and no entry leads nowhere."""
    folder, sections = site
    pages = sorted(str(path.relative_to(folder / "docs")) for path in (folder / "docs").rglob("*.md"))
    assert pages == sorted(page for _, entries in sections for _, page in entries)


def test_links_between_pages_lead_somewhere(site: tuple[Path, list[Section]]) -> None:
    """A link of the site leads to a page or file of the site, and its fragment to a heading."""
    folder, _ = site
    broken = {page.name: broken_links(page) for page in (folder / "docs").rglob("*.md")}
    assert {} == {page: links for page, links in broken.items() if links}


def test_the_reference_has_every_key_of_the_configuration(site: tuple[Path, list[Section]]) -> None:
    """Each section is a heading, and each of its keys a row."""
    text = (site[0] / "docs/configuration.md").read_text()
    for section, field in Config.model_fields.items():
        assert f"\n## {section}\n" in text
        model = field.annotation
        assert model is not None
        missing = [key for key in getattr(model, "model_fields", {}) if f"`{section}.{key}" not in text]
        assert [] == missing


def test_the_reference_has_every_verb(site: tuple[Path, list[Section]]) -> None:
    """The help of each verb is there, the inner verbs' too."""
    text = (site[0] / "docs/command-line.md").read_text()
    verbs = ("run", "check", "backtest", "topics create", "topics delete", "baseline import", "bench")
    assert [] == [verb for verb in verbs if f"\n## strayline {verb}\n" not in text]


def test_the_reference_has_the_fields_of_messages(site: tuple[Path, list[Section]]) -> None:
    """Fields inside of fields are named by their path."""
    text = (site[0] / "docs/messages.md").read_text()
    assert [] == [name for name in ("`incident.id`", "`session[].text`", "`source.topic`") if name not in text]


def test_a_link_that_leaves_the_documentation_is_text(tmp_path: Path) -> None:
    """Files outside of the site, and folders, are named and not linked."""
    (tmp_path / "page.md").write_text("")
    (tmp_path / "folder").mkdir()
    text = "[a](page.md) [b](../x.py) [c](folder) [d](https://example.org)"
    expected = "[a](page.md) b c [d](https://example.org)"
    assert expected == without_outside_links(text, tmp_path / "other.md", tmp_path)


def test_the_front_page_leaves_out_the_list_of_pages() -> None:
    """The README's list of documents is the site's navigation."""
    readme = "# x\n\n[how](docs/detector.md) [code](daemon/x.py)\n\n## Documentation\n\n[a](docs/a.md)\n\nApache-2.0.\n"
    text = front_page(readme)
    assert "[how](detector.md) code" in text
    assert "Documentation" not in text


@pytest.mark.skipif(not GENERATOR.exists(), reason="no generator here: make docs installs it")
def test_the_site_is_built_without_a_warning(site: tuple[Path, list[Section]]) -> None:
    """The generator, told to stop at a warning, builds every page and the search index."""
    folder, sections = site
    done = subprocess.run(
        [str(GENERATOR), "build", "--strict", "--clean"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    built = {str(path.relative_to(folder / "site")) for path in (folder / "site").rglob("*.html")}
    pages = {page.replace(".md", ".html") for _, entries in sections for _, page in entries}
    assert set() == pages - built
    assert (folder / "site/search.json").stat().st_size > 100_000
