"""`strayline documents`, as typed in a terminal, with the lite engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from tests.support.documents import CLAUSES, as_text, write_all, write_docx, write_pdf


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what runs `strayline documents ...` in a folder: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("engine: {type: lite}\n")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["documents", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_changed_contract_is_odd(typed: Any, tmp_path: Path) -> None:
    """The changed word is shown in its clause; the contract itself in another format is nothing odd."""
    Path("standard.txt").write_text(as_text())
    Path("signed.txt").write_text(as_text().replace("30 days", "90 days"))
    assert 0 == typed("add", "standard.txt")[0]

    code, out, _ = typed("check", "signed.txt")
    assert 1 == code
    assert "signed.txt: odd" in out
    assert "within [-30-] days" in out
    assert "within {+90+} days" in out
    assert 0 == typed("check", str(write_pdf(tmp_path / "same.pdf")))[0]
    code, out, _ = typed("check", "signed.txt", "--json")
    (found,) = json.loads(out)["files"]
    assert (1, "odd", ["number"]) == (code, found["opinions"][0]["says"], found["departures"][0]["words"])


def test_every_file_says_what_became_of_it(typed: Any, tmp_path: Path) -> None:
    """Five formats of one text are one document; damaged and empty files are told, and exit with 65."""
    write_all(tmp_path / "in")
    (tmp_path / "in" / "z.pdf").write_text("no pdf")
    (tmp_path / "in" / "empty.txt").write_text("")

    code, out, _ = typed("add", "in")
    lines = out.splitlines()
    assert (65, 7) == (code, len(lines))
    assert 4 == sum("already there as a.docx" in line for line in lines)
    assert "in/z.pdf: refused, because it is named .pdf but is not one" in lines
    assert "in/empty.txt: empty, the file holds nothing" in lines
    assert 65 == typed("check", "in/z.pdf")[0]
    listed = json.loads(typed("list", "--json")[1])
    assert ["a.docx"] == [document["name"] for document in listed["documents"]]


def test_bases_are_apart_and_removing_is_by_name_or_id(typed: Any) -> None:
    """What is removed is gone from its base alone; a name that nothing has is an error."""
    Path("a.txt").write_text(as_text())
    Path("b.txt").write_text(as_text(CLAUSES[:3], "Other terms"))
    for base in ("one", "two"):
        assert 0 == typed("add", "a.txt", "b.txt", "--base", base)[0]
    listed = json.loads(typed("list", "--base", "one", "--json")[1])["documents"]

    assert 0 == typed("remove", "a.txt", listed[1]["id"][:6], "--base", "one")[0]
    assert {"two": 2} == json.loads(typed("list", "--base", "one", "--json")[1])["bases"]
    code, _, err = typed("remove", "nothing.txt", "--base", "two")
    assert (66, "strayline: nothing.txt: is not one of the documents of base two\n") == (code, err)


def test_search_is_by_meaning(typed: Any) -> None:
    """The clause about money comes first; an empty base finds nothing and checks as odd."""
    Path("a.txt").write_text(as_text())
    assert (0, "") == typed("search", "money")[:2]
    code, out, _ = typed("check", "a.txt")
    assert 1 == code
    assert "holds no documents" in out
    typed("add", "a.txt")

    out = typed("search", "when must the invoice be paid", "--limit", "1")[1]
    assert "The Customer must pay each invoice" in out


def test_a_new_model_embeds_a_base_anew(typed: Any) -> None:
    """With other dimensions the vectors are made again, and that is said."""
    Path("a.txt").write_text(as_text())
    typed("add", "a.txt")
    models = json.loads(typed("list", "--json")[1])["models"]
    Path("config.yaml").write_text("engine: {type: lite, dimensions: 64}\n")

    code, _, err = typed("check", "a.txt")
    assert (0, True) == (code, "embedded 1 documents again with wordllama-l2-supercat:64" in err)
    later = json.loads(typed("list", "--json")[1])["models"]
    assert ({"wordllama-l2-supercat:256": 1}, {"wordllama-l2-supercat:64": 1}) == (models, later)


def test_a_large_base_gives_a_p_value(typed: Any, tmp_path: Path) -> None:
    """With 24 contracts that differ in a word, such a word is usual, and second opinions have figures of their own."""
    for number in range(24):
        text = as_text().replace("interruption", ("interruption", "delay", "failure")[number % 3])
        Path(f"in{number}.txt").write_text(text.replace("three months", f"three months of {1990 + number}"))
    typed("add", *(f"in{number}.txt" for number in range(24)))
    write_docx(tmp_path / "signed.docx", (*CLAUSES[:3], "Liability is unlimited.", CLAUSES[4]))

    code, out, _ = typed("check", "signed.docx", "--json")
    said = {opinion["method"]: opinion for opinion in json.loads(out)["files"][0]["opinions"]}
    assert (1, "odd") == (code, said["p"]["says"])
    assert {"clauses", "cosine", "p", "isolation forest", "one-class SVM"} == set(said)
    usual = as_text().replace("interruption", "failure").replace("three months", "three months of 2020")
    Path("usual.txt").write_text(usual)
    assert 0 == typed("check", "usual.txt")[0]
