"""Hand-made TIFF files, to claim what no library would write."""

from __future__ import annotations

import struct
from pathlib import Path

SHORT, LONG = 3, 4


def directory(tags: dict[int, tuple[int, int]], following: int = 0) -> bytes:
    """Return a little-endian directory of one-valued tags: code -> (type, value)."""
    entries = b"".join(
        struct.pack("<HHI", code, kind, 1)
        + (struct.pack("<HH", value, 0) if kind == SHORT else struct.pack("<I", value))
        for code, (kind, value) in sorted(tags.items())
    )
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)


def write(
    path: Path, width: int, height: int, data: bytes, *, bits: int = 8, claimed: int | None = None, following: int = 0
) -> Path:
    """Write a TIFF with one uncompressed strip of `data` that claims what it is told to.

    Parameters
    ----------
    claimed : StripByteCounts; the length of `data` when None
    following : offset of the next directory; 8 makes a ring
    """
    at = 8 + 2 + 9 * 12 + 4
    tags = {
        256: (LONG, width), 257: (LONG, height), 258: (SHORT, bits), 259: (SHORT, 1), 262: (SHORT, 1),
        273: (LONG, at), 277: (SHORT, 1), 278: (LONG, height),
        279: (LONG, len(data) if claimed is None else claimed),
    }  # fmt: skip
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory(tags, following) + data)
    return path
