"""Efficiency of energy-dispersive detectors: what window, dead layer and thickness of the crystal let through."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.xrays.materials import mass_absorption

WINDOWS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "none": (("Si", 2.33, 50.0),),
    "polymer": (("C22H10N2O5", 1.42, 300.0), ("Al", 2.70, 40.0), ("Si", 2.33, 50.0)),
    "beryllium": (("Be", 1.85, 8000.0), ("Si", 2.33, 50.0)),
}
"""Formula, density (g/cm3) and thickness (nm) of what lies before the crystal: typical values of data sheets, the last
layer being the dead layer. They shape the background; its jump at the carbon edge matters for the area of C K."""
CRYSTAL = 450_000.0
"""Thickness of the silicon, nm."""


def efficiency(energy: Any, window: str) -> NDArray[np.float64]:
    """Return the fraction of photons that a silicon drift detector counts, 0 to 1.

    Parameters
    ----------
    energy : eV; values below 100 count as 100
    window : none, polymer or beryllium (`WINDOWS`)
    """
    energies = np.asarray(energy, dtype=np.float64)
    depth = np.zeros(energies.shape)
    for formula, density, thickness in WINDOWS[window]:
        depth += mass_absorption(formula, energies) * density * thickness * 1e-7
    stopped = -np.expm1(-mass_absorption("Si", energies) * 2.33 * CRYSTAL * 1e-7)
    return np.exp(-depth) * stopped
