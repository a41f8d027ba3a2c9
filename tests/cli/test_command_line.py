"""The command line as people expect it: examples, suggestions, completion, and answers at once."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from daemon.cli import main
from daemon.cli.entry import make_parser
from daemon.cli.examples import EXAMPLES


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of all verbs."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for action in inner:
        for verb in action.choices.values():
            yield from leaves(verb)


VERBS = {parser.prog: parser for parser in leaves(make_parser())}


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_ends_with_examples(verb: str) -> None:
    """`--help` of every verb shows commands."""
    assert "examples:\n  " in VERBS[verb].format_help()


@pytest.mark.parametrize("example", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_are_right(example: str) -> None:
    """Every example is a command line that the parser takes."""
    command = re.split(r" > ", example.rsplit("| ", maxsplit=1)[-1])[0]
    program, *arguments = shlex.split(command)
    assert "strayline" == program
    assert callable(make_parser().parse_args(arguments).verb)


def test_no_example_is_of_a_verb_that_is_gone() -> None:
    """Examples and verbs are the same."""
    assert set(VERBS) == set(EXAMPLES)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["tial"], "did you mean tail?"),
        (["topics", "creat"], "did you mean create?"),
        (["backtest", "a.log", "--lables", "x"], "unrecognized arguments: --lables x; did you mean --labels?"),
        (["baseline", "inspect", "--scop=x", "--zzzz"], "unrecognized arguments: --zzzz\n"),
        (["try", "a.log", "--engine", "life"], "did you mean lite?"),
    ],
)
def test_the_nearest_word_is_named(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is not known is answered with the nearest one, where one is near, and exit code 64."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert os.EX_USAGE == stopped.value.code
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_verbs_and_flags(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The script names verbs and their flags, and the shell takes it where it is installed."""
    assert 0 == main(["completion", shell])
    script = capsys.readouterr().out
    for word in ("backtest", "labels", "baseline", "scope-map"):
        assert word in script
    if found := shutil.which(shell):
        assert 0 == subprocess.run([found, "-n"], input=script, text=True, check=False).returncode


def test_bash_completes_a_verb() -> None:
    """What is typed so far becomes the verbs that begin so."""
    script = (
        "source <(python -m daemon.cli completion bash); COMP_WORDS=(strayline ba); COMP_CWORD=1; "
        'COMP_LINE="strayline ba"; COMP_POINT=12; _shtab_strayline; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script.replace("python", shlex.quote(sys.executable))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ["backtest", "baseline"] == sorted(done.stdout.split())


def test_help_waits_for_no_library() -> None:
    """Showing help imports nothing that takes long, so that every verb answers at once."""
    program = """if True:
        import sys
        from daemon.cli.entry import make_parser
        make_parser().format_help()
        slow = ("polars", "numpy", "rich", "aiokafka", "pydantic", "yaml", "aiohttp", "shtab")
        print([name for name in slow if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


@pytest.mark.parametrize("users", [None, "3"])
def test_libraries_compute_on_one_thread(users: str | None) -> None:
    """Libraries of arrays are told to use one thread before they are imported, unless the user told them otherwise."""
    code = (
        "import os, sys; from daemon.cli import main; before = {'numpy', 'polars'} & set(sys.modules);"
        "main(['completion', 'bash']);"
        "print(); print(before, os.environ['POLARS_MAX_THREADS'], os.environ['OPENBLAS_NUM_THREADS'])"
    )
    names = ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    if users is not None:
        environment |= dict.fromkeys(names, users)
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == f"set() {users or 1} {users or 1}"
