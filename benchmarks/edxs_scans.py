"""Line scans of the EDXS benchmark with their truth, drawn here and nowhere else: no code is shared with any fit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]
POINTS = 200
PLACES = (50.0, 100.0, 150.0)
"""Where the interfaces are on the average, in points: everybody's start."""
WIDTH = 5.0
"""Everybody's start for the standard deviation of an interface, points."""
COUNTS, CONTRAST = (10.0, 120.0), 40.0
"""Range of the plateaus and the least step between neighbours, counts a point."""


@dataclass(frozen=True)
class Scans:
    """Counts along a line and what they were drawn from.

    position : (point,), in units of the step
    counts : (scan, point), whole numbers
    interface, width : (scan, 3), true position and standard deviation of each interface, points
    level : (scan, 4), true plateaus, counts
    """

    position: Floats
    counts: Floats
    interface: Floats
    width: Floats
    level: Floats

    def first(self, count: int) -> Scans:
        """Return the first scans only."""
        parts = (part[:count] for part in (self.counts, self.interface, self.width, self.level))
        return Scans(self.position, *parts)


def scans(count: int, *, scale: float = 1.0, seed: int = 4) -> Scans:
    """Draw line scans across three interfaces with Poisson counts.

    Parameters
    ----------
    count : number of scans
    scale : factor on all counts; 0.08 puts the highest plateau below 10 counts
    seed : of all that is drawn
    """
    rng = np.random.default_rng(seed)
    position = np.arange(POINTS, dtype=np.float64)
    interface = np.array(PLACES) + rng.uniform(-8.0, 8.0, (count, 3))
    width = rng.uniform(3.0, 7.0, (count, 3))
    level = scale * _levels(rng, count)
    weight = ndtr((position - interface[:, :, None]) / width[:, :, None])
    expected = level[:, :1] + np.einsum("sk,skp->sp", np.diff(level, axis=1), weight)
    return Scans(position, rng.poisson(expected).astype(np.float64), interface, width, level)


def _levels(rng: np.random.Generator, count: int) -> Floats:
    """Draw plateaus until all neighbours differ enough to tell that there is an interface."""
    found = np.empty((0, 4))
    while len(found) < count:
        drawn = rng.uniform(*COUNTS, (4 * count, 4))
        apart = (np.abs(np.diff(drawn, axis=1)) >= CONTRAST).all(axis=1)
        found = np.concatenate([found, drawn[apart]])
    return found[:count]


def start_levels(counts: Floats) -> Floats:
    """Return a start for the plateaus (..., 4): medians well between the places of the interfaces."""
    edges = (0.0, *PLACES, float(POINTS))
    parts = [counts[..., int(low) + 10 : int(high) - 10] for low, high in itertools.pairwise(edges)]
    return np.stack([np.median(part, axis=-1) for part in parts], axis=-1)
