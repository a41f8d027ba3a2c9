"""What is compressed in the daemon's own records, with a bound on what it unpacks to."""

from __future__ import annotations

import zstandard


def unpacked_frame(
    frame: bytes | memoryview, most: int, decompressor: zstandard.ZstdDecompressor | None = None
) -> bytes:
    """Return what a zstd frame holds. Raises zstandard.ZstdError when it is damaged or holds more than `most` bytes.

    Making a decompressor costs as much as a small frame, so a caller with many frames may pass one that it keeps. It
    serves one thread at a time.
    """
    if zstandard.frame_content_size(frame) > most:  # `decompress` heeds its limit only where the frame states no size
        raise zstandard.ZstdError(f"a frame that holds more than {most:,} bytes")
    return (decompressor or zstandard.ZstdDecompressor()).decompress(frame, max_output_size=most)
