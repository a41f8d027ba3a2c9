"""`strayline model pull`, as typed: a model's files in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli import main


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model as the hub's cache holds it: links to files elsewhere."""
    (tmp_path / "blob").write_text('{"hidden_size": 4}')
    folder = tmp_path / "cached"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").symlink_to(tmp_path / "blob")
    (folder / "1_Pooling" / "config.json").symlink_to(tmp_path / "blob")
    return folder


def test_what_is_carried_away_is_files(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Links are followed, folders kept, and the line to configure is printed."""
    target = tmp_path / "usb" / "model"

    assert 0 == main(["model", "pull", "--model", str(model), str(target)])
    assert f"engine.model: {target}" in capsys.readouterr().out
    assert not (target / "config.json").is_symlink()
    assert (target / "1_Pooling" / "config.json").read_text() == (model / "config.json").read_text()


def test_nothing_is_overwritten(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that holds anything is refused, and so is a model that is not there."""
    assert 78 == main(["model", "pull", "--model", str(model), str(tmp_path)])
    assert "is not empty" in capsys.readouterr().err
    assert 78 == main(["model", "pull", "--model", "./nowhere", str(tmp_path / "new")])
    assert not (tmp_path / "new").exists()
