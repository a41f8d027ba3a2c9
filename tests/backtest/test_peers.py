"""Other people's detectors beside ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.backtest.peers import PEERS, Fitted, peers
from daemon.core.types import Pattern
from daemon.errors import UnavailableError


def pattern(**counts: int) -> Pattern:
    lines = tuple(sorted((name.replace("_", " "), count) for name, count in counts.items()))
    return Pattern(repr(lines), "s", lines)


class Distance:
    """A learner that takes the distance to the mean for strangeness."""

    def fit(self, rows: NDArray[np.float64]) -> Distance:
        self._mean = rows.mean(axis=0)
        return self

    def score_samples(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(-np.linalg.norm(rows - self._mean, axis=1))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for without their packages, the peers say which one is missing and how to get it."""

    def refuse(name: str, *_: Any) -> Any:
        raise ImportError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("daemon.backtest.peers.import_module", refuse)
    with pytest.raises(UnavailableError, match=r"the peers need sklearn\.ensemble: pip install 'strayline\[peers\]'"):
        peers()


def test_a_fitted_learner_scores_what_it_has_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner scores nothing before it has a session, and an odd session above a usual one after its fit."""
    monkeypatch.setattr("daemon.backtest.peers.SETTLED", 100)
    fitted = Fitted(Distance)
    usual = [pattern(a=1 + n % 3, b=1 + n % 2) for n in range(6)]
    assert 0.0 == fitted.score(usual[0])
    for n in range(100):
        fitted.add(usual[n % 6])
    greatest = max(map(fitted.score, usual))
    assert fitted.score(pattern(a=30)) > greatest
    assert fitted.score(pattern(a=1, b=1, new=9)) > greatest


def test_a_short_warm_up_is_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for a score before there are enough sessions, a learner is fitted on those there are."""
    monkeypatch.setattr("daemon.backtest.peers.SETTLED", 100)
    fitted = Fitted(Distance)
    for n in range(10):
        fitted.add(pattern(a=1 + n % 3))

    assert fitted.score(pattern(a=30)) > fitted.score(pattern(a=2)) > 0


def test_the_peers_run_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each peer scores every live session, and new templates are the rarest to Drain3."""
    for module in ("sklearn.ensemble", "drain3.drain"):
        pytest.importorskip(module, reason=f"{module.partition('.')[0]} is not installed (the peers extra)")
    monkeypatch.setattr("daemon.backtest.peers.SETTLED", 50)
    beside = peers()
    for n in range(60):
        assert () == beside.judge(pattern(user_logged_in=1 + n % 2), live=False, learn=True)
    known = beside.judge(pattern(user_logged_in=1), live=True, learn=False)
    new = beside.judge(pattern(disk_is_full_and_gone=1), live=True, learn=False)
    place = PEERS.index("Drain3 rarest")
    assert len(PEERS) == len(known)
    assert new[place][0] > known[place][0]
