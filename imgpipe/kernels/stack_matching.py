"""Give the edges found in an image to the interfaces of a named stack, in order from top to bottom."""

from __future__ import annotations

import numpy as np

from imgpipe.kernels.ridge_linking import Ridge

MISMATCH = 0.2
"""Worth of an edge whose contrast has the unexpected sign, relative to one that fits."""
INVERTED = 0.9
"""Worth of all edges together where the whole contrast is inverted (another detector)."""


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
    best = -1.0
    chosen: list[int | None] = [None] * len(expected)
    for turn, weight in ((1, 1.0), (-1, INVERTED)):
        worth = np.array([[_worth(ridge, turn * sign) for ridge in ordered] for sign in expected])
        total, assigned = _align(weight * worth.reshape(len(expected), -1))
        if total > best:
            best, chosen = total, assigned
    return [None if k is None else ordered[k] for k in chosen]


def _worth(ridge: Ridge, sign: int) -> float:
    fits = 1.0 if sign in (0, ridge.polarity) else MISMATCH
    return fits * ridge.covered * ridge.contrast


def _align(worth: np.ndarray) -> tuple[float, list[int | None]]:
    """Return the largest sum of a monotonic assignment of columns (edges) to rows (interfaces), and the columns."""
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
    return float(total[slots, edges]), chosen
