"""One measured spectrum, as all XPS formats hand it over, with its axis and its counts put right (numpy only).

Energy convention: binding energy = photon energy - kinetic energy, rising; a work function is metadata and never added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.errors import DataError, ReadError

Numbers = NDArray[np.float64]
MISSING = 9.9e36
"""Values of at least this size mean 'not known' in VAMAS (1E+37)."""
SCALARS = {
    "photon_energy": ("eV", "photon energy"),
    "pass_energy": ("eV", "pass energy"),
    "dwell_time": ("s", "dwell time per point and sweep"),
    "sweeps": ("1", "sweeps"),
    "work_function": ("eV", "work function of the analyser"),
    "emission_angle": ("deg", "emission angle from the surface normal"),
}
"""Numbers of the metadata that calculations use: unit, name."""
DIVIDED = "counts already divided by dwell"
"""Flag of data that are no counts any more."""
_WHOLE = 1e-3
_KEV = 3.0
_FINE = 0.002
_BELOW_FERMI = -25.0


@dataclass
class Spectrum:
    """One spectrum of one region.

    Parameters
    ----------
    labels : what the file calls the region, the best name first
    sample : sample name, "" when not told
    energy : as in the file, any order
    scale : ``kinetic`` or ``binding``
    unit : of the energy as the file says, eV or keV
    values : one number per energy
    rate : the values are counts per second
    transmission : one number per energy, or None
    numbers : see `SCALARS`
    attrs : instrument, acquired, charge_neutraliser ...
    variables : experimental variables: name -> (value, unit, label in the file)
    raw : everything the file says, for ``vendor_metadata``
    flags : what the user must know
    """

    labels: tuple[str, ...]
    sample: str
    energy: Numbers
    scale: str
    values: Numbers
    unit: str = "eV"
    rate: bool = False
    transmission: Numbers | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    attrs: dict[str, str] = field(default_factory=dict)
    variables: dict[str, tuple[float, str, str]] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)

    def put(self, name: str, value: float | None) -> None:
        """Keep a number of the metadata when it is one; sentinels and impossible values are left out."""
        if value is None or not np.isfinite(value) or abs(value) >= MISSING:
            return
        if name != "work_function" and (value < 0 or (value == 0 and name != "emission_angle")):
            return
        self.numbers[name] = float(value)

    @property
    def counts_factor(self) -> float | None:
        """Return dwell time x sweeps, None when the dwell time is not known."""
        dwell = self.numbers.get("dwell_time")
        return None if dwell is None else dwell * self.numbers.get("sweeps", 1.0)


def settle(spectrum: Spectrum) -> Spectrum:
    """Put energy in eV, on the binding scale where the photon energy is known, rising; turn rates into counts.

    Raises
    ------
    ReadError
        energy and values don't fit together.
    DataError
        the energy holds NaN, is neither rising nor falling, or can't be in eV.
    """
    if spectrum.energy.size != spectrum.values.size or not spectrum.values.size:
        raise ReadError(f"{_name(spectrum)}: {spectrum.energy.size} energies and {spectrum.values.size} intensities.")
    _in_electron_volts(spectrum)
    _on_the_binding_scale(spectrum)
    _rising(spectrum)
    _as_counts(spectrum)
    missing = int(np.isnan(spectrum.values).sum())
    if missing:
        spectrum.flags.append(f"{missing} missing intensities")
    return spectrum


def _name(spectrum: Spectrum) -> str:
    return next((label for label in spectrum.labels if label.strip()), "a spectrum")


def _in_electron_volts(spectrum: Spectrum) -> None:
    unit = spectrum.unit.strip().lower()
    if unit == "kev":
        spectrum.energy = spectrum.energy * 1000.0
        spectrum.flags.append("energy given in keV, converted to eV")
        return
    if unit not in ("ev", ""):
        raise DataError(
            f"{_name(spectrum)}: the energy is in {spectrum.unit!r}, eV or keV are expected.",
            remedy="export the spectrum with an energy axis in eV.",
        )
    _require_electron_volts(spectrum)


def _require_electron_volts(spectrum: Spectrum) -> None:
    energy = spectrum.energy
    if energy.size < 2 or not np.isfinite(energy).all():
        return
    highest, photon = float(np.abs(energy).max()), spectrum.numbers.get("photon_energy", np.inf)
    if highest >= _KEV and photon >= _KEV:
        return
    step = float(np.median(np.abs(np.diff(energy))))
    kinetic = spectrum.scale == "kinetic" and 100.0 < photon < np.inf
    if photon < _KEV or (highest < _KEV and (step < _FINE or kinetic)):
        raise DataError(
            f"{_name(spectrum)}: the energy goes from {energy.min():g} to {energy.max():g} in steps of {step:g}"
            f"{'' if photon == np.inf else f' with a photon energy of {photon:g}'}: these are keV, not eV.",
            remedy="write the unit keV where the file names the unit, or multiply the energies by 1000.",
        )


def _on_the_binding_scale(spectrum: Spectrum) -> None:
    photon = spectrum.numbers.get("photon_energy")
    if spectrum.scale == "kinetic" and photon is not None:
        spectrum.energy, spectrum.scale = photon - spectrum.energy, "binding"
    elif spectrum.scale == "kinetic":
        spectrum.flags.append("no photon energy in the file: the energy stays kinetic")
    spectrum.energy = np.round(spectrum.energy, 9) + 0.0
    if spectrum.scale == "binding" and spectrum.energy.size and np.nanmax(spectrum.energy) < _BELOW_FERMI:
        raise DataError(
            f"{_name(spectrum)}: its binding energies go from {np.nanmin(spectrum.energy):g} to "
            f"{np.nanmax(spectrum.energy):g} eV, far below zero (photon energy {photon or 'unknown'}).",
            remedy="check the photon energy and whether the axis is kinetic or binding energy.",
        )


def _rising(spectrum: Spectrum) -> None:
    energy = spectrum.energy
    steps = np.diff(energy)
    if not np.isfinite(energy).all():
        raise DataError(f"{_name(spectrum)}: the energy holds NaN or Inf.", remedy="export the spectrum again.")
    if np.all(steps < 0):
        turned = slice(None, None, -1)
        spectrum.energy, spectrum.values = energy[turned].copy(), spectrum.values[turned].copy()
        if spectrum.transmission is not None:
            spectrum.transmission = spectrum.transmission[turned].copy()
    elif not np.all(steps > 0):
        _refuse_order(spectrum, steps)


def _refuse_order(spectrum: Spectrum, steps: Numbers) -> None:
    sign = 1.0 if spectrum.energy[-1] >= spectrum.energy[0] else -1.0
    at = int(np.argmax(sign * steps <= 0))
    what = "twice the same energy" if steps[at] == 0 else "a step backwards"
    raise DataError(
        f"{_name(spectrum)}: the energy is neither rising nor falling: {what} after point {at + 1} "
        f"({spectrum.energy[at]:g} and {spectrum.energy[at + 1]:g} eV).",
        remedy="export each sweep or region on its own, or merge the sweeps in the instrument's program.",
    )


def whole(values: Numbers, tolerance: float = _WHOLE) -> bool:
    """Tell whether all finite values are whole numbers, up to the seven digits or so that files carry."""
    finite = values[np.isfinite(values)]
    allowed = np.clip(2e-7 * np.abs(finite), tolerance, 0.1)
    return bool(np.all(np.abs(finite - np.rint(finite)) <= allowed))


def _as_counts(spectrum: Spectrum) -> None:
    """Multiply rates by dwell x sweeps; counts that are no whole numbers are recognised as rates where that fits."""
    factor = spectrum.counts_factor
    if spectrum.rate:
        if factor is None:
            spectrum.flags.append(DIVIDED)
            return
        spectrum.values, spectrum.rate = _counted(spectrum.values, factor), False
        factor = None  # a rate is multiplied once
    if whole(spectrum.values):
        return
    if factor is not None and factor != 1.0 and whole(spectrum.values * factor):
        spectrum.values = _counted(spectrum.values, factor)
        spectrum.flags.append(f"counts per second in the file, multiplied by dwell x sweeps = {factor:g} s")
        return
    spectrum.flags.append(f"{DIVIDED} or otherwise corrected: they are not whole numbers")


def _counted(rates: Numbers, factor: float) -> Numbers:
    """Return rate x time; whole numbers again where rounding of the file alone keeps them from it."""
    counts = rates * factor
    return np.rint(counts) if whole(counts) else counts
