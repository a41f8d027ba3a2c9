"""The two boards by the name of their file; `python -m deploy.generate` writes them as JSON beside this one."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import anomalies, daemon

BOARDS: Mapping[str, Dashboard] = {"anomalies": anomalies.BOARD, "daemon": daemon.BOARD}


def board_json(board: Dashboard) -> str:
    """Return a board as Grafana imports it."""
    return JSONEncoder(indent=1).encode(board) + "\n"
