"""Which lines count when a partition is read again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.positions import Positions, position_of
from daemon.core.stream.checkpoint import Checkpoint
from daemon.core.stream.replay import Replay


def positions(*pairs: tuple[int, int]) -> Positions:
    return np.array(sorted(position_of(o, i) for o, i in pairs), dtype=np.int64)


PLACES = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=20)


@given(PLACES, PLACES)
def test_replay_keeps_what_a_set_would(unsettled: set[tuple[int, int]], read: set[tuple[int, int]]) -> None:
    """Below `next` a line is kept if it is unsettled, or if its record is and none of that record's lines returns."""
    until = 8
    unsettled = {place for place in unsettled if place[0] < until}
    replay = Replay(Checkpoint(until, unsettled=positions(*unsettled)))
    offsets = {offset for offset, _ in unsettled}
    same = {offset for offset, _ in unsettled & read}

    kept = [p[0] >= until or p in unsettled or (p[0] in offsets and p[0] not in same) for p in sorted(read)]

    assert kept == replay.keep(positions(*read)).tolist()
    assert len(offsets) - len(offsets & {offset for offset, _ in read}) == replay.missing


def test_replay_takes_only_what_was_unsettled_below_next_and_all_after() -> None:
    """Reading again from `low` yields each unsettled line once and everything new."""
    replay = Replay(Checkpoint(10, unsettled=positions((4, 0), (7, 2))))
    read = positions((4, 0), (5, 0), (7, 1), (7, 2), (7, 3), (10, 0), (11, 0))
    assert positions((4, 0), (7, 2), (10, 0), (11, 0)).tolist() == read[replay.keep(read)].tolist()
    assert 0 == replay.missing
    assert [True, False, True, True] == [replay.wants(o) for o in (4, 5, 7, 12)]


def test_replay_takes_a_record_whole_when_it_now_splits_otherwise() -> None:
    """An unsettled record whose lines have other positions under a new format is judged whole, never dropped."""
    replay = Replay(Checkpoint(10, unsettled=positions((7, 2))))
    assert [True] == replay.keep(positions((7, 0))).tolist()


def test_replay_gives_up_on_what_can_never_be_read() -> None:
    """Records below the log's start are counted once, and not awaited any more; one that is refused now came back."""
    replay = Replay(Checkpoint(10, unsettled=positions((2, 0), (4, 0), (7, 1), (7, 2))))
    assert 2 == replay.drop_below(5)
    replay.rejected(7)
    assert 0 == replay.missing


def test_replay_counts_what_retention_deleted() -> None:
    """Unsettled records that never come back are counted as missing."""
    replay = Replay(Checkpoint(10, unsettled=positions((4, 0), (5, 0), (7, 2))))
    replay.keep(positions((7, 1), (7, 2)))
    assert 2 == replay.missing


def test_a_refusal_counts_for_all_records_it_stands_for() -> None:
    """It is taken if one of them is unsettled or not yet read, and none of them is missing then."""
    replay = Replay(Checkpoint(10, unsettled=positions((4, 0), (5, 0), (7, 2))))
    assert [False, True, False, True] == [replay.refused(*ends) for ends in ((0, 3), (2, 5), (8, 9), (9, 12))]
    assert 1 == replay.missing
    assert replay.refused(6, 11)
    assert 0 == replay.missing
