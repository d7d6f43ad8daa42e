"""Numbers of the microscope where HyperSpy's metadata keeps them, and back (eXSpy: keV, nA, s, deg, eV)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from imgpipe.errors import DataError
from imgpipe.model import quantity, unit_of
from imgpipe.units import convert

TRANSMISSION = 45e3
"""Beam energy above which a spectrum is taken for one of a transmission microscope, eV."""


TECHNIQUES = ("edxs", "sem")


@dataclass(frozen=True)
class Place:
    """Where HyperSpy keeps a number: path below ``Acquisition_instrument.SEM`` (or TEM), its unit there and here."""

    path: str
    unit: str
    canonical: str
    long_name: str


PLACES = {
    "beam_energy": Place("beam_energy", "keV", "eV", "beam energy"),
    "beam_current": Place("beam_current", "nA", "A", "beam current"),
    "stage_tilt": Place("Stage.tilt_alpha", "deg", "deg", "stage tilt"),
    "live_time": Place("Detector.EDS.live_time", "s", "s", "live time"),
    "real_time": Place("Detector.EDS.real_time", "s", "s", "real time"),
    "azimuth_angle": Place("Detector.EDS.azimuth_angle", "deg", "deg", "azimuth of the detector"),
    "detector_resolution": Place("Detector.EDS.energy_resolution_MnKa", "eV", "eV", "FWHM at Mn Ka"),
}
ELEVATION = "Detector.EDS.elevation_angle"
TILT, AZIMUTH = PLACES["stage_tilt"].path, PLACES["azimuth_angle"].path


def in_microscope(leaf: xr.Dataset) -> bool:
    """Tell whether the numbers of a leaf are those of an electron microscope; an XPS take-off angle is another one."""
    return str(leaf.attrs.get("technique", "")) in TECHNIQUES


def microscope(leaf: xr.Dataset) -> str:
    """Return ``TEM`` or ``SEM``: as the leaf says, else by the beam energy."""
    said = str(leaf.attrs.get("microscope", "")).upper()
    if said in ("SEM", "TEM"):
        return said
    return "TEM" if _number(leaf, "beam_energy", "eV", 0.0) > TRANSMISSION else "SEM"


def entries(leaf: xr.Dataset) -> dict[str, float]:
    """Return path -> number for all that the leaf knows.

    The take-off angle counts from the specimen's surface; eXSpy works it out from tilt, azimuth and elevation, so
    that the elevation is given that leads back to the same angle.

    Raises
    ------
    DataError
        when no elevation leads to the take-off angle with this tilt and azimuth.
    """
    found = {
        place.path: _number(leaf, name, place.unit, math.nan)
        for name, place in PLACES.items()
        if name in leaf.variables
    }
    if "take_off_angle" in leaf.variables:
        take_off = _number(leaf, "take_off_angle", "deg", math.nan)
        found[ELEVATION] = elevation(take_off, found.get(TILT, 0.0), found.get(AZIMUTH, 0.0))
    return {path: value for path, value in found.items() if math.isfinite(value)}


def elevation(take_off: float, tilt: float, azimuth: float) -> float:
    """Return the elevation of a detector seen under `take_off` from a specimen tilted by `tilt`, all in deg.

    Inverts sin(take_off) = sin(tilt) cos(azimuth) cos(elevation) + cos(tilt) sin(elevation).
    """
    along = math.sin(math.radians(tilt)) * math.cos(math.radians(azimuth))
    up = math.cos(math.radians(tilt))
    sine = math.sin(math.radians(take_off)) / math.hypot(along, up)
    if abs(sine) > 1.0:
        raise DataError(
            f"a take-off angle of {take_off:g} deg is not possible with tilt {tilt:g} and azimuth {azimuth:g} deg.",
            remedy="correct these variables of the leaf.",
        )
    return math.degrees(math.asin(sine) - math.atan2(along, up))


def numbers(instrument: Mapping[str, Any], assumed: Mapping[str, float]) -> dict[str, xr.DataArray]:
    """Return the 0-d variables that the metadata holds; `assumed` (path -> value) is what eXSpy filled in by itself."""
    known = {path: value for path, value in _flat(instrument).items() if assumed.get(path) != value}
    found = {
        name: quantity(float(convert(known[place.path], place.unit, place.canonical)), place.canonical, place.long_name)
        for name, place in PLACES.items()
        if place.path in known
    }
    if ELEVATION in known:
        angles = (known.get(TILT, 0.0), known.get(AZIMUTH, 0.0), known[ELEVATION])
        found["take_off_angle"] = quantity(_take_off(*angles), "deg", "take-off angle")
    return found


def _take_off(tilt: float, azimuth: float, above: float) -> float:
    tilt, azimuth, above = (math.radians(angle) for angle in (tilt, azimuth, above))
    sine = math.sin(tilt) * math.cos(azimuth) * math.cos(above) + math.cos(tilt) * math.sin(above)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def assumed(instrument: Mapping[str, Any], given: Mapping[str, float]) -> dict[str, float]:
    """Return path -> value of what stands in the metadata though nobody gave it: eXSpy's own defaults."""
    return {path: value for path, value in _flat(instrument).items() if path not in given}


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, float]:
    """Return all numbers of a nested dict by their path."""
    found: dict[str, float] = {}
    for key, value in tree.items():
        path = f"{above}{key.strip()}"  # eXSpy writes "beam_energy " with a blank
        if isinstance(value, Mapping):
            found |= _flat(value, f"{path}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[path] = float(value)
    return found


def _number(leaf: xr.Dataset, name: str, unit: str, default: float) -> float:
    if name not in leaf.variables or leaf[name].ndim:
        return default
    return float(convert(float(leaf[name]), unit_of(leaf[name]), unit))
