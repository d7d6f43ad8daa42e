"""Where the plateau of a layer begins and ends in a line profile, before any fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

Floats = NDArray[np.float64]
TOP = 90.0
"""Percentile of the smoothed profile that counts as its plateau."""


def ends_of_plateau(x: Floats, y: Floats) -> tuple[float, float] | None:
    """Return the two positions at which the longest plateau crosses half its height; None where there is none.

    Parameters
    ----------
    x : (n,) rising; y : (n,) counts, NaN where missing
    """
    known = np.isfinite(y)
    if known.sum() < 8:
        return None
    place, values = x[known], y[known]
    width = int(np.clip(values.size // 40, 3, 9)) | 1
    smooth = uniform_filter1d(values, width, mode="nearest")
    half = 0.5 * (float(np.percentile(smooth, TOP)) + max(float(np.percentile(smooth, 100.0 - TOP)), 0.0))
    if half <= 0.0:
        return None
    high = np.concatenate([[False], smooth > half, [False]])
    changes = np.flatnonzero(np.diff(high.astype(np.int8)))
    starts, stops = changes[::2], changes[1::2]
    if starts.size == 0:
        return None
    longest = int(np.argmax(stops - starts))
    first, last = int(starts[longest]), int(stops[longest])
    if first == 0 or last == values.size:
        return None
    ends = (_crossing(place, smooth, first, half), _crossing(place, smooth, last, half))
    return ends if ends[0] < ends[1] else None


def _crossing(x: Floats, y: Floats, i: int, level: float) -> float:
    """Return where the straight line from point i - 1 to point i meets a level."""
    return float(x[i - 1] + (level - y[i - 1]) / (y[i] - y[i - 1]) * (x[i] - x[i - 1]))
