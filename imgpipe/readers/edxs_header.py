"""What a file says about an X-ray spectrum, in canonical units (runs in the child, standard library only)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SCALARS = {
    "live_time": ("s", "live time"),
    "real_time": ("s", "real time"),
    "dead_time": ("percent", "dead time"),
    "beam_energy": ("eV", "beam energy"),
    "beam_current": ("A", "beam current"),
    "take_off_angle": ("deg", "take-off angle from the specimen's surface"),
    "azimuth_angle": ("deg", "azimuth of the detector"),
    "stage_tilt": ("deg", "stage tilt"),
    "detector_resolution": ("eV", "resolution of the detector (FWHM at Mn Ka)"),
    "working_distance": ("nm", "working distance"),
    "magnification": ("1", "magnification"),
}
"""Number of the metadata -> its unit and name."""
_SIGNED = {"stage_tilt", "azimuth_angle"}
_POSITIVE = {"beam_energy", "beam_current", "detector_resolution", "real_time", "working_distance", "magnification"}
HIGHEST_BEAM = 1e6
"""eV above which no electron microscope for X-ray spectra works."""
SYMBOLS = (
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca",
    "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",
    "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce",
    "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir",
    "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm",
    "Bk", "Cf",
)  # fmt: skip
"""Symbols of the elements, by atomic number from 1."""
LEVEL = 0.01
"""Stage tilt in deg from which the take-off angle differs from the detector's elevation."""


@dataclass
class EdxsHeader:
    """Metadata of one acquisition.

    Parameters
    ----------
    numbers : see `SCALARS`; s, percent, eV, A, deg, nm
    attrs : title, sample, instrument, detector, acquired
    elements : symbols that the file declares
    signal : what the file calls the signal (``EDS_SEM``, ``EELS`` ...)
    flags : what the user must know
    raw : everything the file says, for ``vendor_metadata``
    """

    numbers: dict[str, float] = field(default_factory=dict)
    attrs: dict[str, str] = field(default_factory=dict)
    elements: tuple[str, ...] = ()
    signal: str = ""
    flags: list[str] = field(default_factory=list)
    raw: Mapping[str, Any] = field(default_factory=dict)

    def put(self, name: str, value: object, factor: float = 1.0) -> None:
        """Keep a number in its canonical unit, when it is one that can be true (no energy or resolution of 0)."""
        found = number(value)
        if found is None:
            return
        unit, called = SCALARS[name]
        if found < 0 and name not in _SIGNED:
            self.flags.append(f"{called} {found * factor:g} {unit} is negative: not used")
        elif name == "beam_energy" and found * factor > HIGHEST_BEAM:
            self.flags.append(f"beam energy {found * factor / 1e3:g} keV not used: eV instead of keV?")
        elif found > 0 or name not in _POSITIVE:
            self.numbers[name] = found * factor

    def note(self, name: str, value: object) -> None:
        """Keep a text, when there is one."""
        text = str(value if value is not None else "").strip()
        if text:
            self.attrs[name] = text

    def declare(self, names: Iterable[object]) -> None:
        """Keep the symbols of declared elements, each once, in the order of the file."""
        found = (str(name).strip().partition("_")[0] for name in names)
        self.elements = tuple(dict.fromkeys(symbol for symbol in found if symbol in SYMBOLS))

    def settle(self, elevation: float | None) -> None:
        """Derive the dead time from live and real time, and the take-off angle from the detector's elevation (deg)."""
        live, real = self.numbers.get("live_time"), self.numbers.get("real_time")
        if live and real:
            if live <= real * (1 + 1e-9):
                self.numbers.setdefault("dead_time", 100.0 * max(0.0, 1.0 - live / real))
            else:
                self.flags.append(f"live time {live:g} s is longer than real time {real:g} s")
        if elevation is not None:
            self._take_off(elevation)

    def _take_off(self, elevation: float) -> None:
        tilt = self.numbers.get("stage_tilt", 0.0)
        azimuth = self.numbers.get("azimuth_angle")
        if abs(tilt) <= LEVEL:
            self.numbers["take_off_angle"] = elevation
        elif azimuth is not None:
            self.numbers["take_off_angle"] = take_off(elevation, azimuth, tilt)
            self.flags.append(f"take-off angle from elevation {elevation:g}, azimuth {azimuth:g} and tilt {tilt:g} deg")
        else:
            self.flags.append(f"take-off angle unknown: tilt {tilt:g} deg, no azimuth of the detector")

    def raw_json(self) -> str:
        """Return everything the file says as one JSON string."""
        return json.dumps(_plain(self.raw), ensure_ascii=False, sort_keys=True, allow_nan=False)


def take_off(elevation: float, azimuth: float, tilt: float) -> float:
    """Return the angle between the surface of a tilted specimen and the way to the detector.

    Parameters
    ----------
    elevation : of the detector above the horizontal, deg
    azimuth : of the detector, 0 where the tilt turns the surface towards it, deg
    tilt : of the stage, deg

    Returns
    -------
    deg; the angle of two directions in space (the convention of HyperSpy's metadata)
    """
    e, a, t = (math.radians(value) for value in (elevation, azimuth, tilt))
    return math.degrees(math.asin(math.sin(t) * math.cos(a) * math.cos(e) + math.cos(t) * math.sin(e)))


def number(value: object) -> float | None:
    """Return a finite number; None where there is none (empty, text, infinite)."""
    if value is None or isinstance(value, bool):
        return None
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _plain(value: Any) -> Any:
    """Return what JSON can hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "tolist") and getattr(value, "size", 0) <= 10_000:
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return value[:10_000].decode("utf-8", "replace")
    return str(value)[:10_000]
