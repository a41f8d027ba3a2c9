"""One file to blocks: detect its format, bound its unpacked size, and call the parser of its format."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from daemon.adapters.parsing.refusals import RefusedFileError
from daemon.core.documents import Block, ReadFile, blocks_of
from daemon.errors import InputError

_MARKDOWN = frozenset({".md", ".markdown", ".mdown"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
_BINARY = frozenset({".pdf", ".docx"})
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
_CONTROLS = frozenset(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27}
PARSERS = {
    "pdf": "daemon.adapters.parsing.pdf",
    "docx": "daemon.adapters.parsing.docx",
    "html": "daemon.adapters.parsing.html",
    "markdown": "daemon.adapters.parsing.markdown",
}
"""Format -> the module whose `parse` reads it; imported for the first such file."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How large a file may be, in bytes as stored and unpacked, how many characters it may give, and how long it may
    take, in seconds. `memory` bounds the parser's process, in bytes.
    """

    size: int = 50 << 20
    unpacked: int = 200 << 20
    characters: int = 5_000_000
    seconds: float = 30.0
    memory: int = 2 << 30


def read_file(path: Path, limits: FileLimits) -> ReadFile:
    """Read one file. Never raises because of what is in it."""
    try:
        data = _load(path, limits)
    except RefusedFileError as error:
        return ReadFile(str(path), "refused", reason=str(error))
    return read_bytes(str(path), data, limits)


def read_bytes(name: str, data: bytes, limits: FileLimits) -> ReadFile:
    """Read a file's content; its name only distinguishes Markdown and HTML from plain text. Never raises."""
    form, path = "", Path(name)
    try:
        _check_size(data, limits)
        if not data:
            return ReadFile(name, "empty", reason="the file holds nothing")
        form = _format(path, data)
        blocks, remark = _parse(form, data, limits)
        _check_length(blocks, limits)
    except RefusedFileError as error:
        return ReadFile(name, "refused", form, str(error))
    except ModuleNotFoundError as error:
        return ReadFile(name, "refused", form, f"{error.name} is not installed: install strayline[documents]")
    except RecursionError:
        return ReadFile(name, "refused", form, "is nested too deeply")
    except MemoryError:
        return ReadFile(name, "refused", form, "takes too much memory to read")
    except Exception as error:  # noqa: BLE001 - parsers raise any type for a damaged file
        return ReadFile(name, "refused", form, f"is damaged: {type(error).__name__}: {str(error)[:200]}")
    if not any(block.text.strip() for block in blocks):
        return ReadFile(name, "empty", form, remark or "holds no text")
    return ReadFile(name, "read", form, remark, blocks)


def files_below(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files given and those in the folders given, in order; hidden ones in folders are skipped.

    Raises InputError for a path that does not exist, and for a folder without files.
    """
    for path in paths:
        if path.is_dir():
            files = sorted(
                file
                for file in path.rglob("*")
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
            if not files:
                raise InputError(f"{path}: the folder holds no files")
            yield from files
        elif path.exists():
            yield path
        else:
            raise InputError(f"{path}: no such file or folder")


def _load(path: Path, limits: FileLimits) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.size + 1)
    except OSError as error:
        raise RefusedFileError(f"cannot be read: {error.strerror or error}") from error


def _format(path: Path, data: bytes) -> str:
    suffix = path.suffix.lower()
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return "docx"
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise RefusedFileError("is an old or an encrypted Office file; save it as .docx without a password")
    if suffix in _BINARY:
        raise RefusedFileError(f"is named {suffix} but is not one")
    if suffix in _HTML or data[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    return "markdown" if suffix in _MARKDOWN else "text"


def _parse(form: str, data: bytes, limits: FileLimits) -> tuple[Sequence[Block], str]:
    if form == "docx":
        check_archive(data, limits)
    if form == "text":
        return blocks_of(_text(data)), ""
    parse: Callable[[bytes], tuple[Sequence[Block], str]] = importlib.import_module(PARSERS[form]).parse
    return parse(data) if form in ("pdf", "docx") else parse(_text(data).encode())


def _check_size(data: bytes, limits: FileLimits) -> None:
    if len(data) > limits.size:
        raise RefusedFileError(f"is larger than {limits.size:,} bytes")


def _check_length(blocks: Sequence[Block], limits: FileLimits) -> None:
    if sum(len(block.text) for block in blocks) > limits.characters:
        raise RefusedFileError(f"holds more than {limits.characters:,} characters of text")


def check_archive(data: bytes, limits: FileLimits) -> None:
    """Raise RefusedFileError for an archive that is not a docx, is encrypted, or unpacks to too much."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise RefusedFileError(f"is a damaged archive: {error}") from error
    if "word/document.xml" not in {entry.filename for entry in entries}:
        raise RefusedFileError("is an archive but no Word document")
    if any(entry.flag_bits & 1 for entry in entries):
        raise RefusedFileError("is encrypted")
    if sum(entry.file_size for entry in entries) > limits.unpacked:
        raise RefusedFileError(f"unpacks to more than {limits.unpacked:,} bytes")


def _text(data: bytes) -> str:
    encoding = next((name for mark, name in _ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and b"\0" in data[:4096]:
            raise RefusedFileError("is neither text nor a PDF or Word document") from error
        raise RefusedFileError(f"is not {encoding.upper()} at byte {error.start:,}; save it as UTF-8") from error
    if any(ord(char) in _CONTROLS for char in text):
        raise RefusedFileError("is not text: it holds control characters")
    return text
