"""Baselines as files: nothing is lost on the way, and what is put back judges as what was taken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from daemon.core.detection import changelog_codec
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.detection.export import Export, Import, export_updates, read_export, take_export, write_export
from daemon.core.types import TopicPartition
from daemon.errors import DataError
from tests.support.traffic import DIMENSIONS, HOUR, SOURCE, pattern, vector

WINDOW = 28 * HOUR
SETTINGS = DetectorSettings(warm_up=100, window_us=WINDOW)
OTHER = TopicPartition("logs", 1)
DAY = 24 * HOUR
USUAL = [pattern("open", "close"), pattern("open", "read", "close"), pattern("open", "read", "read", "close")]


def make() -> Detector:
    return Detector(SETTINGS, "model:16", DIMENSIONS)


def taught(sessions: int = 400) -> Detector:
    """A detector that has seen so many sessions of two partitions, one of them labelled."""
    detector = make()
    for number in range(sessions):
        one = USUAL[number % 3 if number % 7 else 0]
        detector.judge(one, vector(one), end=DAY + number * HOUR // 40, source=(SOURCE, OTHER)[number % 2])
    detector.label("shop", USUAL[2].id, "anomalous", source=SOURCE, at=DAY, by="ann", note="known fault")
    return detector


def lines(detector: Detector) -> list[bytes]:
    return list(write_export(take_export(detector, "model:16", DIMENSIONS)))


def filled(export: Export, how: Import | None = None) -> Detector:
    detector = make()
    detector.apply(list(export_updates(export, how or Import(WINDOW))))
    return detector


def shares(detector: Detector, scope: str = "shop") -> list[tuple[float, int, int, int]]:
    return [(one.weight, one.first, one.last, len(one.lines)) for one in detector.patterns(scope)]


def test_what_is_put_back_is_what_was_taken() -> None:
    """Patterns, their weights over all partitions, times, labels and notes survive a file."""
    before = taught()
    after = filled(read_export(lines(before), "file"))

    assert shares(before) == shares(after)
    assert before.labels("shop").keys() == after.labels("shop").keys()
    label = after.labels("shop")[USUAL[2].id]
    assert ("anomalous", DAY, "ann", "known fault") == (label.verdict, label.at, label.by, label.note)
    assert lines(before)[1:4] == lines(after)[1:4]


def test_an_imported_scope_is_live_and_judges_at_once() -> None:
    """The first strange session after an import is anomalous, the first usual one is not: recent scores came along."""
    detector = filled(read_export(lines(taught()), "file"))
    strange = pattern("open", "ERROR the disk is gone", "panic")
    usual = detector.judge(USUAL[0], vector(USUAL[0]), end=DAY + 11 * HOUR, source=OTHER)
    odd = detector.judge(strange, vector(strange), end=DAY + 11 * HOUR, source=OTHER)

    assert ("live", False, True) == (usual.phase, usual.anomalous, odd.anomalous)


def test_importing_twice_is_importing_once() -> None:
    """Records are absolute and filed under a partition of their own."""
    export = read_export(lines(taught()), "file")
    detector = filled(export)
    once = shares(detector), detector.scopes()
    detector.apply(list(export_updates(export, Import(WINDOW))))

    assert once == (shares(detector), detector.scopes())


def test_an_import_adds_to_what_is_counted() -> None:
    """Sessions that a partition of the input has counted stay, whatever is imported."""
    detector = taught(40)
    detector.apply(list(export_updates(read_export(lines(taught(40)), "file"), Import(WINDOW))))

    assert [80] == [scope.sessions for scope in detector.scopes()]


def test_times_can_be_moved() -> None:
    """History from long before the window counts once its newest session is moved to now, and lasts a window."""
    export = read_export(lines(taught()), "file")
    later = 1_000 * DAY
    moved = filled(export, Import(WINDOW, shift_us=later - export.newest))
    patterns = moved.patterns("shop")

    assert later == max(one.last for one in patterns)
    assert 1.0 == pytest.approx(sum(one.weight for one in patterns))
    usual = moved.judge(USUAL[0], vector(USUAL[0]), end=later + HOUR, source=SOURCE)
    assert 400 == usual.seen


def test_a_scope_can_be_filed_under_another_name() -> None:
    """Patterns get the fingerprints of their new scope, so that live sessions meet them; scopes can be joined."""
    detector = taught(90)
    other = pattern("open", "close", scope="web")
    for number in range(30):
        detector.judge(other, vector(other), end=DAY + number * HOUR // 40, source=SOURCE)
    joined = filled(read_export(lines(detector), "file", {"shop": "all", "web": "all"}))

    assert [("all", 120)] == [(scope.scope, scope.sessions) for scope in joined.scopes()]
    assert pattern("open", "close", scope="all").id in {one.pattern for one in joined.patterns("all")}
    assert joined.vector(pattern("open", "read", "close", scope="all")) is not None


def test_confirmed_patterns_are_labelled_unless_people_said_otherwise() -> None:
    """Labels of the file come along, labels of the target stay, everything else becomes confirmed normal."""
    how = Import(WINDOW, confirmed=True, by="ann", at=5, labelled={("shop", USUAL[1].id)})
    found = filled(read_export(lines(taught()), "file"), how).labels("shop")

    assert {USUAL[0].id: ("normal", "ann", 5), USUAL[2].id: ("anomalous", "ann", DAY)} == {
        name: (label.verdict, label.by, label.at) for name, label in found.items()
    }


def test_only_some_scopes_can_be_taken() -> None:
    """An export of one scope holds nothing of the others."""
    detector = taught(20)
    other = pattern("open", "close", scope="web")
    detector.judge(other, vector(other), end=DAY, source=SOURCE)

    assert ["web"] == take_export(detector, "model:16", DIMENSIONS, ["web"]).scopes


def test_a_smaller_import_leaves_nothing_of_an_earlier_ones_scores() -> None:
    """Chunks of recent scores that the file does not fill are emptied."""
    detector = filled(read_export(lines(taught(400)), "file"))
    smaller = list(export_updates(read_export(lines(taught(150)), "file"), Import(WINDOW)))
    detector.apply(smaller)
    rings = [update for update in detector.dump() if changelog_codec.parse_key(update.key)[0] == "ring"]

    assert sum(1 for one in smaller if changelog_codec.parse_key(one.key)[0] == "ring" and one.value) == len(rings)


def broken(line: bytes, at: int) -> Sequence[bytes]:
    return [*lines(taught(20))[:at], line, *lines(taught(20))[at + 1 :]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([b""], "not a baseline"),
        ([b'{"kind": "other"}'], "not a baseline"),
        ([b'{"kind": "strayline baseline", "version": 9}'], "version 9"),
        (broken(b"{", 2), "file:3: "),
        (broken(b"[]", 1), "file:2: "),
        (broken(b'{"scope": "shop", "pattern": "x", "lines": [], "vector": "AAA="}', 1), "a vector of 1 numbers"),
        (broken(lines(taught(20))[2].replace(b"open", b"opus"), 2), "not the fingerprint"),
        (lines(taught(20))[:2], "ends after 1 of 3 patterns"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_place(content: Sequence[bytes], words: str) -> None:
    """What is broken, cut off or of another version says so, with the line where there is one."""
    with pytest.raises(DataError, match="file") as caught:
        read_export(content, "file")

    assert words in str(caught.value)
