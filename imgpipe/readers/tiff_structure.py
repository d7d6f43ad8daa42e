"""Check what a TIFF file claims against what is there, before any decoder sees it (struct and numpy only).

A file cut in the middle reads as fewer pages or as zeros in most libraries. Here the chain of directories is walked,
and every directory, value, strip and tile must lie inside the file.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from imgpipe.errors import ReadError

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
VENDOR_TAGS = (34118, 34680, 34682, 50431)
_NEEDED = (256, 257, 258, 259, 262, 273, 277, 278, 279, 322, 323, 324, 325, *VENDOR_TAGS)
_POINTERS = (330, 34665, 34853)
MOST_PAGES = 200_000
MOST_FLAGS = 5
SPARE = 16
"""Bytes after the last structure that are not worth a warning (padding)."""
_AGAIN = "copy the file again from the instrument."


@dataclass
class Directory:
    """One page: its tags as (type, count, place of the value in the file)."""

    offset: int
    tags: dict[int, tuple[int, int, int]]


@dataclass
class Survey:
    """What a file claims.

    Parameters
    ----------
    pages : directories in the main chain
    pixels : of all pages together
    decoded, stored : bytes of the pixels after and before decompression, of compressed pages
    end : first byte after everything that the file refers to
    flags : oddities that don't stop reading
    """

    pages: list[Directory] = field(default_factory=list)
    pixels: int = 0
    decoded: int = 0
    stored: int = 0
    end: int = 8
    flags: list[str] = field(default_factory=list)


def survey(path: Path) -> Survey:
    """Walk a TIFF file and check each claim.

    Raises
    ------
    ReadError
        a directory, value, strip or tile lies outside the file; the directories form a ring; sizes are impossible.
    """
    with open(path, "rb") as handle:
        return _Walk(handle, path.stat().st_size).run()


class _Walk:
    """State of one walk: the open file, its byte order and its kind (classic or BigTIFF)."""

    def __init__(self, handle: BinaryIO, size: int) -> None:
        self.handle = handle
        self.size = size
        self.result = Survey()
        start = handle.read(16)
        if len(start) < 8:
            raise ReadError(f"the file has only {size} bytes, too few for a TIFF header.", remedy=_AGAIN)
        self.order = "<" if start[:2] == b"II" else ">"
        self.big = struct.unpack(self.order + "H", start[2:4])[0] == 43
        self.entry = "HHQ8s" if self.big else "HHI4s"
        self.pointer = "Q" if self.big else "I"
        if self.big and len(start) < 16:
            raise ReadError(f"the file has only {size} bytes, too few for a BigTIFF header.", remedy=_AGAIN)
        at = slice(8, 16) if self.big else slice(4, 8)
        self.first = struct.unpack(self.order + self.pointer, start[at])[0]

    def run(self) -> Survey:
        seen: set[int] = set()
        offset = self.first
        while offset:
            if offset in seen:
                raise ReadError(f"its page directories form a ring (byte {offset} comes twice).", remedy=_AGAIN)
            if len(seen) >= MOST_PAGES:
                raise ReadError(f"it has more than {MOST_PAGES} pages.", remedy=_AGAIN)
            seen.add(offset)
            page, offset = self.directory(offset, f"page {len(seen)}")
            self.result.pages.append(page)
            self.check_pixels(page, f"page {len(seen)}")
        if not self.result.pages:
            raise ReadError("the TIFF file has no page.", remedy=_AGAIN)
        for page in self.result.pages:
            self.follow(page, seen)
        extra = self.size - self.result.end
        if extra > SPARE:
            self.result.flags.append(f"{extra} bytes after the end of the TIFF data")
        return self.result

    def require(self, offset: int, length: int, what: str) -> None:
        """Say what is cut off when a piece does not lie in the file."""
        if offset + length > self.size or offset < 8:
            raise ReadError(
                f"the file is cut or damaged: {what} should lie at bytes {offset} to {offset + length}, "
                f"the file ends at {self.size}.",
                remedy=_AGAIN,
            )
        self.result.end = max(self.result.end, offset + length)

    def take(self, offset: int, length: int, what: str) -> bytes:
        """Return bytes of the file, or say what is cut off."""
        self.require(offset, length, what)
        self.handle.seek(offset)
        return self.handle.read(length)

    def directory(self, offset: int, what: str) -> tuple[Directory, int]:
        """Return the directory at a place of the file and the place of the next one."""
        form = self.order + ("Q" if self.big else "H")
        width = struct.calcsize(form)
        (count,) = struct.unpack(form, self.take(offset, width, f"the directory of {what}"))
        step = struct.calcsize(self.order + self.entry)
        tail = struct.calcsize(self.order + self.pointer)
        if count == 0 or count > 4096:
            raise ReadError(f"the directory of {what} claims {count} entries.", remedy=_AGAIN)
        block = self.take(offset + width, count * step + tail, f"the directory of {what}")
        page = Directory(offset, {})
        for index in range(count):
            entry = struct.unpack_from(self.order + self.entry, block, index * step)
            self.keep(page, entry, offset + width + (index + 1) * step - tail, what)
        return page, struct.unpack_from(self.order + self.pointer, block, count * step)[0]

    def keep(self, page: Directory, entry: tuple[int, int, int, bytes], inline: int, what: str) -> None:
        """Keep one tag when its value lies in the file."""
        code, kind, count, value = entry
        length = _SIZES.get(kind, 0) * count
        place = inline
        if length > len(value):
            (place,) = struct.unpack(self.order + self.pointer, value)
            if place + length > self.size and code not in _NEEDED:
                self.result.flags.append(f"tag {code} of {what} lies outside the file")
                return
            self.require(place, length, f"tag {code} of {what}")
        if kind in _SIZES:
            page.tags.setdefault(code, (kind, count, place))

    def numbers(self, page: Directory, code: int, default: int | None = None) -> list[int]:
        """Return the whole numbers of a tag."""
        if code not in page.tags:
            return [] if default is None else [default]
        kind, count, place = page.tags[code]
        if kind not in _CODES:
            raise ReadError(f"tag {code} should hold whole numbers, it has type {kind}.", remedy=_AGAIN)
        data = self.take(place, count * _SIZES[kind], f"tag {code}")
        return list(struct.unpack(f"{self.order}{count}{_CODES[kind]}", data))

    def check_pixels(self, page: Directory, what: str) -> None:
        """Check that the strips or tiles of a page are as many as its size needs and lie in the file."""
        width, height = self.numbers(page, 256, 0)[:1], self.numbers(page, 257, 0)[:1]
        if not width or not height or width[0] <= 0 or height[0] <= 0:
            raise ReadError(f"{what} has no size ({width} x {height} pixels).", remedy=_AGAIN)
        samples = max(self.numbers(page, 277, 1))
        bits = max(self.numbers(page, 258, 1))
        pixels = width[0] * height[0]
        raw = math.ceil(width[0] * bits / 8) * height[0] * samples
        tiled = 324 in page.tags
        offsets = self.numbers(page, 324 if tiled else 273)
        counts = self.numbers(page, 325 if tiled else 279) or ([raw] if len(offsets) == 1 else [])
        self.result.pixels += pixels
        self.check_count(page, what, offsets, counts, (width[0], height[0]), tiled=tiled)
        for index, (offset, count) in enumerate(zip(offsets, counts, strict=False)):
            self.check_segment(f"{'tile' if tiled else 'strip'} {index + 1} of {len(offsets)} of {what}", offset, count)
        require_apart(offsets, counts, what)
        compressed = max(self.numbers(page, 259, 1)) != 1
        if compressed:
            self.result.decoded += raw
            self.result.stored += sum(counts)
        elif not tiled and sum(counts) < raw:
            raise ReadError(
                f"{what} claims {width[0]} x {height[0]} pixels ({raw} bytes) but stores {sum(counts)} bytes.",
                remedy=_AGAIN,
            )

    def check_count(
        self, page: Directory, what: str, offsets: list[int], counts: list[int], size: tuple[int, int], *, tiled: bool
    ) -> None:
        """Check the number of strips or tiles against the size of the page."""
        planes = max(self.numbers(page, 277, 1)) if max(self.numbers(page, 284, 1)) == 2 else 1
        if tiled:
            tile = [max(1, *self.numbers(page, code, 1)) for code in (322, 323)]
            needed = math.ceil(size[0] / tile[0]) * math.ceil(size[1] / tile[1]) * planes
        else:
            rows = min(max(1, *self.numbers(page, 278, size[1])), size[1])
            needed = math.ceil(size[1] / rows) * planes
        if len(offsets) < needed or len(counts) < needed:
            raise ReadError(
                f"{what} needs {needed} pieces for {size[0]} x {size[1]} pixels, it lists {len(offsets)}.",
                remedy=_AGAIN,
            )

    def check_segment(self, what: str, offset: int, count: int) -> None:
        """Check that a strip or tile lies in the file."""
        if count == 0 or offset == 0:
            if len(self.result.flags) < MOST_FLAGS:
                self.result.flags.append(f"{what} holds no data and reads as zeros")
            return
        if offset + count > self.size:
            raise ReadError(
                f"the file is cut or damaged: {what} should end at byte {offset + count}, "
                f"the file ends at {self.size} ({100 * self.size / (offset + count):.3g} %).",
                remedy=_AGAIN,
            )
        self.result.end = max(self.result.end, offset + count)

    def follow(self, page: Directory, seen: set[int]) -> None:
        """Add the extent of directories that hang below a page (only to know where the file ends)."""
        for code in _POINTERS:
            if code not in page.tags or page.tags[code][0] not in _CODES:
                continue
            for offset in self.numbers(page, code)[:64]:
                if offset in seen or not 8 <= offset < self.size:
                    continue
                seen.add(offset)
                below, _ = self.directory(offset, f"sub-page at byte {offset}")
                self.sub_pixels(below)

    def sub_pixels(self, page: Directory) -> None:
        """Add the extent of the strips of a sub-page (a preview)."""
        for place, length in ((273, 279), (324, 325)):
            if place in page.tags and length in page.tags:
                for index, (offset, count) in enumerate(
                    zip(self.numbers(page, place), self.numbers(page, length), strict=False)
                ):
                    self.check_segment(f"strip {index + 1} of a preview", offset, count)


def require_apart(offsets: list[int], counts: list[int], what: str) -> None:
    """Raise `ReadError` when two strips or tiles of a page lie over each other: an offset is damaged."""
    pieces = sorted((offset, count) for offset, count in zip(offsets, counts, strict=False) if count)
    for (start, count), (following, _) in pairwise(pieces):
        if start + count > following:
            raise ReadError(
                f"the file is damaged: strips of {what} at bytes {start} and {following} overlap.", remedy=_AGAIN
            )


def value_bytes(path: Path, page: Directory, code: int) -> bytes | None:
    """Return the value of a tag as it stands in the file, None when the page has no such tag."""
    if code not in page.tags:
        return None
    kind, count, place = page.tags[code]
    with open(path, "rb") as handle:
        handle.seek(place)
        return handle.read(_SIZES[kind] * count)
