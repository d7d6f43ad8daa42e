"""Where a TIA series (.ser) ends, after the table of offsets in its header (standard library only)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import AGAIN, beyond, require_end

_SPECTRA, _WITH_PLACE = 0x4120, 0x4142
_BYTES = {1: 1, 2: 2, 3: 4, 4: 1, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 16}
"""Type of the values -> their size."""
_LATE = 0x210
"""Version of a series beyond which its offsets have 8 bytes."""


def require_series(path: Path) -> list[str]:
    """Refuse a series that is shorter than its header states; return flags.

    Raises
    ------
    ReadError
        cut, or a header that can't be.
    """
    with open(path, "rb") as handle:
        try:
            end = _end(handle, path)
        except struct.error:
            size = path.stat().st_size
            raise ReadError(
                f"the file is cut: {path.name} ends within its header ({size} bytes).", remedy=AGAIN
            ) from None
    require_end(path, end)
    return [f"{path.name}: {line}" for line in beyond(path, end)]


def _end(handle: BinaryIO, path: Path) -> int:
    """Return the end of the last element and of its tag."""
    version, kind, tag, total, valid = struct.unpack("<4xHIIII", handle.read(22))
    word = "Q" if version > _LATE else "I"
    (table,) = struct.unpack(f"<{word}", handle.read(struct.calcsize(word)))
    if not 0 < valid <= total <= 1 << 28:
        raise ReadError(f"{path.name} states {valid} valid spectra or images of {total}.", remedy=AGAIN)
    width = struct.calcsize(word)
    end = table + 2 * total * width
    require_end(path, end)
    handle.seek(table)
    offsets = struct.unpack(f"<{2 * total}{word}", handle.read(2 * total * width))
    last, last_tag = max(offsets[:valid]), max(offsets[total : total + valid])
    require_end(path, max(last, last_tag))
    return max(int(end), _element_end(handle, kind, last), int(last_tag) + (24 if tag == _WITH_PLACE else 8))


def _element_end(handle: BinaryIO, kind: int, start: int) -> int:
    handle.seek(start + (20 if kind == _SPECTRA else 40))
    if kind == _SPECTRA:
        values, size = struct.unpack("<HI", handle.read(6))
    else:
        values, rows, columns = struct.unpack("<HII", handle.read(10))
        size = rows * columns
    return handle.tell() + int(size) * _BYTES.get(values, 1)
