"""`detector.baselines: served` in the configuration."""

from __future__ import annotations

import pytest

from daemon.config import parse_config
from daemon.core.types import TopicPartition
from daemon.errors import ConfigError
from daemon.wiring import make_terms

SERVED = "detector: {baselines: served}\n"


def test_repartitioning_by_key_is_refused() -> None:
    """It would put lines of a scope into all partitions."""
    with pytest.raises(ConfigError, match=r"input\.repartition_by: scope"):
        parse_config(f"{SERVED}input: {{repartition: true}}", {})
    parse_config(f"{SERVED}input: {{repartition: true, repartition_by: scope}}", {})


def test_it_does_not_change_what_verdicts_are() -> None:
    """So the fingerprint of the configuration stays, and with it what alerts name."""
    assert parse_config("", {}).fingerprint() == parse_config(SERVED, {}).fingerprint()


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("", {"logs": 2, "strayline.repartition": 2, "strayline.feedback": None, "strayline.observations": None}),
        ("input: {repartition: true, repartition_by: scope}", {"logs": None, "strayline.repartition": 2}),
    ],
)
def test_only_what_judges_lines_needs_its_baselines(text: str, needs: dict[str, int | None]) -> None:
    """Partition 5 of such topics needs partition 2 of three; people's words and lines on their way need none."""
    terms = make_terms(parse_config(SERVED + text, {}), 3)
    assert needs == {topic: terms.judged_at(TopicPartition(topic, 5)) for topic in needs}
