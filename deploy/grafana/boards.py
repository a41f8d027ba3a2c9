"""The boards by the name of their file; `python -m deploy.generate` writes them as JSON beside this one."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import anomalies, daemon, people

BOARDS: Mapping[str, Dashboard] = {"anomalies": anomalies.BOARD, "daemon": daemon.BOARD, "people": people.BOARD}
OF_THE_DAEMON = ("anomalies", "daemon")
"""The boards whose metrics `strayline run` serves; the others show processes of their own."""
MAY_BE_EMPTY: Mapping[str, str] = {**daemon.MAY_BE_EMPTY, **people.MAY_BE_EMPTY}
"""Panels that show nothing while all is well under load, and why."""


def board_json(board: Dashboard) -> str:
    """Return a board as Grafana imports it."""
    return JSONEncoder(indent=1).encode(board) + "\n"
