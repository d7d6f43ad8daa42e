"""Scale of TIFF images that carry no microscope metadata: ImageJ and OME, where a real unit of length stands.

Resolution in dots per inch is made for printers: 72 or 96 dpi is no pixel size, so it is never used.
"""

from __future__ import annotations

import math
import re

from imgpipe.readers.sem_header import SemHeader, number, positive

_NM = {
    "nm": 1.0, "nanometer": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3,
    "mm": 1e6, "cm": 1e7, "m": 1e9, "angstrom": 0.1, "Å": 0.1, "pm": 1e-3,
}  # fmt: skip
_OME = re.compile(r'PhysicalSize([XYZ])(Unit)?="([^"]*)"')


def header(
    description: str, resolution: tuple[tuple[int, int], tuple[int, int]] | None
) -> tuple[SemHeader, float | None]:
    """Return the header and the distance of slices (nm) of an ImageJ or OME file.

    Parameters
    ----------
    description : tag ImageDescription
    resolution : tags XResolution and YResolution as (numerator, denominator), pixels per unit
    """
    found = SemHeader("plain", attrs={"tilt_corrected": "unknown"})
    spacing = None
    if description.startswith("ImageJ="):
        spacing = _imagej(found, description, resolution)
    elif "<OME" in description[:1000]:
        spacing = _ome(found, description)
    return found, spacing


def _imagej(
    found: SemHeader, description: str, resolution: tuple[tuple[int, int], tuple[int, int]] | None
) -> float | None:
    lines = (line.partition("=") for line in description.splitlines())
    entries = {key.strip(): value.strip() for key, _, value in lines}
    found.raw = entries
    unit = _NM.get(entries.get("unit", "").replace("\\u00B5", "µ"))
    if unit is None:
        return None
    if resolution and all(part > 0 for pair in resolution for part in pair):
        x, y = (unit * below / above for above, below in resolution)
        found.pixel_size, found.pixel_size_source = (x, y), f"ImageJ resolution in {entries['unit']}"
    distance = positive(entries.get("spacing"))
    return distance * unit if distance else None


def _ome(found: SemHeader, description: str) -> float | None:
    values: dict[str, float] = {}
    units = {"X": 1e3, "Y": 1e3, "Z": 1e3}
    for letter, is_unit, text in _OME.findall(description):
        if is_unit:
            units[letter] = _NM.get(text, math.nan)
        elif (value := number(text)) is not None and value > 0:
            values.setdefault(letter, value)
    sizes = {letter: value * units[letter] for letter, value in values.items() if not math.isnan(units[letter])}
    if "X" in sizes:
        found.pixel_size, found.pixel_size_source = (sizes["X"], sizes.get("Y", sizes["X"])), "OME PhysicalSizeX"
    return sizes.get("Z")
