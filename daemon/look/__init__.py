"""The look that the console's pages and the backtest's report share: one style sheet, in light and dark.

`look.css` has the colours and what every page is made of; each page adds only what it alone has. A page chooses a theme
with ``data-theme`` on its root, else it follows the system.
"""

from importlib.resources import files


def style() -> str:
    """Return the shared style sheet."""
    return files("daemon.look").joinpath("look.css").read_text(encoding="utf-8")
