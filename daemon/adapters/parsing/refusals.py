"""Why a file is not read."""

from __future__ import annotations


class RefusedFileError(Exception):
    """The file is refused; the message says why."""
