"""Resolution of an energy-dispersive detector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MN_KA = 5898.7
"""Energy at which resolutions are stated (ISO 15632), eV."""
SLOPE = 2.5
"""Rise of the squared FWHM with energy, eV (Fano statistics in silicon); eXSpy uses the same number."""
LEAST_NOISE = 20.0
"""FWHM in eV that electronic noise can't fall below."""
USUAL = 130.0
"""FWHM at Mn Ka of a common silicon drift detector, eV: taken where a file does not say."""


def fwhm(energy: Any, resolution: float) -> NDArray[np.float64]:
    """Return the full width at half maximum of a line in eV.

    ``FWHM^2 = FWHM(Mn Ka)^2 + 2.5 eV (E - 5898.7 eV)``.

    Parameters
    ----------
    energy : eV, any shape
    resolution : FWHM at Mn Ka, eV

    References
    ----------
    C. E. Fiori, D. E. Newbury, SEM/1978/I, p. 401; J. Goldstein et al., Scanning Electron Microscopy and X-ray
    Microanalysis (2003), p. 315
    """
    squared = resolution**2 + SLOPE * (np.asarray(energy, dtype=np.float64) - MN_KA)
    return np.sqrt(np.maximum(squared, LEAST_NOISE**2))
