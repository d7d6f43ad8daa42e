"""Units and names as instrument files write them, in the house spelling (standard library only)."""

from __future__ import annotations

import re

_UNITS = {
    "s": "s", "sec": "s", "seconds": "s", "min": "min", "h": "h", "ev": "eV", "kev": "keV", "v": "V", "mv": "mV",
    "a": "A", "ma": "mA", "ua": "uA", "na": "nA", "nm": "nm", "um": "um", "mm": "mm", "cm": "cm", "m": "m",
    "deg": "deg", "degree": "deg", "degrees": "deg", "°": "deg", "k": "K", "degc": "degC", "°c": "degC", "w": "W",
    "kv": "kV", "mah": "mAh", "mah/cm**2": "mAh/cm**2", "mah/cm2": "mAh/cm**2", "mah/cm^2": "mAh/cm**2",
    "c/s": "counts/s", "cps": "counts/s", "counts/s": "counts/s", "pa": "Pa", "mbar": "mbar", "min.": "min",
}  # fmt: skip
"""Lower-case spelling in files -> pint. In VAMAS, ``d`` is dimensionless and ``n`` not defined."""


def pint_unit(text: str) -> str:
    """Return the unit in pint spelling, ``1`` where the file's unit is none, or not known."""
    return _UNITS.get(text.strip().lower(), "1")


def snake(text: str) -> str:
    """Return a name for a variable: ``Etch Time`` -> ``etch_time``, ``PositionX`` -> ``position_x``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[^0-9a-z]+", "_", words.lower()).strip("_") or "variable"
