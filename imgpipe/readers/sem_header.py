"""What the modules for the makers of SEMs hand over: one header for all (runs in the child)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from imgpipe.errors import ReadError

AGREEMENT = 0.005
"""Relative difference from which two pixel sizes of one file contradict each other."""

_QUANTITIES = {
    "beam_energy": ("eV", "beam energy"),
    "beam_current": ("A", "beam current"),
    "working_distance": ("nm", "working distance"),
    "stage_tilt": ("deg", "stage tilt"),
    "magnification": ("1", "magnification"),
    "dwell_time": ("s", "dwell time per pixel"),
}
NAMES = tuple(_QUANTITIES)


@dataclass
class SemHeader:
    """Metadata of one SEM image, in canonical units.

    Parameters
    ----------
    maker : whose metadata it is
    pixel_size : (x, y) in nm, or None
    pixel_size_source : tag it came from
    image_rows : rows that are image (the rest is data bar), or None when the metadata don't say
    quantities : see `NAMES`; eV, A, nm, deg, 1, s
    attrs : instrument, detector, acquired, tilt_corrected, tilt_correction_angle (between beam and face, deg)
    flags : what the user must know
    raw : everything the file says, for ``vendor_metadata``
    fields : detector images side by side in one file
    detectors : their names
    """

    maker: str
    pixel_size: tuple[float, float] | None = None
    pixel_size_source: str = ""
    image_rows: int | None = None
    quantities: dict[str, float] = field(default_factory=dict)
    attrs: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    raw: Mapping[str, Any] = field(default_factory=dict)
    fields: int = 1
    detectors: tuple[str, ...] = ()

    def put(self, name: str, value: object, factor: float = 1.0) -> None:
        """Keep a number of the metadata in its canonical unit, when it is one."""
        if (found := number(value)) is not None:
            self.quantities[name] = found * factor

    def note(self, name: str, value: object) -> None:
        """Keep a text of the metadata, when there is one."""
        text = str(value if value is not None else "").strip()
        if text:
            self.attrs[name] = text

    def raw_json(self) -> str:
        """Return everything the file says as one JSON string."""
        return json.dumps(self.raw, default=str, ensure_ascii=False, sort_keys=True)


def unit_and_name(name: str) -> tuple[str, str]:
    """Return canonical unit and long name of a quantity of the header."""
    return _QUANTITIES[name]


def number(value: object) -> float | None:
    """Return a finite number, or None when the metadata hold none (empty, text, infinite)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


def positive(value: object) -> float | None:
    """Return a number above zero, or None."""
    found = number(value)
    return found if found is not None and found > 0 else None


def agree(first: float, second: float, tolerance: float = AGREEMENT) -> bool:
    """Tell whether two lengths differ by less than the tolerance."""
    return abs(first - second) <= tolerance * max(abs(first), abs(second))


def contradiction(first: str, one: float, second: str, other: float) -> ReadError:
    """Return the error for two pixel sizes of one file that do not agree (nm)."""
    return ReadError(
        f"the file contradicts itself about its scale: {first} gives {one:.6g} nm per pixel, "
        f"{second} gives {other:.6g} nm (resized or cropped after acquisition?).",
        remedy="read the original file, or give the right pixel_size in the recipe.",
    )


def sized(header: SemHeader, shape: tuple[int, int], columns: float | None, rows: float | None) -> None:
    """Check the image against the size that its metadata state.

    Raises
    ------
    ReadError
        other number of columns, or fewer rows than stated: the scale of such a file is not to be trusted.
    """
    for word, found, stated in (("columns", shape[1], columns), ("rows", shape[0], rows)):
        if stated and (found != stated if word == "columns" else found < stated):
            raise ReadError(
                f"the image has {found} {word}, its {header.maker} metadata say {stated:g}: "
                "it was resized or cropped after acquisition, so its pixel size is unknown.",
                remedy="read the original file, or give pixel_size in the recipe.",
            )


def written_date(text: str, patterns: tuple[str, ...], change: Callable[[str], str] = str.strip) -> str:
    """Return a date and time in ISO 8601, or the text as it stands when no pattern fits."""
    for pattern in patterns:
        try:
            return datetime.strptime(change(text), pattern).isoformat()
        except ValueError:
            continue
    return text.strip()


def face_angle(tilt: float) -> float:
    """Return the angle between beam and face, deg, for a tilt from the normal of the face, of any sign."""
    return round(90.0 - abs(tilt), 4)
