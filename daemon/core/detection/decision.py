"""Whether a live session is an alert, by its p-value and the credit of the budget (see `calibration.budget`)."""

from __future__ import annotations

import math
from dataclasses import replace

from daemon.core.calibration import Ring, bar, earn, refund
from daemon.core.types import Judgement, LabelVerdict, Phase


def decide(judgement: Judgement, ring: Ring | None, share: float) -> Judgement:
    """Return the judgement of a live session, decided: its p-value is at most `share` exactly when it is anomalous."""
    p_value = judgement.p_value
    if p_value is None:
        return judgement
    anomalous, decided = _decide(p_value, ring, share, judgement.label)
    if not anomalous and decided == p_value:
        return judgement
    return replace(judgement, anomalous=anomalous, p_value=decided)


def _decide(p_value: float, ring: Ring | None, share: float, label: LabelVerdict | None) -> tuple[bool, float]:
    if share >= 1.0:
        return True, p_value
    if label is LabelVerdict.NORMAL:
        return False, p_value
    if label is LabelVerdict.ANOMALOUS:
        return True, min(p_value, share)
    if p_value <= bar(share, earn(ring.credit if ring is not None else None, share)):
        return True, min(p_value, share)
    return False, max(p_value, math.nextafter(share, 2.0))


def is_charged(judgement: Judgement) -> bool:
    """Return whether the budget pays for this judgement: an alert that no label asked for."""
    return judgement.anomalous and judgement.label is None


def credit_after(judgement: Judgement, ring: Ring, share: float) -> float | None:
    """Return the credit that one more judgement leaves."""
    if judgement.phase is not Phase.LIVE or not 0.0 < share < 1.0 or judgement.label is not None:
        return ring.credit
    return earn(ring.credit, share) - is_charged(judgement)


def take_charge_back(ring: Ring | None, share: float) -> None:
    """Undo the charge for the latest session of `ring`, if it was charged."""
    if ring is not None and ring.credit is not None:
        ring.take_back(refund(ring.credit, share))
