"""Spectra of one line, written down with scipy and numpy alone: no code of the engine or of the phantoms."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter1d
from scipy.special import voigt_profile

from imgpipe.model import quantity

ROOT = np.sqrt(8.0 * np.log(2.0))


def voigt(energy: np.ndarray, position: float, gauss_fwhm: float, lorentz_fwhm: float) -> np.ndarray:
    return voigt_profile(energy - position, gauss_fwhm / ROOT, 0.5 * lorentz_fwhm)


def leaf_of(
    region: str, energy: np.ndarray, expected: np.ndarray, seed: int | None = 0, **numbers: tuple[float, str]
) -> xr.Dataset:
    """Return a leaf with Poisson counts about `expected` (energy,) or (cycle, energy); none without a seed."""
    counts = expected if seed is None else np.random.default_rng(seed).poisson(expected).astype(np.float64)
    dims = "cycle energy" if counts.ndim == 2 else "energy"
    axis = xr.DataArray(
        energy, dims="energy", attrs={"units": "eV", "long_name": "binding energy", "energy_type": "binding"}
    )
    element, _, line = region.partition(" ")
    known = {"photon_energy": (1486.6, "eV"), "pass_energy": (20.0, "eV"), "sweeps": (10.0, "1"), **numbers}
    leaf = xr.Dataset(
        {
            "counts": quantity(counts, "counts", "counts", dims),
            **{name: quantity(value, unit, name) for name, (value, unit) in known.items()},
        },
        coords={"energy": axis},
        attrs={"technique": "xps", "region": region, "element": element, "line": line},
    )
    if counts.ndim == 2:
        leaf = leaf.assign_coords(cycle=quantity(np.arange(1.0, len(counts) + 1.0), "1", "cycle", "cycle"))
    return leaf


def carbon(
    shift: float | np.ndarray = 0.0, seed: int | None = 0, low: float = 279.0, high: float = 295.0
) -> xr.Dataset:
    """Return C 1s of hydrocarbons with C-O and O-C=O; several shifts (eV) make a series."""
    energy = np.round(np.arange(low, high + 0.05, 0.1), 6)

    def curve(at: float) -> np.ndarray:
        states = ((284.8, 9000.0), (286.3, 2000.0), (288.8, 1200.0))
        peaks = sum(area * voigt(energy, place + at, 1.1, 0.09) for place, area in states)
        return peaks + 300.0 + 0.01 * np.cumsum(peaks) * 0.1

    expected = curve(shift) if np.ndim(shift) == 0 else np.array([curve(one) for one in shift])
    return leaf_of("C 1s", energy, expected, seed)


def silver(gauss_fwhm: float, seed: int | None = 0, **numbers: tuple[float, str]) -> xr.Dataset:
    """Return Ag 3d with a life-time width of 0.30 eV."""
    energy = np.round(np.arange(364.0, 379.0, 0.05), 6)
    peaks = 2e4 * voigt(energy, 368.2, gauss_fwhm, 0.30) + 4e4 / 3.0 * voigt(energy, 374.2, gauss_fwhm, 0.30)
    return leaf_of("Ag 3d", energy, peaks + 200.0 + 0.01 * np.cumsum(peaks) * 0.05, seed, **numbers)


def fermi_edge(position: float, width: float = 0.5, seed: int | None = 0) -> xr.Dataset:
    """Return a metal's Fermi edge, FWHM of the blur in eV."""
    fine = np.arange(-6.0, 6.0, 0.005)
    occupied = gaussian_filter1d((fine > position).astype(float), width / ROOT / 0.005)
    energy = np.round(np.arange(-3.0, 3.0, 0.05), 6)
    return leaf_of("VB", energy, 20.0 + 800.0 * np.interp(energy, fine, occupied), seed)
