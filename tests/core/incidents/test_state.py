"""The state of the stage in pieces."""

from __future__ import annotations

import orjson

from daemon.core.incidents import all_names, dump_pieces, load_stage
from tests.core.incidents.scenes import HOUR, SETTINGS, living, observed, sighting

FAILURE = "ERROR db: connection to the store was refused"


def test_a_state_with_fields_that_are_gone_is_read() -> None:
    """An incident that was written with fields that no longer exist is the same incident without them."""
    stage = living()
    stage.take(observed([], [sighting(4 * HOUR, FAILURE)]))
    pieces = dump_pieces(stage, all_names(stage))
    (key,) = [key for key in pieces if orjson.loads(key)[0] == "i"]
    old = orjson.loads(pieces[key] or b"") | {"session_ids": ["v-1"], "unsaid": 2}

    assert stage.incidents == load_stage(SETTINGS, pieces | {key: orjson.dumps(old)}).incidents
