"""PDF by pypdf: the text of its pages, without what every page repeats.

A line at the top or at the foot of most pages (a title, a page number) is not part of the text. A word that is broken
at the end of a line is joined. A remark names pages that hold no text, such as scans. A file that has lost a part of
its text is refused.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

from daemon.adapters.parsing.pdf_damage import check_whole
from daemon.adapters.parsing.refusals import RefusedFileError
from daemon.core.documents import Block, blocks_of

MOST_PAGES = 5_000
EDGE = 2
"""How many lines at the top and at the foot of a page may be repeated ones."""
_BROKEN = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_A-Z])")
_PAGE_NUMBER = re.compile(r"\W*+(?:page|seite|p\.)?\s*+\d+(?:\s*+(?:of|von|sur|/)\s*+\d+)?\W*+", re.IGNORECASE)
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def parse(data: bytes) -> tuple[list[Block], str]:
    """Return the blocks of a PDF, and a remark where pages hold no text. Raises RefusedFileError."""
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise RefusedFileError("is encrypted and needs a password")
        if len(reader.pages) > MOST_PAGES:
            raise RefusedFileError(f"has more than {MOST_PAGES:,} pages")
        check_whole(data, reader)
        pages = [page.extract_text().split("\n") for page in reader.pages]
    except (DependencyError, FileNotDecryptedError, WrongPasswordError) as error:
        raise RefusedFileError("is encrypted and needs a password") from error
    blank = sum(not "".join(lines).strip() for lines in pages)
    text = "\n".join("\n".join(lines) for lines in _without_edges(pages))
    remark = f"{blank} of {len(pages)} pages hold no text" if blank else ""
    return blocks_of(_BROKEN.sub("", text)), remark


def _without_edges(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the pages' lines without page numbers, and without lines at the edge of more than half of the pages."""
    filled = [[line for line in lines if line.strip()] for lines in pages]
    counts = Counter(key for lines in filled for key in {_key(line) for line in (*lines[:EDGE], *lines[-EDGE:])})
    often = {key for key, count in counts.items() if count > max(2, len(filled) // 2)}
    kept = []
    for lines in pages:
        edges = [*range(min(EDGE, len(lines))), *range(max(EDGE, len(lines) - EDGE), len(lines))]
        dropped = {at for at in edges if _key(lines[at]) in often}
        kept.append([line for at, line in enumerate(lines) if at not in dropped])
    return kept


def _key(line: str) -> str:
    return "#" if _PAGE_NUMBER.fullmatch(line) else " ".join(line.split())
