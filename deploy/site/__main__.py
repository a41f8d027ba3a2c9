"""Prepares the documentation site: `python -m deploy.site FOLDER` writes what the generator builds (`make docs`).

The pages are those of `docs/`, with a front page from the README, the changes, and three generated references: the
configuration, the command line, and the schemas of the messages. Links that leave `docs/` become plain text, because
the site does not have the rest of the repository.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.site.navigation import Section, decisions, navigation, settings
from deploy.site.pages import changes_page, front_page, without_outside_links
from deploy.site.reference import command_line_page, configuration_page, messages_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def write_site(folder: Path) -> list[Section]:
    """Write pages and settings to `folder`, which is emptied first; return the navigation."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder / "docs")
    for page in (folder / "docs").rglob("*.md"):
        page.write_text(without_outside_links(page.read_text(), page, folder / "docs"))
    for name, text in _generated():
        (folder / "docs" / name).write_text(text)
    sections = navigation(decisions(DOCS / "adr"))
    (folder / "zensical.toml").write_text(settings(sections))
    return sections


def _generated() -> Iterator[tuple[str, str]]:
    yield "index.md", front_page((ROOT / "README.md").read_text())
    yield "changes.md", changes_page((ROOT / "CHANGELOG.md").read_text())
    yield "configuration.md", configuration_page((ROOT / "config.yaml").read_text())
    yield "command-line.md", command_line_page()
    yield "messages.md", messages_page(DOCS / "schema")


def main(arguments: list[str]) -> int:
    """Write the site's sources to the folder that is given."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 64
    write_site(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
