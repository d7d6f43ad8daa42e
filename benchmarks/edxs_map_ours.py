"""Element maps with imgpipe's step `line_intensities`, on an array in memory or in chunks through dask."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from benchmarks.edxs_map import BEAM_ENERGY, LINES, RESOLUTION, axis
from imgpipe.model import quantity
from imgpipe.steps.edxs.intensities import line_intensities

Floats = NDArray[np.float64]
Counts = NDArray[Any]


def by_model(counts: Counts) -> tuple[Floats, Floats]:
    """Return maps of the lines (element, y, x) from the model of all lines and bremsstrahlung, and their u."""
    found = intensities(leaf(counts), method="model").compute()
    return found["intensity"].values, found["u_intensity"].values


def by_windows(counts: Counts) -> tuple[Floats, Floats]:
    """Return maps of the lines from counts in windows less their background, and their u."""
    found = intensities(leaf(counts), method="window").compute()
    return found["intensity"].values, found["u_intensity"].values


def leaf(counts: Any) -> xr.Dataset:
    """Return counts (y, x, energy), numpy or dask, as a reader gives them."""
    energy = xr.DataArray(axis(), dims="energy", attrs={"units": "eV", "long_name": "X-ray energy"})
    sides = {
        name: xr.DataArray(20.0 * np.arange(n), dims=name, attrs={"units": "nm", "long_name": name})
        for name, n in zip(("y", "x"), counts.shape[:2], strict=True)
    }
    values = {
        "counts": xr.DataArray(counts, dims=("y", "x", "energy"), attrs={"units": "counts", "long_name": "counts"}),
        "beam_energy": quantity(BEAM_ENERGY, "eV", "beam energy"),
        "detector_resolution": quantity(RESOLUTION, "eV", "FWHM at Mn Ka"),
    }
    return xr.Dataset(values, coords={**sides, "energy": energy}, attrs={"technique": "edxs"})


def intensities(data: xr.Dataset, method: Literal["model", "window"]) -> xr.Dataset:
    """Return maps `intensity` and `u_intensity` (element, y, x), as lazy as the counts."""
    found = line_intensities(
        data["counts"],
        beam_energy=data["beam_energy"],
        detector_resolution=data["detector_resolution"],
        elements=list(LINES),
        lines=dict(LINES),
        method=method,
    )
    if list(found["element"].values) != list(LINES):
        raise ValueError("the elements come in another order than that of the truth")
    return xr.Dataset({name: found[name] for name in ("intensity", "u_intensity")})
