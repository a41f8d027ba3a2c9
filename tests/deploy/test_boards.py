"""The boards: what every panel says of itself, and what people's links and alert rules rely on."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.board import panels_of
from deploy.grafana.boards import BOARDS, MAY_BE_EMPTY, board_json

boards = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())


def _panels(board: Dashboard) -> list[dict[str, Any]]:
    """Return the panels of a board as Grafana reads them, rows included."""
    panels: list[dict[str, Any]] = json.loads(board_json(board))["panels"]
    return panels


def test_a_board_keeps_its_address() -> None:
    """The UIDs are the ones that links and the chart use."""
    expected = {"anomalies": "strayline-anomalies", "daemon": "strayline-daemon", "people": "strayline-people"}
    assert expected == {name: board.uid for name, board in BOARDS.items()}


@boards
def test_every_panel_explains_itself(board: Dashboard) -> None:
    """Every panel has a description that is a sentence, a unit and words for when it is empty."""
    for panel in panels_of(board):
        assert panel.field_config is not None
        defaults = panel.field_config.defaults
        assert panel.description is not None
        assert panel.description.endswith(".")
        assert defaults.unit
        assert defaults.no_value


@boards
def test_a_panel_is_found_by_its_title_or_its_number(board: Dashboard) -> None:
    """Titles and numbers are unique on a board, and so are the names of a panel's queries."""
    titles = [panel.title for panel in panels_of(board)]
    assert sorted(set(titles), key=str) == sorted(titles, key=str)
    assert list(range(1, len(_panels(board)) + 1)) == [panel["id"] for panel in _panels(board)]
    for panel in _panels(board):
        names = [target["refId"] for target in panel.get("targets", [])]
        assert sorted(set(names)) == names


@boards
def test_no_panel_lies_on_another(board: Dashboard) -> None:
    """Panels share no cell of the grid and stay within its 24 columns."""
    places = [panel["gridPos"] for panel in _panels(board)]
    assert [] == [place for place in places if place["x"] + place["w"] > 24]
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


@boards
def test_thresholds_ascend_from_a_base(board: Dashboard) -> None:
    """The first threshold has no value, and those after it ascend."""
    for panel in _panels(board):
        if panel["type"] == "row":
            continue
        base, *steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert base is None
        assert sorted(steps) == steps


def test_a_panel_that_may_be_empty_is_on_a_board() -> None:
    """A reason to be empty belongs to a panel."""
    assert set() == set(MAY_BE_EMPTY) - {panel.title for board in BOARDS.values() for panel in panels_of(board)}
