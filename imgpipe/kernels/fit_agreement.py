"""Whether a fitted edge is the traced one: near it, with a step of the same sign."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.thin_layer import ThinLayer

Floats = NDArray[np.float64]
SLACK = 3.0
"""The box of a thin layer may stick out of its traced edges by this many pixels."""
AT_REACH = 0.98
"""An edge that used up this part of its reach was stopped, not found."""
UNSEEN = 0.05
"""An edge traced in a smaller fraction of the columns is not there."""


def off_trace(
    position: Floats, step: Floats, start: Floats, polarity: NDArray[np.int64], reach: Floats
) -> NDArray[np.bool_]:
    """Return True (edge, x) where a fitted edge is not the one it started from.

    Parameters
    ----------
    position, start : (edge, x) y in pixels, NaN where lost
    step : (edge, x) grey level below less above, counts, as fitted; NaN where unknown
    polarity : (edge,) sign of the traced step, 0 where unknown: such an edge is not judged
    reach : (edge,) largest departure, pixels
    """
    judged = (polarity != 0)[:, None] & np.isfinite(position)
    stopped = np.abs(position - start) >= AT_REACH * reach[:, None]
    turned = np.nan_to_num(step) * polarity[:, None] < 0
    return np.asarray(judged & (stopped | turned))


def box_fits_trace(layer: ThinLayer, pair: Floats, course: Floats, polarity: NDArray[np.int64], limit: float) -> bool:
    """Whether the box found for a close layer is the layer that was traced.

    Parameters
    ----------
    layer : as found along `course`
    pair : (2, x) its two traced edges, NaN where lost
    course : (x,) of the pooling, pixels
    polarity : (2,) signs of the traced steps, 0 where unknown
    limit : a layer below this many edge sigmas is thin

    Notes
    -----
    A box beside an edge that was not traced at all may be the flank of the other edge: it is only taken for a layer
    that is thin (it gets a bound, never a number) and brighter or darker than both its neighbours.
    """
    steps = np.array([layer.level - layer.above, layer.below_it - layer.level])
    seen = np.isfinite(pair).mean(axis=1) >= UNSEEN
    if (steps * polarity < 0).any():
        return False
    if not seen.all():
        return bool(layer.below(limit) and steps[0] * steps[1] < 0)
    upper, lower = (float(np.nanmedian(row - course)) if np.isfinite(row - course).any() else 0.0 for row in pair)
    return bool(layer.upper > upper - SLACK and layer.lower < lower + SLACK)
