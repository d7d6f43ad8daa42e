"""Read Gatan DigitalMicrograph files (dm3, dm4) with rosettasciio: images, or else spectra; runs in the child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers import grey
from imgpipe.readers.edxs_dm import spectral, spectrum_leaves
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.sem_header import SemHeader, number, positive
from imgpipe.readers.sem_image import Plane, leaf, require_modest
from imgpipe.readers.tiff_structure import SPARE

_NM = {"nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "mm": 1e6, "m": 1e9, "pm": 1e-3, "Å": 0.1}
_END = 8
"""Zero bytes that close a DigitalMicrograph file."""


def read(source: Source) -> list[Leaf]:
    """Return the leaf `image` of a DigitalMicrograph file (a stack makes the dimension z), or its spectra."""
    extra = _survey(source.path)
    signals = _decode(source.path)
    if spectral(signals):
        return spectrum_leaves(signals, source, [f"{extra} bytes after the end of the data"] if extra > SPARE else [])
    images = [found for found in signals if found["data"].ndim in (2, 3) and _is_space(found["axes"])]
    if not images:
        what = "; ".join(f"{found['data'].shape} {[axis['units'] for axis in found['axes']]}" for found in signals)
        raise ReadError(f"it holds no image (found {what or 'nothing'}).", remedy="give an image, not a spectrum.")
    image = max(images, key=lambda found: found["data"].size)
    data = grey.native(_values(image["data"]))
    stack = data if data.ndim == 3 else data[None]
    require_modest(stack.size, 0, 0, source.limits)
    header, slice_nm = _header(image, data.ndim == 3)
    if len(images) > 1:
        header.flags.append(f"{len(images) - 1} other image(s) in the file left out")
    if extra > SPARE:
        header.flags.append(f"{extra} bytes after the end of the data")
    return [leaf(source, [_plane(page) for page in stack], header, slice_nm=slice_nm)]


def _decode(path: Path) -> list[dict[str, Any]]:
    from rsciio.digitalmicrograph import file_reader
    from rsciio.exceptions import DM3DataTypeError, DM3TagIDError, DM3TagTypeError

    try:
        found: list[dict[str, Any]] = file_reader(str(path), lazy=False)
    except (DM3DataTypeError, DM3TagIDError, DM3TagTypeError) as error:
        cause = f"its tags are damaged ({type(error).__name__} {error})."
        raise ReadError(cause, remedy="copy the file again from the instrument.") from None
    return found


def _plane(page: np.ndarray[Any, Any]) -> Plane:
    return Plane((page.shape[0], page.shape[1]), page.dtype.name, page.shape[0], lambda top, end: page[top:end])


def _values(data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if data.dtype.names:
        raise ReadError("a colour image, where a grey one is needed.", remedy="save the original grey image.")
    return data


def _is_space(axes: list[dict[str, Any]]) -> bool:
    return all(str(axis["units"]) in _NM or str(axis["units"]) in ("", "<undefined>", "None") for axis in axes[-2:])


def _survey(path: Path) -> int:
    """Check the length that the header states; return the number of bytes after the end."""
    size = path.stat().st_size
    with open(path, "rb") as handle:
        head = handle.read(16)
    wide = head[:4] == b"\0\0\0\4"
    if len(head) < 16:
        raise ReadError(f"the file has only {size} bytes, too few for a header.")
    stated = int.from_bytes(head[4:12] if wide else head[4:8], "big")
    expected = stated + (16 if wide else 12)
    if size < expected:
        raise ReadError(
            f"the file is cut: its header states {expected} bytes, it has {size} ({100 * size / expected:.3g} %).",
            remedy="copy the file again from the instrument.",
        )
    return size - expected - _END


def _header(image: dict[str, Any], stacked: bool) -> tuple[SemHeader, float | None]:
    tags = image["original_metadata"].get("ImageList", {}).get("TagGroup0", {}).get("ImageTags", {})
    found = SemHeader("Gatan", raw=tags, attrs={"tilt_corrected": "unknown"})
    sizes = [_size(axis) for axis in image["axes"]]
    y, x = sizes[-2], sizes[-1]
    if x and y:
        found.pixel_size, found.pixel_size_source = (x, y), "DigitalMicrograph calibration"
    microscope, scan = tags.get("Microscope Info", {}), tags.get("DigiScan", {})
    found.put("beam_energy", positive(microscope.get("Voltage")))
    found.put("magnification", positive(microscope.get("Indicated Magnification")))
    found.put("stage_tilt", _tilt(microscope))
    found.put("dwell_time", positive(scan.get("Sample Time")), 1e-6)
    found.note("instrument", microscope.get("Microscope") or microscope.get("Name"))
    found.note("detector", tags.get("Acquisition", {}).get("Device", {}).get("Name"))
    general = image["metadata"].get("General", {})
    found.note("acquired", "T".join(part for key in ("date", "time") if (part := general.get(key))))
    return found, sizes[0] if stacked else None


def _tilt(microscope: dict[str, Any]) -> float | None:
    position = microscope.get("Stage Position", {})
    return number(position.get("Stage Alpha")) if isinstance(position, dict) else None


def _size(axis: dict[str, Any]) -> float | None:
    scale, unit = positive(float(axis["scale"])), _NM.get(str(axis["units"]))
    return scale * unit if scale and unit else None
