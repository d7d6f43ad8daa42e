"""Where a file ends, as it states itself: bytes beyond are told, missing ones are a cut (standard library only)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imgpipe.errors import ReadError

if TYPE_CHECKING:
    from imgpipe.readers.leaf import Leaf

AGAIN = "copy the file again from the instrument."
_SUPERBLOCK = {0: 40, 1: 44, 2: 28, 3: 28}
"""Version of an HDF5 superblock -> place of the end of file address in it."""


def beyond(path: Path, end: int) -> list[str]:
    """Return a flag when a file has more bytes than `end`."""
    extra = path.stat().st_size - end
    return [f"{extra} byte(s) after the end of the data, not read"] if extra > 0 else []


def require_end(path: Path, end: int) -> None:
    """Raise `ReadError` when a file has fewer bytes than `end`."""
    size = path.stat().st_size
    if size < end:
        raise ReadError(
            f"the file is cut: its header states {end} bytes, it has {size} ({100 * size / end:.3g} %).", remedy=AGAIN
        )


def flagged(leaves: list[Leaf], said: Sequence[str]) -> list[Leaf]:
    """Return the leaves, each with more flags."""
    for leaf in leaves:
        leaf.flags += said
    return leaves


def hdf5_end(path: Path) -> int | None:
    """Return the number of bytes that an HDF5 file states (end of file address of its superblock).

    None for offsets of another width than 8 bytes, and for versions unknown here.
    """
    with open(path, "rb") as handle:
        head = handle.read(64)
    place = _SUPERBLOCK.get(head[8]) if len(head) > 14 else None
    width = head[13 if head[8] < 2 else 9] if place else 0
    if place is None or width != 8 or len(head) < place + 8:
        return None
    (found,) = struct.unpack_from("<Q", head, place)
    return int(found)
