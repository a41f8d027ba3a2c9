"""`strayline test`: cases run through the daemon's chain, and every difference is said with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.config_tests import ConfigCase, load_cases

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "tests.yaml"


def cases(tmp_path: Path, *found: object, config: object = None) -> str:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"config": {} if config is None else config, "cases": found}))
    return str(path)


def line(second: int, message: str) -> dict[str, object]:
    return {"time": 1_780_000_000 + second, "key": "a", "message": message}


def test_the_example_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """The documented file's cases all pass, without an engine."""
    assert 0 == main(["test", str(EXAMPLE)])
    assert "4 passed in " in capsys.readouterr().out


def test_a_difference_fails_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is not as expected is named: what was expected, what came, of which case; exit code 1."""
    expect = {
        "sessions": 2,
        "dead_letters": 1,
        "masked": ["took <NUM> rows", "more"],
        "patterns": ["1 x x"],
        "verdicts": [{"key": "b", "lines": 1, "closed_by": "flush"}],
    }
    path = cases(tmp_path, {"name": "all wrong", "lines": [line(0, "took 5 ms")], "expect": expect})

    assert 1 == main(["test", path])
    out = capsys.readouterr().out
    for words in (
        "failed  all wrong",
        "sessions: expected 2, got 1",
        "dead_letters: expected 1, got 0",
        "number of masked: expected 2, got 1",
        "masked.0: expected 'took <NUM> rows', got 'took <NUM>'",
        "masked.1: expected 'more', got None",
        "patterns.0: expected '1 x x', got '1 x took <NUM>'",
        "verdicts.0.key: expected 'b', got 'a'",
        "0 passed, 1 failed in ",
    ):
        assert words in out
    assert "closed_by" not in out


def test_reasons_of_dead_letters_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Dead letters can be expected by their reasons."""
    wrong = {"name": "reasons", "lines": ["[]", ""], "expect": {"dead_letters": ["not_json", "empty"]}}

    assert 1 == main(["test", cases(tmp_path, wrong)])
    assert "dead_letters.0: expected 'not_json', got 'not_an_object'" in capsys.readouterr().out


def test_what_only_an_engine_can_tell_is_skipped_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A case that expects something anomalous is skipped with the reason, the others run; nothing has failed."""
    asks = {"name": "odd", "lines": [line(0, "panic")], "expect": {"verdicts": [{"anomalous": True}]}}
    plain = {"name": "plain", "lines": [line(0, "panic")], "expect": {"sessions": 1}}
    nobody = {"engine": {"type": "openai", "model": "m", "url": "http://127.0.0.1:1/v1", "timeout": "100ms"}}

    assert 0 == main(["test", "--json", "--no-engine", cases(tmp_path, asks, plain, config=nobody)])
    document = json.loads(capsys.readouterr().out)
    assert (1, 0, 1) == (document["passed"], document["failed"], document["skipped"])
    assert ["no engine, by --no-engine"] == document["cases"][0]["why"]


def test_configuration_comes_from_beside_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path is relative to the test file; mistakes in a configuration inside it are named with the file."""
    (tmp_path / "my.yaml").write_text("sessions: {gap: 1s}")
    two = {"name": "two", "lines": [line(0, "a"), line(5, "b")], "expect": {"sessions": 2}}

    assert 0 == main(["test", cases(tmp_path, two, config="my.yaml")])
    assert 78 == main(["test", cases(tmp_path, two, config={"sessions": {"gapp": "1s"}})])
    assert "cases.json: config.sessions.gapp: unknown key; did you mean gap?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        ("cases: []", "cases: List should have at least 1 item", 65),
        ("cases: [{name: x, expect: {sesions: 1}}]", "cases.0 (x).expect.sesions: Extra inputs", 65),
        ("cases: [\n  {", ":2:4: ", 65),
        ("cases: \x00", "special characters are not allowed", 65),
        ("cases: 2020-99-99", "month must be in 1..12", 65),
        ("cases: " + "[" * 3000, "nested too deeply", 65),
        (None, "No such file", 66),
    ],
)
def test_a_bad_file_is_refused_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str, code: int
) -> None:
    """Mistakes in a test file are not failures of the configuration: other exit codes, and the case by name."""
    path = tmp_path / "cases.yaml"
    if text is not None:
        path.write_text(text)

    assert code == main(["test", str(path)])
    assert words in capsys.readouterr().err


def test_teaching_comes_first() -> None:
    """What is taught is one more input, before the lines and none of them."""
    case = ConfigCase.model_validate({"name": "x", "teach": ["a"], "lines": ["b"], "expect": {}})

    assert (["a"], ["b"]) == ([entry.value for entry in case.taught()], [entry.value for entry in case.inputs()])
    assert load_cases(EXAMPLE).config is not None
