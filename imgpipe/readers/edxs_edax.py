"""Read EDAX maps (.spd), line scans (.lsd) and spectra (.spc) with rosettasciio; runs in the child.

Beside a map stand the files with its calibrations: NAME.spc (energies), NAME_Img.ipr (pixel size), NAME.csv (line).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.edxs_end import AGAIN, beyond, flagged, require_end
from imgpipe.readers.edxs_leaves import leaves, require_modest
from imgpipe.readers.edxs_signals import acquisition
from imgpipe.readers.leaf import Leaf, Source

_COUNT_BYTES = (1, 2, 4)


def read_map(source: Source) -> list[Leaf]:
    """Return the leaf ``map`` of an .spd file, or ``line`` of an .lsd file; read in place, so memory stays bounded.

    Raises
    ------
    ReadError
        cut, no .spc beside it (the energies are unknown without).
    """
    from rsciio.edax._api import si_reader

    said = _require_whole(source)
    if not source.path.with_suffix(".spc").is_file():
        raise ReadError(
            f"the energies of its channels stand in {source.path.stem}.spc, which is not there.",
            remedy="copy the .spc (and .ipr) file of the map into the same folder.",
        )
    (signal,) = si_reader(str(source.path), lazy=True)
    return flagged(leaves([acquisition(signal, unit="keV")], source), said)


def _require_whole(source: Source) -> list[str]:
    with open(source.path, "rb") as handle:
        head = handle.read(48)
    if len(head) < 48:
        raise ReadError(f"the file is cut: it has only {len(head)} bytes, too few for a header.", remedy=AGAIN)
    points, lines, channels, width, start = struct.unpack("<5i", head[24:44])
    if min(points, lines, channels) < 1 or width not in _COUNT_BYTES or not 0 < start < 1 << 24:
        raise ReadError(
            f"its header is damaged: {points} x {lines} pixels of {channels} channels in {width} bytes from {start}."
        )
    require_modest(points * lines * channels, source.limits)
    require_end(source.path, start + points * lines * channels * width)
    return beyond(source.path, start + points * lines * channels * width)


def read_spectrum(source: Source) -> list[Leaf]:
    """Return the leaf ``sum`` of an .spc file.

    Raises
    ------
    ReadError
        cut.
    """
    from rsciio.edax._api import spc_reader

    _require_spectrum(source.path)
    (signal,) = spc_reader(str(source.path))
    header = signal["original_metadata"]["spc_header"]
    if signal["data"].size != int(header["numPts"]):
        raise ReadError(
            f"the file is cut: it states {int(header['numPts'])} channels, found are {signal['data'].size}.",
            remedy=AGAIN,
        )
    return leaves([acquisition(signal, unit="keV")], source)


def _require_spectrum(path: Path) -> None:
    """Compare the size of a spectrum with the fields of its version and the channels that its header states."""
    from rsciio.edax._api import get_spc_dtype_list

    with open(path, "rb") as handle:
        head = handle.read(34)
    if len(head) < 34:
        raise ReadError(f"the file is cut: it has only {len(head)} bytes, too few for a header.", remedy=AGAIN)
    version, start, points = struct.unpack("<f24xih", head)
    fields = np.dtype(get_spc_dtype_list(load_all=False, endianness="<", version=round(version, 2))).itemsize
    require_end(path, max(fields, start + 4 * points))
