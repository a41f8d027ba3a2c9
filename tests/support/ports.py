"""A free port of this machine for a server under test."""

from __future__ import annotations

from daemon.adapters.web import PortSettings

MOST = 64
"""Connections that may be open."""


def free_port(section: str = "http", *, number: int = 0, most: int = MOST) -> PortSettings:
    """Return where a server of `section` listens: on a free port, or on `number`, for `most` connections."""
    return PortSettings(section, "127.0.0.1", number, most)
