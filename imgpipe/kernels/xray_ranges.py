"""How far electrons go and how deep X-rays are made: range formulae, overvoltage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_OVERVOLTAGE = 1.5
"""Below it a line is weak and its intensity steep in the beam energy."""


def kanaya_okayama(beam_energy: Any, atomic_mass: Any, atomic_number: Any, density: Any) -> Floats:
    """Return the electron range in nm: ``27.6 A E^1.67 / (Z^0.89 rho)``, E in keV.

    Parameters
    ----------
    beam_energy : eV
    atomic_mass, atomic_number : g/mol and Z; of a compound the averages by mass fraction
    density : g/cm3

    References
    ----------
    K. Kanaya, S. Okayama, J. Phys. D 5, 43 (1972)
    """
    keV = np.asarray(beam_energy, dtype=np.float64) / 1000.0
    return np.asarray(27.6 * np.asarray(atomic_mass) * keV**1.67 / (np.asarray(atomic_number) ** 0.89 * density))


def anderson_hasler(beam_energy: Any, edge: Any, density: Any) -> Floats:
    """Return the depth down to which a line is made, in nm: ``64 (E^1.68 - Ec^1.68) / rho``, energies in keV.

    Parameters
    ----------
    beam_energy, edge : eV; a beam below the edge gives 0
    density : g/cm3

    References
    ----------
    C. A. Andersen, M. F. Hasler, in X-Ray Optics and Microanalysis (Hermann, Paris 1966), p. 310
    """
    beam = np.asarray(beam_energy, dtype=np.float64) / 1000.0
    critical = np.asarray(edge, dtype=np.float64) / 1000.0
    return np.asarray(64.0 * np.maximum(beam**1.68 - critical**1.68, 0.0) / density)


def overvoltage(beam_energy: Any, edge: Any) -> Floats:
    """Return beam energy over the energy that ionises the shell (both eV); 1 or less excites nothing."""
    return np.asarray(np.asarray(beam_energy, dtype=np.float64) / edge)
