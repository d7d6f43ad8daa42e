"""Area of a region above a background drawn between its ends, for spectra without a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
END_POINTS = 5
"""Points at each end whose mean is the background there."""


@dataclass(frozen=True)
class RegionArea:
    """Areas (b,) above a Shirley background, counts x eV.

    u_counting : of the counts, at the ends included
    u_background : a straight line instead of Shirley's curve, as a rectangular distribution between the two
    """

    area: Floats
    u_counting: Floats
    u_background: Floats

    @property
    def u(self) -> Floats:
        """Both parts together."""
        return np.asarray(np.hypot(self.u_counting, self.u_background))


def region_area(energy: Floats, counts: Floats) -> RegionArea:
    """Return the area of all peaks between the ends of a region.

    Parameters
    ----------
    energy : (n,) eV, binding energy, rising, n >= 12
    counts : (b, n)

    References
    ----------
    D. A. Shirley, Phys. Rev. B 5, 4709 (1972), iterated
    """
    low, high = counts[:, :END_POINTS].mean(axis=1), counts[:, -END_POINTS:].mean(axis=1)
    progress = (energy - energy[0]) / (energy[-1] - energy[0])
    line = low[:, None] + (high - low)[:, None] * progress
    straight = np.asarray(np.trapezoid(counts - line, energy, axis=1))
    area = np.asarray(np.trapezoid(counts - shirley(energy, counts, low, high), energy, axis=1))
    step = np.gradient(energy)
    ends = (low + high) / END_POINTS * (0.5 * (energy[-1] - energy[0])) ** 2
    counting = np.sqrt(np.clip(counts, 0.0, None) @ step**2 + np.clip(ends, 0.0, None))
    return RegionArea(area, counting, np.abs(area - straight) / np.sqrt(12.0))


def shirley(energy: Floats, counts: Floats, low: Floats, high: Floats, *, rounds: int = 30) -> Floats:
    """Return the iterated Shirley background (b, n) from `low` (b,) at the first to `high` (b,) at the last energy."""
    background = np.broadcast_to(low[:, None], counts.shape).copy()
    for _ in range(rounds):
        above = np.clip(counts - background, 0.0, None)
        running = np.zeros_like(counts)
        running[:, 1:] = np.cumsum(0.5 * (above[:, 1:] + above[:, :-1]) * np.diff(energy), axis=1)
        whole = np.where(running[:, -1:] > 0, running[:, -1:], 1.0)
        background = low[:, None] + (high - low)[:, None] * running / whole
    return background
