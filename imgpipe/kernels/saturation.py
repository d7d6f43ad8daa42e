"""How much of an image is saturated where it matters: along an edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def saturated_fraction(image: NDArray[np.generic], position: NDArray[np.float64], top: float, half: int = 16) -> float:
    """Return the fraction of pixels at or above `top` within `half` rows of an edge; NaN where the edge is lost.

    Parameters
    ----------
    image : (y, x)
    position : (x,) row of the edge, NaN where lost
    top : largest value that can be stored; infinite for float images
    """
    known = np.flatnonzero(np.isfinite(position))
    if known.size == 0:
        return float("nan")
    if not np.isfinite(top):
        return 0.0
    rows = np.rint(position[known]).astype(np.int64) + np.arange(-half, half + 1)[:, None]
    inside = (rows >= 0) & (rows < image.shape[0])
    values = image[np.clip(rows, 0, image.shape[0] - 1), known]
    return float(np.mean(np.asarray(values)[inside] >= top))
