"""The spectrometer: photon energy, transmission, counting; and how far photoelectrons come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PHOTON_ENERGY = 1486.69
"""Al K-alpha, eV."""


@dataclass(frozen=True)
class Spectrometer:
    """Everything about the instrument and the scan.

    Attributes
    ----------
    photon_energy, pass_energy : eV
    gauss_fwhm : of photons and analyser together, eV
    transmission_exponent : transmission = (kinetic energy / 1000 eV) ** -exponent
    dwell_time, sweeps : per channel; s and number
    emission_angle : from the surface normal, deg
    dose_drift : relative change of the intensity along one region, in the order of scanning (falling binding energy)
    work_function : as the file gives it, eV; no energy axis depends on it
    """

    photon_energy: float = PHOTON_ENERGY
    pass_energy: float = 20.0
    gauss_fwhm: float = 0.5
    transmission_exponent: float = 0.6
    dwell_time: float = 0.2
    sweeps: int = 10
    emission_angle: float = 0.0
    dose_drift: Any = 0.0
    work_function: float = -4.5
    instrument: str = "phantom spectrometer"
    charge_neutraliser: str = "On"
    extra: dict[str, str] = field(default_factory=dict)

    def transmission(self, binding_energy: Any) -> Any:
        """Return the transmission at a binding energy in eV; 1 at 1000 eV kinetic energy."""
        kinetic = self.photon_energy - np.asarray(binding_energy, dtype=np.float64)
        return (kinetic / 1000.0) ** -self.transmission_exponent

    def seen(self, curve: Floats, energy: Floats, reference: Floats) -> Floats:
        """Return expected counts: the curve with transmission (relative to that at `reference`) and drift of the dose.

        Parameters
        ----------
        curve : (n, energy), counts
        energy : (energy,), eV, rising
        reference : (n,) or (1,), binding energy at which areas were given, eV
        """
        relative = self.transmission(energy) / self.transmission(reference)[:, None]
        progress = np.linspace(1.0, 0.0, energy.size)
        seen: Floats = curve * relative * (1.0 + np.atleast_1d(self.dose_drift)[:, None] * progress)
        return seen


def attenuation_length(binding_energy: Any, at_1000: float, *, photon_energy: float = PHOTON_ENERGY) -> Any:
    """Return the attenuation length in nm: `at_1000` at 1000 eV kinetic energy, growing with its power 0.75."""
    return at_1000 * ((photon_energy - np.asarray(binding_energy, dtype=np.float64)) / 1000.0) ** 0.75
