"""The arithmetic of positions and the checkpoint."""

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.positions import Positions, position_of, ranges
from daemon.core.stream.checkpoint import CHECKPOINT_VERSION, MAX_UNPACKED, Checkpoint, pack, unpack
from daemon.errors import DataError


def positions(*pairs: tuple[int, int]) -> Positions:
    return np.array(sorted(position_of(o, i) for o, i in pairs), dtype=np.int64)


POSITIONS = st.sets(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=60).map(lambda s: positions(*s))


def test_ranges_reads_like_a_person_writes() -> None:
    """Whole records run by offset, lines of a many-line record by their number from 1."""
    whole = [(o, 0) for o in range(120, 132)]
    assert ["120-131", "140", "141:2-5", "142"] == ranges(
        positions(*whole, (140, 0), (141, 2), (141, 3), (141, 4), (141, 5), (142, 0))
    )
    assert [] == ranges(positions())


@given(POSITIONS)
def test_ranges_lose_nothing(given_positions: Positions) -> None:
    """Expanding the ranges gives every position back, once."""
    back = []
    for text in ranges(given_positions):
        offsets, _, lines = text.partition(":")
        first, _, last = offsets.partition("-")
        for offset in range(int(first), int(last or first) + 1):
            if lines:
                start, _, end = lines.partition("-")
                back += [position_of(offset, i) for i in range(int(start), int(end or start) + 1)]
            else:
                back.append(position_of(offset))
    assert given_positions.tolist() == back


@given(POSITIONS)
def test_pack_gives_back_what_it_was_given(given_positions: Positions) -> None:
    """Packed positions survive the trip."""
    assert given_positions.tolist() == unpack(pack(given_positions)).tolist()


@pytest.mark.parametrize(
    "damaged", [b"", b"no zstd", pack(positions((1, 0)))[:-1], zstandard.compress(bytes(MAX_UNPACKED + 8))]
)
def test_positions_that_cannot_be_unpacked_are_an_error(damaged: bytes) -> None:
    """A damaged checkpoint, or one that unpacks to gigabytes, says so and takes no memory."""
    with pytest.raises(DataError, match="the positions of a checkpoint cannot be read"):
        unpack(damaged)


def test_a_million_interleaved_positions_fit_a_message() -> None:
    """The pin budget's worth of positions, every other one taken at random, packs below Kafka's 1 MB message limit."""
    taken = np.flatnonzero(np.random.default_rng(7).random(2_000_000) < 0.5).astype(np.int64) << 20
    assert len(pack(taken)) < 600_000


@given(POSITIONS, st.integers(41, 50), st.none() | st.integers(0, 10**15))
def test_checkpoint_survives_the_trip(unsettled: Positions, end: int, watermark: int | None) -> None:
    """Decoding an encoded checkpoint gives an equal one, and `low` is the first unsettled offset."""
    before = Checkpoint(end, watermark, unsettled, "abc")
    after = Checkpoint.decode(before.encode())
    assert (end, watermark, unsettled.tolist(), "abc") == (
        after.next,
        after.watermark,
        after.unsettled.tolist(),
        after.config,
    )
    assert min((p >> 20 for p in unsettled.tolist()), default=end) == after.low


def test_checkpoint_of_another_version_is_refused() -> None:
    """A checkpoint this release cannot read is named, not guessed at."""
    value = bytearray(Checkpoint(3).encode())
    value[1] = CHECKPOINT_VERSION + 1
    with pytest.raises(DataError, match="another release"):
        Checkpoint.decode(bytes(value))
