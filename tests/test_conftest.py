"""The suite says what it could not run, and in CI it does not let that pass."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LACKING = """
from tests import conftest

def test_one():
    conftest.lacking("no such thing here")

def test_two():
    conftest.lacking("no such thing here")

def test_three():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of two tests that lack something, under this project's conftest."""
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent))
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\nmarkers =\n  kafka: x\n  engine: x\n  gpu: x"
    )
    pytester.makeconftest("from tests.conftest import *")
    pytester.makepyfile(LACKING)
    return pytester


def test_reasons_are_told(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that lacks something is skipped, and the summary groups such tests by what they lack."""
    monkeypatch.delenv("CI", raising=False)
    result = suite.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(
        ["*what this machine could not run*", "no such thing here", "    2 in test_reasons_are_told.py"]
    )


def test_ci_does_not_skip(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI=true, what is lacking is a failure."""
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*CI must have it: no such thing here*"])
