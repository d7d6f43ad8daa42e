"""Read Phenom projects (.elid) with rosettasciio; runs in the child.

rosettasciio leaves the line scan without distances. The file has them: begin and end of the line are fractions of the
scan field (its longer side), counted from the centre of the image, and the field is known in metres from the image.
The same fractions bound a map, of which rosettasciio takes the whole field always.
"""

from __future__ import annotations

import bz2
import math
from pathlib import Path
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import AGAIN, beyond, flagged
from imgpipe.readers.edxs_header import EdxsHeader, number
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import Acquisition, leaves
from imgpipe.readers.edxs_signals import Signal, acquisition, header_of, is_image, is_spectral, ordered
from imgpipe.readers.edxs_times import TIMES, share_out
from imgpipe.readers.leaf import Leaf, Source

LINE = "distances from begin and end of the line and the scan field; first and last point at its ends"
PIECE = 1 << 20
_OTHER = "it is a bzip2 archive, but no Phenom project of Element Identification 3.8 or later."
NO_FIELD = "uncalibrated: the file holds no scan field for this line or map"


def read(source: Source) -> list[Leaf]:
    """Return images, maps, lines and spectra (spots, regions, sums) of a project.

    Raises
    ------
    ReadError
        cut (a project ends with a checksum), damaged, or of a software before Element Identification 3.8.
    """
    said = _require_whole(source)
    signals = _signals(source.path)
    found = [_acquisition(signal) for signal in signals if is_spectral(signal)]
    pictures: list[Leaf] = []
    colour = 0
    for signal in signals:
        if is_image(signal):
            pictures.append(image_leaf(signal, source, pictures, "Phenom"))
        else:
            colour += bool(signal["data"].dtype.names)
    made = leaves(found, source)
    for leaf in made if colour else []:
        leaf.flags.append(f"{colour} colour picture(s) in the file left out")
    return flagged([*pictures, *made], said)


def _require_whole(source: Source) -> list[str]:
    """Unpack the project once, to its checksum, before anything in it is believed; return flags."""
    decompressor, size, head = bz2.BZ2Decompressor(), 0, b""
    with open(source.path, "rb") as handle:
        while not decompressor.eof:
            content = handle.read(PIECE) if decompressor.needs_input else b""
            if decompressor.needs_input and not content:
                raise ReadError("the file is cut: its compressed stream does not end.", remedy=AGAIN)
            try:
                part = decompressor.decompress(content, PIECE)
            except OSError as error:
                raise ReadError(f"the file is damaged: its checksum is wrong ({error}).", remedy=AGAIN) from None
            head += part[: 4 - len(head)]
            if not b"EID2".startswith(head):
                raise ReadError(_OTHER)
            size += len(part)
            if size > source.limits.max_pixels:
                raise ReadError(f"it unpacks to more than {size} bytes.", remedy="if it is sound, raise max_pixels.")
        if len(head) < 4:
            raise ReadError(_OTHER)
        end = handle.tell() - len(decompressor.unused_data)
    return beyond(source.path, end)


def _signals(path: Path) -> list[Signal]:
    from imgpipe.readers.edxs_phenom_file import PhenomReader

    found: list[Signal] = PhenomReader(str(path)).dictionaries
    return found


def _acquisition(signal: Signal) -> Acquisition:
    header = header_of(signal)
    scan = signal["original_metadata"]["acquisition"]["scan"]
    eds = scan["detectors"]["EDS"]
    header.raw = {"EDS": {key: value for key, value in eds.items() if not key.endswith("_values")}, "scan": scan}
    header.raw["scan"] = {key: value for key, value in scan.items() if key != "detectors"}
    _times(header, eds, signal["data"].shape[:-1])
    found = acquisition(signal, unit="keV", header=header)
    field = _field(scan)
    if signal["data"].ndim == 2:
        found.lengths = [(_line_step(eds, field, signal["data"].shape[0], header), "m")]
    elif signal["data"].ndim == 3:
        found.lengths = _map_steps(eds, field, signal)
    found.note = NO_FIELD
    return found


def _times(header: EdxsHeader, eds: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Keep the times of one spectrum: of a line the file states them for a point, of a map for all pixels."""
    if not eds.get("live_time"):
        header.numbers.pop("live_time", None)
    if len(shape) == 2:
        share_out(header, math.prod(shape))
    elif len(shape) == 1:
        header.numbers |= {
            name: float(np.mean(eds[f"{name}_values"])) for name in TIMES if name in header.numbers and shape[0]
        }


def _field(scan: dict[str, Any]) -> float | None:
    """Return the side of the scan field in m."""
    size, scale = number(scan.get("fieldSize")), number(scan.get("scanScale", 1.0))
    return size * scale if size and scale and size * scale > 0 else None


def _line_step(eds: dict[str, Any], field: float | None, points: int, header: EdxsHeader) -> float | None:
    """Return the distance of two points in m."""
    begin, end = eds.get("begin"), eds.get("end")
    if field is None or begin is None or end is None or points < 2:
        return None
    length = field * math.hypot(end["x"] - begin["x"], end["y"] - begin["y"])
    header.flags.append(f"{LINE} ({length * 1e9:.6g} nm, field {field * 1e9:.6g} nm)")
    return length / (points - 1)


def _map_steps(eds: dict[str, Any], field: float | None, signal: Signal) -> list[tuple[object, object]]:
    """Return the pixel sizes along y and x: the part of the field that the map's frame covers."""
    rows, columns = (int(axis["size"]) for axis in ordered(signal["axes"])[:2])
    left, top, right, bottom = eds.get("frame") or (-0.5, -0.5, 0.5, 0.5)
    if field is None:
        return [(None, None), (None, None)]
    return [(field * abs(bottom - top) / rows, "m"), (field * abs(right - left) / columns, "m")]
