"""Natural core lines on a fine energy grid: how much of a line falls into each cell, by its exact antiderivative.

A Lorentzian has the width of the core hole's lifetime; in a metal the electrons at the Fermi edge answer the hole with
soft electron-hole pairs, which gives the Doniach-Sunjic line a tail to higher binding energy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CUTOFF = 8.0
"""Energy in eV at which the electron-hole pairs of a metal run out (about the width of its band)."""
_FAR = 400.0  # eV beyond which nothing of a line is left


def lorentzian_cells(edges: Floats, position: Any, width: Any) -> Floats:
    """Return the share of a Lorentzian in each cell.

    Parameters
    ----------
    edges : (cells + 1,) rising cell borders, eV
    position, width : (n, 1), centre and full width at half maximum, eV, width > 0

    Returns
    -------
    (n, cells), share of the whole line
    """
    cells: Floats = np.diff(np.arctan((edges - position) / (0.5 * width))) / np.pi
    return cells


def doniach_cells(edges: Floats, position: Any, width: Any, asymmetry: Any, *, cutoff: float = CUTOFF) -> Floats:
    """Return the share of a Doniach-Sunjic line in each cell; its tail ends with exp(-E / cutoff), so it is finite.

    Parameters
    ----------
    edges : (cells + 1,) rising cell borders, eV
    position, width : (n, 1), of the Lorentzian behind it, eV, width > 0
    asymmetry : (n, 1), 0 < asymmetry < 0.5
    cutoff : where the electron-hole pairs run out, eV

    References
    ----------
    S. Doniach, M. Sunjic, J. Phys. C 3, 285 (1970); the cut-off: G. D. Mahan, Phys. Rev. B 11, 4814 (1975)
    """
    cells = _doniach(edges - position, 0.5 * width, asymmetry, cutoff)
    far = np.concatenate([-np.geomspace(_FAR, 1e-3, 4000), [0.0], np.geomspace(1e-3, _FAR, 8000)])
    whole: Floats = _doniach(far, 0.5 * width, asymmetry, cutoff).sum(axis=-1, keepdims=True)
    return cells / whole


def _doniach(edges: Floats, half: Any, asymmetry: Any, cutoff: float) -> Floats:
    """Return unnormalised cell integrals; `edges` (n, cells + 1) count from the line to higher binding energy."""
    phase = 1j * np.exp(0.5j * np.pi * asymmetry) / asymmetry
    integral = np.real(phase * (half + 1j * edges) ** asymmetry)
    middle = 0.5 * (edges[..., 1:] + edges[..., :-1])
    cells: Floats = -np.diff(integral) * np.exp(-np.maximum(middle, 0.0) / cutoff)
    return cells


def line_cells(edges: Floats, position: Any, width: Any, asymmetry: Any) -> Floats:
    """Return the share of a line in each cell: a Lorentzian where the asymmetry is zero, else a Doniach-Sunjic line."""
    if np.all(asymmetry == 0):
        return lorentzian_cells(edges, position, width)
    if np.any(asymmetry < 1e-3):
        raise ValueError("the asymmetry of a line must be 0 for all spectra, or at least 0.001 for all")
    return doniach_cells(edges, position, width, asymmetry)


def gauss_of_voigt(fwhm: Any, natural_width: Any) -> Any:
    """Return the Gaussian FWHM that together with a Lorentzian makes a Voigt line of a given FWHM, eV.

    Inverts Olivero and Longbothum, J. Quant. Spectrosc. Radiat. Transfer 17, 233 (1977), good to 2e-4.
    """
    square = (fwhm - 0.5346 * natural_width) ** 2 - 0.2166 * natural_width**2
    if np.any(square <= 0):
        raise ValueError("the natural width leaves nothing for the Gaussian of this FWHM")
    return np.sqrt(square)


def voigt_fwhm(gauss: Any, natural_width: Any) -> Any:
    """Return the FWHM of a Voigt line from its Gaussian and Lorentzian FWHM, eV (Olivero and Longbothum 1977)."""
    return 0.5346 * natural_width + np.sqrt(0.2166 * natural_width**2 + gauss**2)
