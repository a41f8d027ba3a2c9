"""Bytes cut into lists of lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from daemon.adapters.files.decompression import BROKEN

BATCH_BYTES = 16 << 20
MAX_LINE_BYTES = 64 << 20


class LineTooLongError(Exception):
    """A line of more than `MAX_LINE_BYTES`."""


def cut_lines(pieces: Iterable[bytes], batch_lines: int) -> Iterator[list[bytes]]:
    """Cut pieces at newlines into lists of lines; a last line without a newline counts.

    When reading fails, the complete lines before the failure are yielded first, so the caller's count is exact.
    """
    lines: list[bytes] = []
    buffered = 0
    open_line: list[bytes] = []  # a long line has many pieces, which are joined once
    open_bytes = 0
    broken: Exception | None = None
    try:
        for piece in pieces:
            open_line.append(piece)
            open_bytes += len(piece)
            if b"\n" in piece:
                *whole, rest = b"".join(open_line).split(b"\n")
                lines += whole
                buffered += open_bytes - len(rest)
                open_line, open_bytes = [rest], len(rest)
            if open_bytes > MAX_LINE_BYTES:
                broken = LineTooLongError(f"a line of more than {MAX_LINE_BYTES >> 20} MiB; is this a log?")
                break
            while len(lines) >= batch_lines or buffered >= BATCH_BYTES:
                some = lines[:batch_lines]
                buffered -= sum(map(len, some)) + len(some)
                del lines[:batch_lines]
                yield some
    except BROKEN as error:
        broken = error
    if open_bytes and not broken:
        lines.append(b"".join(open_line))
    if lines:
        yield lines
    if broken:
        raise broken
