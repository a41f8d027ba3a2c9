"""Fuzzed records, requests and configuration files, in small; `python -m benchmarks.fuzz` runs as many as wanted."""

from __future__ import annotations

import pytest

from benchmarks import fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_fuzzed_inputs_raise_nothing_and_lose_nothing(seed: int) -> None:
    """Every record is judged or a dead letter, every request and configuration is answered or refused."""
    assert 0 == fuzz.main(["--count", "1000", "--each", "1000", "--seed", str(seed)])


def test_a_lost_record_is_a_failure() -> None:
    """The check that the fuzzer rests on objects to a record that is in no verdict and no dead letter."""
    with pytest.raises(AssertionError, match="a record is lost"):
        fuzz.check_places(1, [])
