"""EDX spectra made photon by photon: lines written down here, Gaussian energies, nothing of the estimator's model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from imgpipe.model import quantity

STEP, START = 10.0, -100.0
"""Width of a channel and lower end of the first, eV."""
RESOLUTION = 130.0
LOWEST = 150.0
LINES: dict[str, tuple[tuple[float, float], ...]] = {
    "C": ((277.4, 1.0),),
    "O": ((524.9, 1.0),),
    "Mg": ((1253.6, 1.0), (1305.0, 0.01)),
    "Ga": ((1098.0, 1.0), (1124.9, 0.16704), (1194.8, 0.0461), (984.2, 0.02509), (957.3, 0.0544)),
    "W": (
        (1775.6, 1.0), (1835.1, 0.59443), (2035.6, 0.08505), (1383.9, 0.01344), (2316.1, 0.01), (2281.0, 0.01),
        (2274.9, 0.001),
    ),
    "P": ((2013.3, 1.0), (2139.16, 0.0498)),
    "S": ((2307.2, 1.0), (2464.27, 0.06525)),
    "Mo": (
        (2293.2, 1.0), (2394.8, 0.32736), (2518.4, 0.04509), (2120.5, 0.0128), (2015.6, 0.0415), (2473.2, 0.06299),
        (2830.7, 0.0105), (2623.3, 0.01335),
    ),
    "Pt": (
        (2050.5, 1.0), (2127.6, 0.59443), (2332.1, 0.08505), (1602.6, 0.01344), (2695.7, 0.02901), (2637.96, 0.005),
        (2639.27, 0.01),
    ),
    "Zr": (
        (2042.3, 1.0), (2124.3, 0.37912), (2222.3, 0.0177), (1876.4, 0.0153), (1792.0, 0.04209), (2201.1, 0.05219),
        (2502.9, 0.0082), (2302.68, 0.006),
    ),
}  # fmt: skip
"""Energy in eV and weight (first line 1) of the lines below 3 keV."""


def spectra(
    rng: np.random.Generator,
    n: int,
    counts: Mapping[str, float],
    *,
    background: float = 300.0,
    channels: int = 1024,
    beam_energy: float = 10_000.0,
) -> np.ndarray:
    """Return n spectra (n, channels), uint16; `counts` are expected in the first line of each element."""
    result = np.zeros((n, channels), np.uint16)
    for element, expected in counts.items():
        for energy, weight in LINES[element]:
            who = np.repeat(np.arange(n), rng.poisson(expected * weight, n))
            sd = np.sqrt(RESOLUTION**2 + 2.5 * (energy - 5898.7)) / 2.3548
            _count(result, who, rng.normal(energy, sd, who.size))
    who = np.repeat(np.arange(n), rng.poisson(background, n))
    _count(result, who, _bremsstrahlung(rng, who.size, beam_energy))
    return result


def _bremsstrahlung(rng: np.random.Generator, n: int, beam_energy: float) -> np.ndarray:
    """Draw energies from (1 - E / E0) / E above `LOWEST`, by rejection."""
    energy = LOWEST * (beam_energy / LOWEST) ** rng.random(4 * n + 100)
    return energy[rng.random(energy.size) < 1.0 - energy / beam_energy][:n]


def _count(result: np.ndarray, who: np.ndarray, energy: np.ndarray) -> None:
    channel = np.floor((energy - START) / STEP).astype(int)
    inside = (channel >= 0) & (channel < result.shape[1])
    np.add.at(result, (who[inside], channel[inside]), 1)


def leaf(values: np.ndarray, elements: str = "", beam_energy: float | None = 10_000.0) -> xr.Dataset:
    """Return a sum, line or map leaf as readers give it, places 10 nm apart."""
    dims = {1: "energy", 2: "position energy", 3: "y x energy"}[values.ndim].split()
    energy = START + STEP * (np.arange(values.shape[-1]) + 0.5)
    coords = {"energy": xr.DataArray(energy, dims="energy", attrs={"units": "eV", "long_name": "X-ray energy"})}
    for dim, size in zip(dims[:-1], values.shape[:-1], strict=True):
        coords[dim] = xr.DataArray(10.0 * np.arange(size), dims=dim, attrs={"units": "nm", "long_name": dim})
    result = xr.Dataset({"counts": quantity(values, "counts", "counts", dims, coords=coords)})
    result["detector_resolution"] = quantity(RESOLUTION, "eV", "resolution")
    if beam_energy is not None:
        result["beam_energy"] = quantity(beam_energy, "eV", "beam energy")
    return result.assign_attrs(technique="edxs", elements=elements)
