"""S 2p spectra drawn here, independent of the engine: Voigt by scipy, step background by a sum, Poisson counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from scipy.special import voigt_profile

from imgpipe.model import quantity

ENERGY = 158.0 + 0.1 * np.arange(141)
POSITIONS = {"Li2S": 160.4, "Li6PS5Cl": 161.2, "SOx": 166.9}


def doublet(
    energy: np.ndarray, position: float, fwhm: float, lorentz: float = 0.054, splitting: float = 1.2
) -> np.ndarray:
    """Return a 2p doublet of area one; `fwhm` is that of the whole Voigt."""
    gauss = np.sqrt(max((fwhm - 0.5346 * lorentz) ** 2 - 0.2166 * lorentz**2, 1e-6))
    sigma = gauss / 2.3548200450309493
    one, two = (voigt_profile(energy - at, sigma, 0.5 * lorentz) for at in (position, position + splitting))
    return np.asarray(one * 2.0 / 3.0 + two / 3.0)


def expected(
    percent: Mapping[str, float],
    *,
    area: float,
    fwhm: float | Mapping[str, float] = 1.0,
    step: float = 0.02,
    constant: float = 0.1,
    slope: float = 0.0,
    charge: float = 0.0,
    shifts: Mapping[str, float] | None = None,
    lorentz: float = 0.2,
    energy: np.ndarray = ENERGY,
) -> np.ndarray:
    """Return expected counts; the step is relative to the area (1/eV), constant and slope to the highest point."""
    widths = fwhm if isinstance(fwhm, Mapping) else dict.fromkeys(percent, fwhm)
    peaks = sum(
        share / 100.0 * doublet(energy, POSITIONS[name] + charge + (shifts or {}).get(name, 0.0), widths[name], lorentz)
        for name, share in percent.items()
    )
    running = np.concatenate([[0.0], np.cumsum(0.5 * (peaks[1:] + peaks[:-1]) * np.diff(energy))])
    top = peaks.max()
    return np.asarray(area * (peaks + step * running + top * (constant + slope * (energy - energy.mean()))))


def area_of(peak_counts: float, fwhm: float) -> float:
    """Return about the area whose highest point has this many counts."""
    percent = {"Li2S": 14.0, "Li6PS5Cl": 81.0, "SOx": 5.0}
    return peak_counts / float(expected(percent, area=1.0, fwhm=fwhm, constant=0.0).max())


def leaf(
    counts: np.ndarray, dims: Sequence[str] = ("energy",), energy: np.ndarray = ENERGY, **coords: object
) -> xr.Dataset:
    """Return a leaf as a reader makes it."""
    axis = xr.DataArray(
        energy, dims=("energy",), attrs={"units": "eV", "long_name": "binding energy", "energy_type": "binding"}
    )
    values = quantity(np.asarray(counts, dtype=np.float64), "counts", "counts", tuple(dims))
    made = xr.Dataset({"counts": values}, coords={"energy": axis, **coords})
    return made.assign_attrs(technique="xps", region="S 2p", element="S", line="2p", sample="made", provenance="[]")


def cycles(count: int) -> xr.DataArray:
    """Return the coordinate of a series."""
    return xr.DataArray(np.arange(1, count + 1), dims=("cycle",), attrs={"units": "1", "long_name": "cycle"})


def names(*samples: str) -> xr.DataArray:
    """Return the coordinate `sample`."""
    return xr.DataArray(np.array(samples, dtype=object), dims=("sample",), attrs={"long_name": "sample"})


def tree(**leaves: xr.Dataset) -> xr.DataTree:
    """Return a tree; an underscore in a name stands for a blank."""
    return xr.DataTree.from_dict({f"/{name.replace('_', ' ')}": one for name, one in leaves.items()})
