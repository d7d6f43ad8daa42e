"""Small EDXS maps and lines without instrument: Gaussian lines on a slope, mixed by normal distributions."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from scipy.special import ndtr

from imgpipe.model import axis, quantity

ENERGY = np.arange(130.0, 5000.0, 20.0)
LINES = {"S": 2307.5, "Mg": 1253.6, "Cu": 929.7}
EDGES = (240.0, 760.0)
"""True positions of SE | Mg | Cu along x, nm."""
WIDTH = 60.0


def shares(x: np.ndarray) -> np.ndarray:
    """Return how much of each layer is met at x (3, ...)."""
    first, second = (ndtr((x - edge) / WIDTH) for edge in EDGES)
    return np.array([1.0 - first, first - second, second])


def expected(x: np.ndarray) -> np.ndarray:
    """Return expected counts (..., energy) at places x (nm)."""
    lines = [np.exp(-0.5 * ((ENERGY - centre) / 35.0) ** 2) for centre in LINES.values()]
    background = 0.35 * np.clip(5000.0 - ENERGY, 0.0, None) / ENERGY
    return np.asarray(10.0 * np.moveaxis(shares(x), 0, -1) @ np.array(lines) + background)


@cache
def edxs_map(seed: int = 3, shape: tuple[int, int] = (14, 50), step: float = 20.0) -> xr.Dataset:
    """Return a map (y, x, energy) of unsigned integers."""
    rng = np.random.default_rng(seed)
    mean = np.broadcast_to(expected(step * np.arange(shape[1])), (*shape, ENERGY.size))
    counts = quantity(rng.poisson(mean).astype(np.uint16), "counts", "counts", "y x energy")
    coords = {"y": axis("y", shape[0], step, "nm"), "x": axis("x", shape[1], step, "nm"), "energy": _energy()}
    return _described(counts, coords)


@cache
def edxs_line(seed: int = 4, points: int = 100, step: float = 10.0, dose: float = 20.0) -> xr.Dataset:
    """Return a line scan (position, energy) of unsigned integers."""
    mean = dose * expected(step * np.arange(points))
    counts = quantity(
        np.random.default_rng(seed).poisson(mean).astype(np.uint32), "counts", "counts", "position energy"
    )
    return _described(counts, {"position": axis("position", points, step, "nm"), "energy": _energy()})


def _energy() -> xr.DataArray:
    return xr.DataArray(ENERGY, dims=("energy",), attrs={"units": "eV", "long_name": "X-ray energy"})


def _described(counts: xr.DataArray, coords: dict[str, xr.DataArray]) -> xr.Dataset:
    numbers = {
        "beam_energy": quantity(5000.0, "eV", "beam energy"),
        "live_time": quantity(60.0, "s", "live time"),
        "take_off_angle": quantity(35.0, "deg", "take-off angle"),
        "detector_resolution": quantity(130.0, "eV", "FWHM at Mn Ka"),
    }
    attrs = {"technique": "edxs", "elements": "Mg S Cu", "title": "", "flags": "", "provenance": "[]"}
    return xr.Dataset({"counts": counts, **numbers}, coords, attrs)
