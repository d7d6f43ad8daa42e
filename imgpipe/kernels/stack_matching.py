"""Give the edges found in an image to the interfaces of a named stack, in order from top to bottom."""

from __future__ import annotations

import numpy as np

from imgpipe.kernels.ridge_linking import Ridge

MISMATCH = 0.2
"""Worth of an edge whose contrast has the unexpected sign, relative to one that fits."""


def match_stack(ridges: list[Ridge], expected: list[int]) -> list[Ridge | None]:
    """Return one ridge (or None: missing) for each interface, so that their total worth is largest.

    Parameters
    ----------
    ridges : edges found, any order
    expected : (interface,) +1, -1, or 0 where the sign of the contrast is unknown

    Returns
    -------
    list as long as `expected`; the order of y is kept, no edge is used twice
    """
    ordered = sorted(ridges, key=lambda ridge: ridge.level)
    worth = np.array([[_worth(ridge, sign) for ridge in ordered] for sign in expected]).reshape(len(expected), -1)
    return [None if k is None else ordered[k] for k in _align(worth)]


def _worth(ridge: Ridge, sign: int) -> float:
    fits = 1.0 if sign in (0, ridge.polarity) else MISMATCH
    return fits * ridge.covered * ridge.contrast


def _align(worth: np.ndarray) -> list[int | None]:
    """Monotonic assignment of columns (edges) to rows (interfaces) with the largest sum."""
    slots, edges = worth.shape
    total = np.zeros((slots + 1, edges + 1))
    for i in range(1, slots + 1):
        for j in range(1, edges + 1):
            total[i, j] = max(total[i - 1, j], total[i, j - 1], total[i - 1, j - 1] + worth[i - 1, j - 1])
    chosen: list[int | None] = [None] * slots
    i, j = slots, edges
    while i > 0 and j > 0:
        if total[i, j] == total[i, j - 1]:
            j -= 1
        elif total[i, j] == total[i - 1, j]:
            i -= 1
        else:
            chosen[i - 1] = j - 1
            i, j = i - 1, j - 1
    return chosen
