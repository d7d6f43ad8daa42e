"""Tell whether the layers of an image lie along x or along y."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STRIPS = 16


def stacked_along(image: NDArray[np.generic]) -> str:
    """Return the axis that crosses the layers: ``y`` for layers that lie along x, else ``x``.

    Curtains and noise make many small steps, layers few large ones: steps count by their fourth power, in
    averages over 16 strips, so that a tilt of the stack smears them little.

    Parameters
    ----------
    image : (y, x), grey values, finite

    Returns
    -------
    axis : ``y`` or ``x``; ``y`` where neither has steps
    """
    values = image.astype(np.float64)
    return "x" if _sharpness(values.T) > _sharpness(values) else "y"


def _sharpness(image: NDArray[np.float64]) -> float:
    """Mean fourth power of the steps along the first axis, in averages of strips along the second."""
    strips = np.array_split(image, min(_STRIPS, image.shape[1]), axis=1)
    profiles = np.stack([strip.mean(axis=1) for strip in strips], axis=1)
    reach = max(1, image.shape[0] // 256)
    steps = profiles[2 * reach :] - profiles[: -2 * reach]
    return float((steps**4).mean()) if steps.size else 0.0
