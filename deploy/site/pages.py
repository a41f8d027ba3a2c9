"""Pages that come from Markdown of the repository, fitted to the site."""

from __future__ import annotations

import re
from pathlib import Path

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def front_page(readme: str) -> str:
    """Return the README as the site's first page: without its list of pages, which the navigation has."""
    text = re.sub(r"\n## Documentation\n.*?(?=\nApache-2\.0\.)", "\n", readme, flags=re.DOTALL)
    return _outside_as_text(text.replace("](docs/", "]("))


def changes_page(changelog: str) -> str:
    """Return the changelog as a page."""
    return _outside_as_text(changelog.replace("](docs/", "]("))


def without_outside_links(text: str, page: Path, docs: Path) -> str:
    """Return the text of `page` with links that leave the folder `docs`, or lead to a folder, as plain text."""

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if "://" in target or target.startswith("#"):
            return match[0]
        place = (page.parent / target.partition("#")[0]).resolve()
        return match[0] if place.is_file() and place.is_relative_to(docs.resolve()) else match["text"]

    return _LINK.sub(replace, text)


def _outside_as_text(text: str) -> str:
    """Replace links to what is not a page of the site's top folder."""
    page = re.compile(r"^(?:[\w-]+\.md(?:#.*)?|#.*|.*://.*)$")
    return _LINK.sub(lambda match: match[0] if page.match(match["target"]) else match["text"], text)
