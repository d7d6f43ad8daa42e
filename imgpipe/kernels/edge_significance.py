"""Which of the ridges of an image are edges of layers, and which are grains, frost or leftovers.

A ridge of chance (grain boundaries, frost, curtains) covers few strips at a low contrast; a leftover is made of the
places where a rough edge was read twice, and stands where the edge itself is absent.
"""

from __future__ import annotations

import numpy as np

from imgpipe.kernels.ridge_linking import DETECTION, Ridge

LEAST_COVERED = 0.5
"""A ridge must cover this fraction of the strips, unless it is strong and steady."""
STRONG = 3.0
"""Least contrast of a strong ridge, relative to the threshold of detection."""
STEADY = 0.75
"""Least score of a steady ridge, relative to what its points would collect without bends and gaps: grain boundaries
that happen to lie in a row reach 0.6, a layer that ends somewhere 0.9."""
LEAST_STRENGTH = 0.05
"""Least contrast times covered fraction, relative to the strongest ridge of the image."""
LEAST_SHARED = 0.5
"""A ridge that is present mostly where a stronger one of the same sign beside it is absent is a part of that one."""
BESIDE = 40.0
"""Rows within which two ridges may be readings of one rough edge."""


def significant(ridges: list[Ridge], noise: float) -> list[Ridge]:
    """Return the ridges that stand out of noise and background, strongest first.

    Parameters
    ----------
    ridges : as linked, strongest score first
    noise : standard deviation of the strips' response, counts
    """
    kept: list[Ridge] = []
    whole = [ridge for ridge in ridges if not _is_leftover(ridge, ridges)]
    strongest = max((_strength(ridge) for ridge in whole), default=0.0)
    for ridge in whole:
        wide = ridge.covered >= LEAST_COVERED
        if (wide or _strong_and_steady(ridge, noise)) and _strength(ridge) >= LEAST_STRENGTH * strongest:
            kept.append(ridge)
    return kept


def _strength(ridge: Ridge) -> float:
    return ridge.contrast * ridge.covered


def _strong_and_steady(ridge: Ridge, noise: float) -> bool:
    ideal = float(np.nansum(np.log1p(ridge.height / noise)))
    return ridge.contrast >= STRONG * DETECTION * noise and ridge.score >= STEADY * ideal


def _is_leftover(ridge: Ridge, ridges: list[Ridge]) -> bool:
    return any(_part_of(ridge, other) for other in ridges if other is not ridge)


def _part_of(ridge: Ridge, other: Ridge) -> bool:
    if other.polarity != ridge.polarity or other.score <= ridge.score or abs(other.level - ridge.level) > BESIDE:
        return False
    here = np.isfinite(ridge.position)
    shared = np.isfinite(other.position)[here].mean()
    return bool(shared < LEAST_SHARED)
