"""200 files that are damaged, encrypted, huge, empty or mislabelled: none half indexed, none ends the process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from daemon.adapters.document_store import SqliteDocuments
from daemon.adapters.engines import EngineSettings, make_engine
from daemon.adapters.parsing import FileLimits, ParserProcess, ReadFile
from daemon.core.documents import WordedText, blocks_of, split_clauses
from daemon.documents import Library
from tests.support.damaged_files import HUGE, write_damaged
from tests.support.documents import as_text

FILES = 200


def test_of_200_bad_files_none_is_half_indexed(tmp_path: Path) -> None:
    """Each is read whole, empty, or refused with a reason, and a base holds only what was read whole."""
    (tmp_path / "good.txt").write_text(as_text())
    with ParserProcess(FileLimits(size=HUGE)) as parser:
        files = [parser.read(path) for path in [*write_damaged(tmp_path / "bad", 15, FILES), tmp_path / "good.txt"]]

    said = Counter(file.status for file in files)
    assert said["refused"] > FILES // 2
    assert FILES + 1 == said["refused"] + said["empty"] + said["read"]
    assert [] == [file.path for file in files if file.status != "read" and (not file.reason or file.blocks)]
    whole = len(WordedText.of(split_clauses(blocks_of(as_text()))).words)
    assert [] == [(Path(file.path).name, found) for file in files if (found := _words(file)) not in (0, whole)]

    store = SqliteDocuments(tmp_path / "store")
    asyncio.run(_add(store, files))
    documents = store.documents("bad")
    model = str(store.model("bad"))
    vectors = store.nearest_clauses("bad", model, store.vectors("bad", model)[1][0], 1_000_000)
    store.close()
    assert sum(len(document.clauses) for document in documents) == len(vectors) > 0


def _words(file: ReadFile) -> int:
    return len(WordedText.of(split_clauses(file.blocks)).words)


async def _add(store: SqliteDocuments, files: Sequence[ReadFile]) -> None:
    engine = make_engine(EngineSettings(type="lite", model="wordllama"))
    await engine.start()
    library = Library(store, engine)
    for file in files:
        if file.status == "read":
            await library.add("bad", Path(file.path).name, file.format, file.blocks)
    await engine.close()
