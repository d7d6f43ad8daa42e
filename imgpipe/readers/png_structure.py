"""Check a PNG file piece by piece before it is decoded: each piece carries its length and a checksum."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imgpipe.errors import ReadError

SIGNATURE = 8
_AGAIN = "copy the file again from the instrument."


@dataclass(frozen=True)
class PngClaims:
    """What the header says: size, bits per sample, colour type, bytes of compressed pixels, bytes after the end."""

    columns: int
    rows: int
    bits: int
    colour: int
    stored: int
    extra: int


def survey(path: Path) -> PngClaims:
    """Walk a PNG file.

    Raises
    ------
    ReadError
        cut, a piece with a wrong checksum, no header.
    """
    header: tuple[int, int, int, int] | None = None
    stored = 0
    size = path.stat().st_size
    with open(path, "rb") as handle:
        handle.seek(SIGNATURE)
        while True:
            kind, body = _piece(handle.read(8), handle, size)
            if kind == b"IHDR" and len(body) == 13:
                header = struct.unpack(">IIBB", body[:10])
            elif kind == b"IDAT":
                stored += len(body)
            elif kind == b"IEND":
                break
        extra = size - handle.tell()
    if header is None or 0 in header[:2] or not stored:
        raise ReadError("the PNG file has no size or no pixels.", remedy=_AGAIN)
    return PngClaims(header[0], header[1], header[2], header[3], stored, extra)


def _piece(start: bytes, handle: BinaryIO, size: int) -> tuple[bytes, bytes]:
    if len(start) < 8:
        raise ReadError(f"the PNG file is cut: it ends at byte {size} without an end mark.", remedy=_AGAIN)
    length, kind = struct.unpack(">I4s", start)
    end = handle.tell() + length + 4
    if end > size:
        raise ReadError(
            f"the PNG file is cut: piece {kind!r} should end at byte {end}, the file ends at {size}.", remedy=_AGAIN
        )
    body = handle.read(length)
    (stated,) = struct.unpack(">I", handle.read(4))
    if zlib.crc32(kind + body) != stated:
        raise ReadError(f"the PNG file is damaged: wrong checksum before byte {end}.", remedy=_AGAIN)
    return kind, body
