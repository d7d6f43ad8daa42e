"""Axes of X-ray data: energies in eV and lengths in nm, or an error that says what is missing (numpy only)."""

from __future__ import annotations

import math

from imgpipe.errors import DataError, ReadError
from imgpipe.readers.edxs_header import number
from imgpipe.readers.leaf import Axis

_EV = {"ev": 1.0, "kev": 1e3, "mev": 1e6}
_NM = {
    "nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9, "pm": 1e-3, "å": 0.1, "a": 0.1,
    "angstrom": 0.1, "µ": 1e3,
}  # fmt: skip
LOWEST_END, HIGHEST_END = 150.0, 450e3
"""eV between which the last channel of a spectrum of X-rays lies; outside, the unit is not what it is said to be."""


def energy_factor(unit: object) -> float | None:
    """Return eV per unit of an energy axis, None for an unknown or missing unit."""
    return _EV.get(str(unit or "").strip().strip("[]()").lower())


def length_factor(unit: object) -> float | None:
    """Return nm per unit of a length axis, None for an unknown or missing unit (``pix``, ``points``)."""
    return _NM.get(str(unit or "").strip().strip("[]()").lower())


def energy_axis(size: int, offset: float, scale: float, unit: object, *, loss: bool = False) -> tuple[Axis, bool]:
    """Return the energy axis in eV, rising, and whether the values have to be turned round.

    Parameters
    ----------
    size : channels
    offset, scale : energy of the first channel and step, in `unit`
    unit : as the file names it, or the unit that the standard of its format prescribes
    loss : an axis of energy losses, which has no lowest end

    Raises
    ------
    DataError
        no or unknown unit, a step of 0, NaN, or a range that no spectrum of X-rays has in this unit.
    """
    offset, scale = float(offset), float(scale)
    if not (math.isfinite(offset) and math.isfinite(scale)) or scale == 0:
        raise DataError(
            f"the energy axis can't be used: offset {offset:g}, step {scale:g}.", remedy="export the spectrum again."
        )
    factor = energy_factor(unit)
    ends = sorted((offset, offset + scale * (size - 1)))
    if factor is None:
        raise DataError(_no_unit(unit, ends), remedy="state eV or keV in the file (msa: #XUNITS; hspy: axis units).")
    if not loss and scale < 0 and ends[1] * factor < LOWEST_END:
        raise DataError(
            f"the energy axis falls from {offset:g} {unit} in steps of {scale:g}: these are no energies of X-rays.",
            remedy="correct the sign of the step (msa: #XPERCHAN), or export the spectrum again.",
        )
    if not loss:
        _require_range(ends[1] * factor, str(unit))
    start, step = ends[0] * factor, abs(scale) * factor
    name = "energy loss" if loss else "X-ray energy"
    return Axis(size, step, "eV", start, attrs={"long_name": name}), scale < 0


def _no_unit(unit: object, ends: list[float]) -> str:
    said = f"has the unit {str(unit).strip()!r}" if str(unit or "").strip() else "has no unit"
    last = ends[1]
    seems = "keV" if 0.5 <= last < LOWEST_END else "eV" if last >= 500 else "neither eV nor keV"
    return f"the energy axis {said}; it runs from {ends[0]:g} to {last:g}, which looks like {seems}."


def _require_range(last: float, unit: str) -> None:
    if LOWEST_END <= last <= HIGHEST_END:
        return
    other = "keV" if last < LOWEST_END else "eV"
    raise DataError(
        f"the energy axis is said to be in {unit}, but ends at {last:g} eV: it looks like {other}.",
        remedy=f"correct the unit of the energy axis (probably {other}), or export the spectrum again.",
    )


def length_axis(size: int, scale: object, unit: object, given: float | None = None) -> tuple[Axis, float | None]:
    """Return an axis of lengths that begins at 0, and its step in nm (None without a scale: the axis is in px).

    Parameters
    ----------
    size : points
    scale, unit : step as the file states it; the sign only says which way the scan ran
    given : step in nm that the user states, which overrules the file
    """
    factor = length_factor(unit)
    step = abs(number(scale) or 0.0) * factor if factor is not None else None
    step = given or step
    if not step or not math.isfinite(step):
        return Axis(size), None
    return Axis(size, step, "nm"), step


def require_size(what: str, found: int, stated: int) -> None:
    """Raise `ReadError` where a file holds not as many values as it states."""
    if found != stated:
        raise ReadError(
            f"the file is cut or damaged: it states {stated} {what}, found are {found}.",
            remedy="copy the file again from the instrument, or export it again.",
        )
