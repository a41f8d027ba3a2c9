"""`strayline documents`: a base of standard documents, and texts that are compared with it."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.offline import started_engine
from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say, say_json
from daemon.document_bases import file_limits, make_library, open_store, require_libraries, second_opinions
from daemon.errors import InputError

if TYPE_CHECKING:
    from daemon.adapters.parsing import ReadFile
    from daemon.config import Config
    from daemon.documents import Library, Renewal
    from daemon.ports import DocumentStore

SHOWN = 10


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    documents = verbs.add_parser("documents", help="a base of standard documents, and texts compared with it")
    inner = documents.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    _add(inner, "add", add_files, "put files, or the files in folders, into a base", "files to add")
    _add(inner, "list", list_documents, "show what a base holds, and what groups there are")
    check = _add(
        inner, "check", check_files, "say what in a text departs from its standard; exit 1: odd", "files to check"
    )
    check.add_argument("--limit", type=int, default=SHOWN, help=f"show so many departures of a file (default: {SHOWN})")
    search = _add(inner, "search", search_base, "find clauses by their meaning")
    search.add_argument("text", help="what to search for")
    search.add_argument("--limit", type=int, default=SHOWN, help=f"show so many clauses (default: {SHOWN})")
    remove = _add(inner, "remove", remove_documents, "remove documents with all that was kept of them")
    remove.add_argument("documents", nargs="+", metavar="DOCUMENT", help="a name, or the beginning of an id, as listed")


def _add(
    inner: Verbs[Parser], name: str, verb: Callable[[argparse.Namespace], int], text: str, files: str = ""
) -> Parser:
    parser = add_verb(inner, name, verb, text)
    if files:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=f"{files}: txt, md, html, pdf, docx")
    parser.add_argument("--base", help="which base (default: documents.base of the configuration)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def add_files(options: argparse.Namespace) -> int:
    """Add files; 65 when one of them could not be read."""
    return asyncio.run(_with_library(options, _add_files))


def list_documents(options: argparse.Namespace) -> int:
    """Show the documents of a base; without `--base` also the other bases. No engine is started."""
    config = _config(options)
    from daemon.documents import describe_document, groups_of

    with _store(config) as store:
        base = _base(options, config)
        documents = store.listed(base)
        groups = groups_of(store, base, second_opinions())
        if options.json:
            listed = [describe_document(document, groups.get(document.id)) for document in documents]
            models = dict(store.models(base))
            return _print_json({"base": base, "bases": dict(store.bases()), "models": models, "documents": listed})
        _print_list(base, store, groups)
    return 0


def check_files(options: argparse.Namespace) -> int:
    """Check files: 65 when one could not be read, 1 when one is odd, else 0."""
    return asyncio.run(_with_library(options, _check_files))


def search_base(options: argparse.Namespace) -> int:
    """Print the nearest clauses."""
    return asyncio.run(_with_library(options, _search))


def remove_documents(options: argparse.Namespace) -> int:
    """Remove documents, all of them or none."""
    config = _config(options)
    base = _base(options, config)
    with _store(config) as store:
        documents = store.listed(base)
        ids: list[str] = []
        for word in options.documents:
            matches = [each for each in documents if each.name == word or (len(word) >= 4 and each.id.startswith(word))]
            if len(matches) != 1:
                many = "is not one of" if not matches else "means several of"
                raise InputError(f"{word}: {many} the documents of base {base}")
            ids.append(matches[0].id)
        removed = store.remove(base, sorted(set(ids)))
    if options.json:
        return _print_json({"base": base, "removed": removed})
    say(f"{removed} removed from base {base}")
    return 0


async def _with_library(
    options: argparse.Namespace, work: Callable[[argparse.Namespace, Config, Library], Awaitable[int]]
) -> int:
    """Start the engine, open the store, bring the base's vectors up to date, and do the work."""
    config = _config(options)
    with _store(config) as store:
        async with started_engine(config) as engine:
            library = make_library(store, engine, config)
            renewed = await library.renew(_base(options, config), _say)
            if renewed:
                say(f"strayline: embedded {renewed} documents again with {engine.model}", error=True)
            return await work(options, config, library)


def _say(renewal: Renewal) -> None:
    progress = f"{renewal.done} of {renewal.count} documents"
    say(f"strayline: {progress} are embedded again with {renewal.model}", error=True, flush=True)


