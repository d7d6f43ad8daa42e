"""Decode a TIFF page band by band, so that memory stays bounded (runs in the child)."""

from __future__ import annotations

from typing import Any

import numpy as np
import tifffile
from PIL import Image

from imgpipe.errors import ReadError

Pixels = np.ndarray[Any, Any]
PILLOW_COMPRESSIONS = frozenset({5, 7, 32773, 34925})
"""Compressions that Pillow decodes when imagecodecs is not installed: LZW, JPEG, PackBits, LZMA."""

CELL = 64
"""Length in bytes of the pieces in which runs of zeros are looked for."""
ZERO_RUN, ZERO_RUN_COMPRESSED = 1024, 128
"""Length in bytes from which a run of zeros is reported: in plain pixels, and in compressed ones."""


class PageReader:
    """Rows of one page, decoded on demand.

    Parameters
    ----------
    page : of an open file
    file : name of the file, for decoders that open it themselves
    index : number of the page in the file

    `zero_bytes` is the longest run of zeros met so far in the stored bytes of tiles or of compressed strips.
    """

    def __init__(self, page: tifffile.TiffPage, file: str, index: int) -> None:
        self.page = page
        self.file = file
        self.index = index
        if page.dtype is None:
            raise ReadError(f"pixels of {page.bitspersample} bits and sample format {page.sampleformat} can't be read.")
        self.dtype = page.dtype.newbyteorder("=")
        self.stored = page.dtype.newbyteorder(page.parent.byteorder)
        self.rows, self.columns = page.imagelength, page.imagewidth
        self.samples = page.samplesperpixel
        self.zero_bytes = 0
        self._whole: Pixels | None = None
        self._plain = bool(page.is_contiguous) and not (page.planarconfig == 2 and self.samples > 1)

    @property
    def piece_rows(self) -> int:
        """Rows that are decoded together: of a strip, or of a tile; 1 when the rows simply follow each other."""
        if self._plain:
            return 1
        rows = self.page.tilelength if self.page.is_tiled else min(self.page.rowsperstrip, self.rows)
        return max(1, int(rows))

    def band(self, start: int, stop: int) -> Pixels:
        """Return rows start to stop: (rows, columns) or (rows, columns, samples), native byte order."""
        if self._plain:
            return self._stored(start, stop)
        if self._whole is None and self._needs_whole():
            self._whole = self._decode_whole()
        if self._whole is not None:
            return self._whole[start:stop]
        band = np.zeros((stop - start, self.columns, self.samples), self.dtype)
        for index in self._pieces(start, stop):
            self._place(band, start, index)
        return band[..., 0] if self.samples == 1 else band

    def _stored(self, start: int, stop: int) -> Pixels:
        row_bytes = self.columns * self.samples * self.stored.itemsize
        handle = self.page.parent.filehandle
        handle.seek(self.page.dataoffsets[0] + start * row_bytes)
        content = handle.read((stop - start) * row_bytes)
        band = np.frombuffer(content, self.stored).reshape(stop - start, self.columns, self.samples)
        return (band[..., 0] if self.samples == 1 else band).astype(self.dtype, copy=False)

    def _needs_whole(self) -> bool:
        by_planes = self.page.planarconfig == 2 and self.samples > 1
        return by_planes or not _decodable(self.page) or (self.piece_rows >= self.rows and not self.page.is_tiled)

    def damage(self) -> list[str]:
        """Return a flag when stored bytes hold a run of zeros that compression, or noise, would not leave."""
        if self.zero_bytes < (ZERO_RUN if self.page.compression == 1 else ZERO_RUN_COMPRESSED):
            return []
        return [f"a run of {self.zero_bytes} zero bytes in the stored pixels (interrupted copy, or lost block?)"]

    def _look_for_zeros(self, content: bytes) -> None:
        cells = np.frombuffer(content, np.uint8)[: len(content) // CELL * CELL].reshape(-1, CELL)
        filled = np.flatnonzero(np.concatenate([[True], cells.any(axis=1), [True]]))
        self.zero_bytes = max(self.zero_bytes, CELL * (int(np.diff(filled).max()) - 1))

    def _decode_whole(self) -> Pixels:
        handle = self.page.parent.filehandle
        for offset, count in zip(self.page.dataoffsets, self.page.databytecounts, strict=True):
            handle.seek(offset)
            self._look_for_zeros(handle.read(count))
        if not _decodable(self.page):
            return self._decode_by_pillow()
        whole = np.asarray(self.page.asarray(maxworkers=1))
        if self.page.planarconfig == 2 and self.samples > 1:
            whole = np.moveaxis(whole, 0, -1)
        return whole.astype(self.dtype, copy=False)

    def _decode_by_pillow(self) -> Pixels:
        if self.page.compression not in PILLOW_COMPRESSIONS:
            raise ReadError(
                f"its compression {self.page.compression} can't be decoded.",
                remedy="install imagecodecs (pip install imagecodecs), or export without compression.",
            )
        Image.MAX_IMAGE_PIXELS = None  # the number of pixels was checked before
        with Image.open(self.file) as image:
            image.seek(self.index)
            whole = np.asarray(image)
        if whole.shape[:2] != (self.rows, self.columns):
            raise ReadError(f"decoded {whole.shape} pixels where {self.rows} x {self.columns} are claimed.")
        return whole.astype(self.dtype, copy=False)

    def _pieces(self, start: int, stop: int) -> list[int]:
        across = -(-self.columns // self.page.tilewidth) if self.page.is_tiled else 1
        first, last = start // self.piece_rows, -(-stop // self.piece_rows)
        return [row * across + column for row in range(first, last) for column in range(across)]

    def _place(self, band: Pixels, start: int, index: int) -> None:
        offset, count = self.page.dataoffsets[index], self.page.databytecounts[index]
        handle = self.page.parent.filehandle
        handle.seek(offset)
        content = handle.read(count)
        if self.page.compression != 1:
            self._look_for_zeros(content)
        extra = {"jpegtables": self.page.jpegtables} if self.page.jpegtables else {}
        piece, where, shape = self.page.decode(content, index, **extra)
        if piece is None:
            return
        rows, columns = min(shape[1], self.rows - where[2]), min(shape[2], self.columns - where[3])
        if self.page.compression == 1:  # tiles at the border are filled up with zeros: look at the image part only
            self._look_for_zeros(piece[0, :rows, :columns].tobytes())
        top, bottom = max(where[2], start), min(where[2] + rows, start + band.shape[0])
        from_row = top - where[2]
        band[top - start : bottom - start, where[3] : where[3] + columns] = piece[
            0, from_row : from_row + bottom - top, :columns
        ]


def _decodable(page: tifffile.TiffPage) -> bool:
    if page.compression == 1:
        return True
    try:
        return tifffile.TIFF.DECOMPRESSORS[page.compression] is not None
    except KeyError:
        return False
