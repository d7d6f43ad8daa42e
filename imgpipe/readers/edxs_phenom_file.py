"""rosettasciio's decoder of Phenom projects; ends where the file ends, keeps frames of maps (child; loaded on use)."""

from __future__ import annotations

import io
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from PIL import Image
from rsciio.phenom._api import ElidReader

from imgpipe.errors import ReadError

LARGEST = 1 << 28
"""Bytes that one part of a project may have."""
PIECE = 1 << 16
"""Bytes unpacked at a time."""
CUT = "the file is cut: its compressed stream does not end."


class PhenomReader(ElidReader):  # type: ignore[misc]
    """A project as signals; see rosettasciio's class for the format.

    Differences: a file that ends too early is an error instead of an endless loop; the stream is read to its checksum;
    pictures are decoded by Pillow; the frame of a map (fractions of the scan field) is kept as ``frame``.
    """

    _frame: list[float] | None = None
    _buffer = b""
    _at = 0

    def _read(self, size: int = 1) -> bytes:
        if size > LARGEST:
            raise ReadError(f"the project is damaged: a part claims {size} bytes.")
        while len(self._buffer) - self._at < size:
            if self._decompressor.eof:
                raise ReadError("the project ends before its last part.")
            self._buffer = self._buffer[self._at :] + self._more(max(PIECE, size))
            self._at = 0
        start, self._at = self._at, self._at + size
        return self._buffer[start : self._at]

    def _more(self, size: int) -> bytes:
        """Return up to `size` further bytes of the stream."""
        if not self._decompressor.needs_input:
            return bytes(self._decompressor.decompress(b"", size))
        content = self._file.read(self._block_size)
        if not content:
            raise ReadError(CUT)
        return bytes(self._decompressor.decompress(content, size))

    def _read_varuint32(self) -> int:
        if self._at < len(self._buffer):  # most numbers have one byte
            value = self._buffer[self._at]
            if value < 128:
                self._at += 1
                return value
        found: int = super()._read_varuint32()
        return found

    def _read_Project(self) -> Any:  # noqa: N802 - rosettasciio's name
        found = super()._read_Project()
        while not self._decompressor.eof:  # its checksum stands at the end
            self._more(PIECE)
        return found

    def _read_float64(self) -> float:
        value: float = super()._read_float64()
        if self._frame is not None and len(self._frame) < 4:
            self._frame.append(value)
        return value

    def _read_CommonAnalysis(self, am: dict[str, Any]) -> Any:  # noqa: N802 - rosettasciio's name
        self._frame = None
        found = super()._read_CommonAnalysis(am)
        self._frame = []
        return found

    def _make_map_spectrum_dict(self, om: dict[str, Any], *rest: Any) -> Any:
        scan = om["acquisition"]["scan"]
        scan["detectors"]["EDS"]["frame"] = list(self._frame or [])
        scan.setdefault("fieldSize", 0.0)
        scan.setdefault("scanScale", 1.0)
        return super()._make_map_spectrum_dict(om, *rest)

    def _read_tiff(self) -> tuple[dict[str, Any] | None, np.ndarray[Any, Any] | None]:
        content = self._read(self._read_uint32())
        if not content:
            return None, None
        with tifffile.TiffFile(io.BytesIO(content)) as tiff:
            tags = tiff.pages[0].tags  # type: ignore[union-attr]
            text = str(tags["FEI_TITAN"].value) if "FEI_TITAN" in tags else ""
        with Image.open(io.BytesIO(content)) as image:
            values = np.asarray(image)
        if values.ndim > 2:  # a colour picture, as rosettasciio marks it
            names = [(name, values.dtype) for name in "RGBA"[: values.shape[2]]]
            values = np.ascontiguousarray(values).view(np.dtype(names))[..., 0]
        return (self._told(text, values.shape) if text else {}), values

    def _told(self, text: str, shape: tuple[int, ...]) -> dict[str, Any]:
        if "<!ENTITY" in text or "<!DOCTYPE" in text:
            raise ReadError("its XML defines entities, which no project does.")
        told: dict[str, Any] = _dictionary(ElementTree.fromstring(text))["FeiImage"]  # noqa: S314 - refused above
        sizes = [self._get_value_with_unit(told[key]) for key in ("pixelHeight", "pixelWidth")]
        told["acquisition"]["scan"]["fieldSize"] = max(sizes[0] * shape[0], sizes[1] * shape[1])
        return told


def _dictionary(element: ElementTree.Element) -> dict[str, Any]:
    if len(element):
        inner: dict[str, Any] = {}
        for child in element:
            inner |= _dictionary(child)
        return {element.tag: inner}
    if element.items():
        return {element.tag: {"value": element.text, **dict(element.items())}}
    return {element.tag: element.text}