async def _add_files(options: argparse.Namespace, config: Config, library: Library) -> int:
    base = _base(options, config)
    outcomes: list[dict[str, object]] = []
    for read in _read(options, config):
        outcome: dict[str, object] = {"file": read.path, "status": read.status, "reason": read.reason or None}
        if read.status == "read":
            added = await library.add(base, Path(read.path).name, read.format, read.blocks)
            outcome |= {"id": added.document.id, "clauses": len(added.document.clauses), "known_as": added.known_as}
        outcomes.append(outcome)
        if not options.json:
            say(_outcome(outcome))
    if options.json:
        _print_json({"base": base, "files": outcomes})
    return os.EX_DATAERR if any(outcome["status"] != "read" for outcome in outcomes) else os.EX_OK


def _outcome(outcome: dict[str, object]) -> str:
    from daemon.core.text import clean

    status = str(outcome["status"])
    if status == "read":
        status = (
            f"already there as {outcome['known_as']}" if outcome["known_as"] else f"read, {outcome['clauses']} clauses"
        )
    elif status == "refused":
        status = "refused, because it"
    reason = f" {outcome['reason']}" if outcome["reason"] else ""
    return clean(f"{outcome['file']}: {status}{',' if reason and outcome['status'] != 'refused' else ''}{reason}")


async def _check_files(options: argparse.Namespace, config: Config, library: Library) -> int:
    from daemon.documents import describe_check
    from daemon.terminal.console import Terminal
    from daemon.terminal.documents import print_check

    base = _base(options, config)
    checker, console = library.checker(base), Terminal(highlight=False, soft_wrap=True)
    described: list[dict[str, object]] = []
    unreadable = odd = False
    for read in _read(options, config):
        if read.status != "read":
            unreadable = True
            described.append({"file": read.path, "status": read.status, "reason": read.reason})
            if not options.json:
                say(_outcome(described[-1]))
            continue
        check = await library.check(checker, Path(read.path).name, read.format, read.blocks)
        odd |= check.odd
        described.append({"file": read.path, "status": "read", "reason": read.reason or None, **describe_check(check)})
        if not options.json:
            print_check(console, read.path, check, options.limit)
    if options.json:
        _print_json({"base": base, "files": described})
    return os.EX_DATAERR if unreadable else int(odd)


async def _search(options: argparse.Namespace, config: Config, library: Library) -> int:
    from daemon.core.text import clean, cosine, many, shorten

    base = _base(options, config)
    hits = await library.search(base, options.text, options.limit)
    if options.json:
        listed = [
            {"document": hit.name, "place": hit.clause.place, "cosine": hit.cosine, "text": hit.clause.text}
            for hit in hits.clauses
        ]
        return _print_json({"base": base, "searched": hits.searched, "documents": hits.count, "found": listed})
    if hits.searched < hits.count:
        share = f"searched {hits.searched} of {many(hits.count, 'document')}"
        say(f"strayline: {share}; the others have no vectors of the engine's model yet", error=True)
    elif not hits.clauses:
        say(f"strayline: base {clean(base)} holds no clauses to search", error=True)
    for hit in hits.clauses:
        place = f", {clean(hit.clause.place)}" if hit.clause.place else ""
        say(f"{cosine(hit.cosine)}  {clean(hit.name)}{place}")
        say(f"      {shorten(clean(hit.clause.text), 200)}")
    return 0


def _print_list(base: str, store: DocumentStore, groups: dict[str, int]) -> None:
    from daemon.core.text import clean, many

    documents = store.listed(base)
    say(f"base {clean(base)}: {many(len(documents), 'document')}")
    models = store.models(base)
    if len(models) > 1 or any(count < len(documents) for count in models.values()):
        for model, count in sorted(models.items()):
            say(f"  {count} of them have vectors of {clean(model)}")
    for document in documents:
        group = groups.get(document.id, -1)
        named = f", group {group + 1}" if group >= 0 else ""
        say(f"  {document.id}  {clean(document.name)}, {document.format}, {document.clauses} clauses{named}")
    for other, count in store.bases().items():
        if other != base:
            say(f"base {clean(other)}: {many(count, 'document')}")


def _read(options: argparse.Namespace, config: Config) -> Iterator[ReadFile]:
    """Yield what became of every file, in a parser's process."""
    from daemon.adapters.parsing import ParserProcess, files_below

    paths = list(files_below(options.files))
    with ParserProcess(file_limits(config)) as parser:
        for path in paths:
            yield parser.read(path)


@contextmanager
def _store(config: Config) -> Iterator[DocumentStore]:
    store = open_store(config.documents.folder, config.documents.postgres)
    try:
        yield store
    finally:
        store.close()


def _config(options: argparse.Namespace) -> Config:
    """Read the configuration. Raises ConfigError where the libraries for documents are not installed."""
    require_libraries()
    return load(options)


def _base(options: argparse.Namespace, config: Config) -> str:
    return str(options.base or config.documents.base)


def _print_json(document: dict[str, Any]) -> int:
    import orjson

    say_json(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return 0
