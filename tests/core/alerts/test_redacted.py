"""Two hundred secrets go in as log lines; none comes out in anything that is published or shown."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence

import numpy as np
import orjson
import polars as pl
import pytest
import zstandard
from numpy.typing import NDArray
from rich.console import Console

from daemon.core.alerts import case_of
from daemon.core.formats import FormatSettings, make_format
from daemon.core.incidents import IncidentSettings, IncidentStage, all_names, dump_pieces
from daemon.core.masked_lines import MaskedLines
from daemon.core.masking.masker import Masker
from daemon.core.messages import verdict_record
from daemon.core.messages.dead_letters import dead_letter
from daemon.core.observations import Observer, dump_observations, load_observations
from daemon.core.sessions import Sessionizer, SessionLimits, pattern_of
from daemon.core.types import Batch, ClosedBy, Evidence, Judgement, Neighbour, Phase, Session, Verdict
from daemon.terminal.alert import AlertPrinter
from tests.core.masking.test_redaction import KINDS, secret_of
from tests.support.cases import ABOUT, MINUTE, NOON, SOURCE
from tests.support.news import news_of, publish

LIMITS = SessionLimits(gap_us=30_000_000, max_age_us=5 * MINUTE, max_lines=10_000, max_tokens=10**9, max_pinned=10**9)


def planted() -> list[tuple[str, str]]:
    """Return (secret, line), ten of each kind."""
    return [(secret_of(canary), text) for kind in KINDS for canary, text in KINDS[kind](random.Random(kind))]


def batch_of(values: Sequence[bytes]) -> Batch:
    return Batch(SOURCE, range(len(values)), [NOON // 1000] * len(values), [b"host17"] * len(values), values)


def tokens(lines: Sequence[str]) -> NDArray[np.int32]:
    return np.ones(len(lines), np.int32)


def masked_lines(values: Sequence[bytes], kind: str) -> pl.DataFrame:
    """Return the lines of these records as the sessionizer and the observer get them."""
    parsed: pl.DataFrame = Masker().apply(make_format(FormatSettings(format=kind)).parse(batch_of(values)).lines)
    return parsed


def sessions_of(lines: pl.DataFrame) -> list[Session]:
    """Return the session that these lines make."""
    sessionizer = Sessionizer(LIMITS, tokens)
    return [*sessionizer.push(MaskedLines.of(lines)), *sessionizer.flush(ClosedBy.FLUSH)]


def verdict_of(session: Session) -> Verdict:
    """Return the session as an anomaly whose every line is evidence, beside a near relative of the same lines."""
    pattern = pattern_of(session)
    evidence = [Evidence(line, kind, 5.0, 0.0) for line, _ in pattern.lines for kind in ("new", "missing")]
    near = Neighbour(pattern.id, 0.9, 0.1, NOON, NOON, None, pattern.lines)
    judged = Judgement(7.0, 0.9, 0.001, True, True, Phase.LIVE, seen=1000, nearest=[near], evidence=evidence)
    return Verdict(SOURCE, session, pattern, judged)


def published(verdict: Verdict) -> Iterator[bytes]:
    """Yield all that is said of a verdict: records, headers, the screen."""
    records = [verdict_record(verdict), publish(news_of(verdict, closed=False)).record]
    records += [publish(news_of(verdict, event=event)).record for event in ("opened", "resolved")]
    screen = io.StringIO()
    printer = AlertPrinter(Console(file=screen, width=4000, color_system=None))
    for record in records:
        yield record.value or b""
        yield b"".join(value for _, value in record.headers)
        if record.role == "alerts":
            printer.print(orjson.loads(record.value or b""))
    yield screen.getvalue().encode()


def observed(lines: pl.DataFrame, verdicts: Sequence[Verdict]) -> Iterator[bytes]:
    """Yield what is observed of lines and sessions, unpacked, and the state of the stage that was told of it."""
    observer, stage = Observer(SOURCE), IncidentStage(IncidentSettings(warm_up=0))
    observer.lines(MaskedLines.of(lines.with_columns(read="position")))
    for verdict in verdicts:
        observer.case(case_of(verdict, ABOUT))
    record = dump_observations(observer.take(NOON))
    yield zstandard.ZstdDecompressor().decompress(record, max_output_size=1 << 26)
    stage.take(load_observations(record))
    pieces = dump_pieces(stage, all_names(stage))
    yield from pieces
    yield from (value for value in pieces.values() if value is not None)


@pytest.mark.parametrize("kind", ["raw", "json"])
def test_no_secret_is_published_or_shown(kind: str) -> None:
    """Alerts, verdicts, observations, headers, the incidents' state and the terminal hold none of 200 secrets."""
    secrets = planted()
    values = [text.encode() if kind == "raw" else orjson.dumps({"message": text}) for _, text in secrets]
    lines = masked_lines(values, kind)
    verdicts = [verdict_of(session) for session in sessions_of(lines)]
    said = [blob for verdict in verdicts for blob in published(verdict)]
    seen = list(observed(lines, verdicts))

    assert 200 == len(secrets)
    assert all(any(b"<SECRET>" in blob for blob in blobs) for blobs in (said, seen))
    assert [] == [secret for secret, _ in secrets if any(secret.encode() in blob for blob in [*said, *seen])]


def test_no_secret_is_in_the_headers_of_a_dead_letter() -> None:
    """A record that cannot be read is passed on untouched, and its headers say why without repeating it."""
    batch = batch_of([b'{"message": [' + text.encode() for _, text in planted()])
    rejects = make_format(FormatSettings(format="json")).parse(batch).rejects
    headers = b"".join(value for reject in rejects for _, value in dead_letter(batch, reject, name="strayline").headers)

    assert 200 == len(rejects)
    assert [] == [secret for secret, _ in planted() if secret.encode() in headers]
