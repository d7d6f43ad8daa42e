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
    "Ga": ((1098.0, 1.0), (1124.9, 0.449), (1194.8, 0.033), (984.2, 0.021), (957.3, 0.052)),
    "W": (
        (1775.6, 1.0), (1835.1, 0.310), (2035.6, 0.019), (1383.9, 0.082), (2316.1, 0.009), (2281.0, 0.01),
        (2274.9, 0.001),
    ),
    "P": ((2013.3, 1.0), (2139.16, 0.0445)),
    "S": ((2307.2, 1.0), (2464.27, 0.0617)),
    "Cl": ((2622.4, 1.0), (2815.6, 0.0807)),
    "Mo": (
        (2293.2, 1.0), (2394.8, 0.350), (2518.4, 0.034), (2120.5, 0.011), (2015.6, 0.038), (2473.2, 0.043),
        (2830.7, 0.011), (2623.3, 0.012),
    ),
    "Pt": (
        (2050.5, 1.0), (2127.6, 0.450), (2332.1, 0.025), (1602.6, 0.074), (2695.7, 0.077), (2637.96, 0.005),
        (2639.27, 0.01),
    ),
    "Zr": (
        (2042.3, 1.0), (2124.3, 0.398), (2222.3, 0.012), (1876.4, 0.013), (1792.0, 0.039), (2201.1, 0.036),
        (2502.9, 0.008), (2302.68, 0.005),
    ),
}  # fmt: skip
"""Energy in eV and photons (first line 1) of the lines below 3 keV at 10 kV: generated in a thick target, rates of
xraylib (eXSpy's where it has none)."""


def spectra(
    rng: np.random.Generator,
    n: int,
    counts: Mapping[str, float],
    *,
    background: float = 300.0,
    channels: int = 1024,
    beam_energy: float = 10_000.0,
    pile_up: float = 0.0,
) -> np.ndarray:
    """Return n spectra (n, channels), uint16; `counts` are expected in the first line of each element.

    Two photons of a spectrum may be counted as one at the sum of their energies: `pile_up` is the share of such counts.
    """
    result = np.zeros((n, channels), np.uint16)
    photons: list[tuple[np.ndarray, np.ndarray]] = []
    for element, expected in counts.items():
        for energy, weight in LINES[element]:
            who = np.repeat(np.arange(n), rng.poisson(expected * weight, n))
            sd = np.sqrt(RESOLUTION**2 + 2.5 * (energy - 5898.7)) / 2.3548
            photons.append((who, rng.normal(energy, sd, who.size)))
    who = np.repeat(np.arange(n), rng.poisson(background, n))
    photons.append((who, _bremsstrahlung(rng, who.size, beam_energy)))
    who, energy = (np.concatenate(one) for one in zip(*photons, strict=True))
    _count(result, *_paired(rng, who, energy, pile_up))
    return result


def _paired(
    rng: np.random.Generator, who: np.ndarray, energy: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Let photons of one spectrum meet by chance until a share of the counts holds two; the others stay alone."""
    if share == 0.0:
        return who, energy
    order = np.lexsort((rng.random(who.size), who))
    who, energy = who[order], energy[order]
    first = np.flatnonzero(rng.random(who.size - 1) < share / (1.0 + share))
    first = first[(np.diff(first, prepend=-2) > 1) & (who[first] == who[first + 1])]
    energy[first] += energy[first + 1]
    return np.delete(who, first + 1), np.delete(energy, first + 1)


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
