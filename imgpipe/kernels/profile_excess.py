"""Contrast times width of a layer: the counts of its own element above those beside it, integrated along the profile.

Of a layer thinner than the response, width and contrast can't be told apart, but their product can: the sum of the
counts above the level beside it, whatever the response.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.profile_fit import ProfileFit
from imgpipe.kernels.profile_model import Response

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
AROUND = 5.0
"""Counts are summed to this many standard deviations of an edge beyond both ends."""


def contrast_width(
    x: Floats, y: Floats, variance: Floats | None, fitted: ProfileFit, response: Response | None, steps: Bools
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the product and its standard uncertainty (b, n - 1), counts times x, and which element (n - 1,) it is of.

    Parameters
    ----------
    x : (point,); y, variance : (b, m, point); without a variance they are Poisson counts
    fitted : joint fit
    steps : (n, m) which element has a step where

    Returns
    -------
    NaN, and element -1, where no element is more plentiful in the layer than on both sides
    """
    b, n = fitted.position.shape
    value, u, of = np.full((b, n - 1), np.nan), np.full((b, n - 1), np.nan), np.full(n - 1, -1, dtype=np.int64)
    plateau = np.nan_to_num(np.nanmedian(fitted.plateau, axis=0))
    for k in range(n - 1):
        beside = np.maximum(plateau[k], plateau[k + 2])
        higher = np.where(steps[k] & steps[k + 1], (plateau[k + 1] - beside) / np.sqrt(plateau[k + 1] + 1.0), 0.0)
        if not higher.max() > 0.0:
            continue
        e = of[k] = int(np.argmax(higher))
        before, after = _edge(fitted, response, k, k, e), _edge(fitted, response, k + 1, k + 2, e)
        ends = fitted.position[:, k] - AROUND * before, fitted.position[:, k + 1] + AROUND * after
        spread = y[:, e] if variance is None else variance[:, e]
        value[:, k], u[:, k] = _summed(x, y[:, e], spread, ends, fitted, k, e)
    return value, u, of


def _edge(fitted: ProfileFit, response: Response | None, interface: int, outside: int, e: int) -> Floats:
    """Return (b,) the standard deviation of an edge outside of the layer."""
    if response is not None:
        return np.full(fitted.position.shape[0], response.sigma[outside, e])
    return np.nan_to_num(fitted.width[:, interface, e])


def _summed(
    x: Floats, y: Floats, variance: Floats, ends: tuple[Floats, Floats], fitted: ProfileFit, k: int, e: int
) -> tuple[Floats, Floats]:
    """Return sum((y - level) dx) between the ends and its u; the level is that of the nearer side."""
    length = np.gradient(x)
    middle = 0.5 * (fitted.position[:, k] + fitted.position[:, k + 1])
    inside = (x >= ends[0][:, None]) & (x <= ends[1][:, None]) & np.isfinite(y)
    left = x < middle[:, None]
    level = np.where(left, fitted.plateau[:, k, e, None], fitted.plateau[:, k + 2, e, None])
    total = np.sum(np.where(inside, (y - level) * length, 0.0), axis=1)
    square = np.sum(np.where(inside, np.nan_to_num(variance) * length**2, 0.0), axis=1)
    for side, where in ((k, left), (k + 2, ~left)):
        square += (np.sum(np.where(inside & where, length, 0.0), axis=1) * fitted.u_plateau[:, side, e]) ** 2
    return total, np.sqrt(square)
