"""Headers of CloudEvents."""

from __future__ import annotations

from daemon.core.messages.cloudevents import attribute_value


def test_percent_signs_are_encoded_so_that_subjects_stay_different() -> None:
    """Two different keys never become one subject."""
    assert [b"a%0Ab", b"a%250Ab"] == [attribute_value("a\nb"), attribute_value("a%0Ab")]
