"""Baselines as a whole: out of a backtest's folder or a topic, into a file, into another topic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.adapters.files import write_lines
from daemon.backtest import BacktestOptions
from daemon.cli.baseline_file import BaselineFile, load
from daemon.cli.import_places import place_of_import
from daemon.cli.stored_baseline import StoredBaseline, describe, hold, labelled, put, read_topic, shift_of
from daemon.core.detection.detector import DetectorSettings
from daemon.core.detection.export import Import, take_export, write_export
from daemon.core.incidents import write_history
from daemon.core.repartition import place_of_scope
from daemon.core.types import OutRecord
from daemon.errors import DataError, InputError, ModelMismatchError, OutputError
from tests.support.backtests import backtest, sessions
from tests.support.backtests import write as write_log
from tests.support.fake_broker import FakeBroker, FakeCluster

WINDOW = 7 * 86_400_000_000
SETTINGS = DetectorSettings(warm_up=100)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """What a backtest of 150 sessions writes."""
    log = write_log(tmp_path / "shop.jsonl", sessions(150, (120,)))
    await backtest(BacktestOptions([log], out=tmp_path / "out"))
    return tmp_path / "out"


async def imported(
    saved: BaselineFile, how: Import | None = None, place: Callable[[str], int] = lambda _: 0
) -> tuple[StoredBaseline, list[OutRecord]]:
    """File what was saved in topics of the fake broker, and read the baseline back."""
    cluster, sent = FakeCluster({"baseline": 3, "observations": 1}), list[OutRecord]()

    async def publish(records: Sequence[OutRecord]) -> None:
        sent.extend(records)
        for record in records:
            cluster.append(record.role, record.value, key=record.key, partition=record.partition or 0)

    await put(saved, how or Import(WINDOW), publish, None, place=place)
    held = await read_topic(FakeBroker(cluster), "baseline", SETTINGS)
    assert held is not None
    return held, sent


async def test_a_backtest_is_a_warm_start(folder: Path) -> None:
    """What a backtest learned from chosen history is a live scope after an import, with its sessions and patterns."""
    held, sent = await imported(load(folder))
    (scope,) = held.detector.scopes()

    assert ("shop", "live", 150) == (scope.scope, scope.phase, scope.sessions)
    assert {0} == {record.partition for record in sent}
    document = describe(held, None, 2)
    assert "fake:32" == document["model"]
    assert 2 == len(document["scopes"][0]["patterns_by_weight"])  # type: ignore[index]  # a document


@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz", "b.jsonl.zst"])
async def test_what_is_exported_is_imported(folder: Path, tmp_path: Path, name: str) -> None:
    """An export of an imported baseline is the file that was imported, packed or not."""
    saved = load(folder)
    held, _ = await imported(saved)
    path = tmp_path / name
    taken = take_export(held.detector, held.model, held.dimensions)
    write_lines(path, BaselineFile(taken, saved.history).lines())
    again = load(path)

    assert list(write_export(saved.baseline))[1:-1] == list(write_export(again.baseline))[1:-1]
    assert (1, 4) == (len(saved.history.scopes), saved.history.causes)
    assert list(write_history(saved.history)) == list(write_history(again.history))


async def test_another_model_is_refused(folder: Path) -> None:
    """Nothing is published where the topic's vectors are of another model."""
    saved = load(folder)
    held, _ = await imported(saved)

    async def never(_: Sequence[OutRecord]) -> None:
        raise AssertionError("published")

    with pytest.raises(ModelMismatchError, match="fake:32 and the baseline's topic with other"):
        await put(saved, Import(WINDOW), never, replace(held, model="other"))
    with pytest.raises(DataError, match="holds no patterns"):
        await put(BaselineFile(replace(saved.baseline, patterns={})), Import(WINDOW), never, held)


async def test_labels_of_the_topic_stay(folder: Path) -> None:
    """What is confirmed by an import does not overrule what people said before."""
    saved = load(folder)
    held, _ = await imported(saved, Import(WINDOW, confirmed=True, by="ann"))
    done = await put(saved, Import(WINDOW, confirmed=True, labelled=labelled(held)), _nowhere, held)

    assert (0, len(saved.baseline.patterns)) == (done.labels, done.kept)


async def _nowhere(_: Sequence[OutRecord]) -> None:
    pass


def test_times_move_only_where_they_must() -> None:
    """History inside the window stays where it is; what is older, or from the future, ends now."""
    now = 10 * WINDOW

    assert 0 == shift_of(now - WINDOW // 2, now, WINDOW, "auto")
    assert 3 * WINDOW == shift_of(7 * WINDOW, now, WINDOW, "auto")
    assert -5 == shift_of(now + 5, now, WINDOW, "auto")
    assert 0 == shift_of(7 * WINDOW, now, WINDOW, "keep")
    assert WINDOW // 2 == shift_of(now - WINDOW // 2, now, WINDOW, "now")
    assert 0 == shift_of(0, now, WINDOW, "now")


def test_an_empty_topic_holds_nothing() -> None:
    """Without a vector there is no model, hence no baseline."""
    assert hold([], SETTINGS) is None
    assert {"model": None, "dimensions": None, "scopes": []} == describe(None, None, 1)


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    """A missing file and a folder that is not a backtest's are named."""
    with pytest.raises(InputError, match=r"baseline\.jsonl\.zst"):
        load(tmp_path)
    with pytest.raises(OutputError, match="nowhere"):
        write_lines(tmp_path / "nowhere" / "b.jsonl", [b"x"])


async def test_an_import_goes_to_the_partition_of_its_scope(folder: Path) -> None:
    """Where a replica has its own scopes alone: labels go to partition 0, the rest to where the scope's lines are."""
    held, sent = await imported(load(folder), Import(WINDOW, confirmed=True), lambda _: 2)
    labels = {record.partition for record in sent if b"label" in (record.key or b"")}
    others = {record.partition for record in sent if record.role == "baseline" and b"label" not in (record.key or b"")}

    assert ({0}, {2}) == (labels, others)
    assert frozenset({2}) == held.detector.homes("shop")
    assert 2 == place_of_import("shop", held, 12, 3, repartitioned=False)
    assert place_of_scope("shop", "", 12) % 3 == place_of_import("shop", held, 12, 3, repartitioned=True)
    assert 5 == place_of_import("pay", None, 6, 12, repartitioned=False)
