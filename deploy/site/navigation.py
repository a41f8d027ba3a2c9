"""What is where on the site: tutorial, how-to pages, reference, explanation, decisions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

Section = tuple[str, Sequence[tuple[str, str]]]
"""A title, and its pages: (title, path under the site's folder)."""

_NUMBER = re.compile(r"^# (\d+)\. (.+)$", re.MULTILINE)

_SECTIONS: Sequence[Section] = (
    ("Start", (("strayline", "index.md"), ("Tutorial", "tutorial.md"))),
    (
        "How to",
        (
            ("Try it on a log", "try.md"),
            ("What is found in whose logs", "discovery.md"),
            ("Read your logs", "formats.md"),
            ("Try it on files: backtest", "backtest.md"),
            ("Watch incidents: the console", "console.md"),
            ("Offer the engine: /v1/embeddings", "embeddings.md"),
            ("Tell people: notify", "notify.md"),
            ("Send alerts on", "alerts.md"),
            ("Compare documents with a standard", "documents.md"),
            ("Install", "deploy.md"),
            ("Operate", "operate.md"),
            ("Act on an alert rule", "runbook.md"),
            ("Hide secrets", "redaction.md"),
            ("Security", "security.md"),
            ("Uninstall", "uninstall.md"),
        ),
    ),
    (
        "Reference",
        (
            ("Configuration", "configuration.md"),
            ("Verbs", "verbs.md"),
            ("Command line", "command-line.md"),
            ("Messages", "messages.md"),
            ("Metrics", "metrics.md"),
        ),
    ),
    (
        "Explanation",
        (
            ("Architecture", "architecture.md"),
            ("The detector", "detector.md"),
            ("Reliability", "reliability.md"),
            ("Memory", "memory.md"),
            ("The engine's memory on a GPU", "engine.md"),
            ("Quality, measured", "quality.md"),
            ("Performance, measured", "performance.md"),
        ),
    ),
)

_SETTINGS: Mapping[str, object] = {
    "site_name": "strayline",
    "site_description": "A streaming log-anomaly daemon: logs in Kafka, alerts in Kafka",
    "docs_dir": "docs",
    "site_dir": "site",
    "use_directory_urls": False,
}
_FEATURES = ("content.code.copy", "navigation.footer", "navigation.sections", "navigation.top", "search.highlight")
_PALETTES = (
    ("(prefers-color-scheme: light)", "default", "lucide/sun", "Switch to dark mode"),
    ("(prefers-color-scheme: dark)", "slate", "lucide/moon", "Switch to light mode"),
)


def decisions(folder: Path) -> list[tuple[str, str]]:
    """Return title and page of every decision, by number."""
    pages = []
    for path in sorted(folder.glob("*.md")):
        heading = _NUMBER.search(path.read_text())
        if heading is None:
            raise ValueError(f"{path}: the first heading is not '# NUMBER. TITLE'")
        pages.append((f"{heading[1]}. {heading[2]}", f"{folder.name}/{path.name}"))
    return pages


def navigation(decided: Sequence[tuple[str, str]]) -> list[Section]:
    """Return every section of the site."""
    return [*_SECTIONS, ("Decisions", (*decided, ("Changes", "changes.md")))]


def settings(sections: Sequence[Section]) -> str:
    """Return the generator's configuration, as TOML. Nothing is loaded from another host."""
    lines = ["[project]", *(f"{key} = {json.dumps(value)}" for key, value in _SETTINGS.items()), "nav = ["]
    for title, pages in sections:
        entries = ", ".join(f"{{{json.dumps(name)} = {json.dumps(path)}}}" for name, path in pages)
        lines.append(f"  {{{json.dumps(title)} = [{entries}]}},")
    lines += ["]", "", "[project.theme]", "font = false", f"features = {json.dumps(_FEATURES)}"]
    for media, scheme, icon, action in _PALETTES:
        lines += ["", "[[project.theme.palette]]", f"media = {json.dumps(media)}", f"scheme = {json.dumps(scheme)}"]
        lines += [f"toggle.icon = {json.dumps(icon)}", f"toggle.name = {json.dumps(action)}"]
    return "\n".join(lines) + "\n"
