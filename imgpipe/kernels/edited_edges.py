"""Edges that a person has moved: force them through anchors, then follow the image nearby."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.edge_band import follow_edge

Floats = NDArray[np.float64]
BAND = 4
"""Half height of the band searched about the anchored course, pixels."""


def anchored_course(traced: Floats, anchor_x: Floats, anchor_y: Floats, slope: float) -> Floats:
    """Return the course of an edge through anchors.

    Parameters
    ----------
    traced : (x,) found position, NaN where lost; its shape is kept, shifted
    anchor_x, anchor_y : (anchor,) columns and rows, pixels, any order
    slope : dy/dx of the layers, used where nothing was traced

    Returns
    -------
    (x,) the traced edge plus a correction that is linear between anchors and constant beyond them
    """
    x = np.arange(traced.size, dtype=np.float64)
    order = np.argsort(anchor_x, kind="stable")
    at, wanted = anchor_x[order], anchor_y[order]
    known = np.isfinite(traced)
    level = np.interp(x, x[known], (traced - slope * x)[known]) if known.any() else np.zeros(x.size)
    shape = level + slope * x
    return np.asarray(shape + np.interp(x, at, wanted - np.interp(at, x, shape)))


def follow_anchored(
    image: NDArray[np.generic], course: Floats, polarity: int, *, sigma: float, lateral: float
) -> tuple[Floats, Floats, int]:
    """Follow an anchored edge in a narrow band; where the image shows no edge the course itself stands.

    Returns
    -------
    position, snr : (x,)
    polarity : as given, or the sign seen when 0 was given
    """
    found = {}
    for sign in (polarity,) if polarity else (1, -1):
        found[sign] = follow_edge(image, course, sign, BAND, sigma=sigma, lateral=lateral)
    sign = max(found, key=lambda s: float(np.median(found[s][1])))
    position, snr = found[sign]
    return np.where(np.isfinite(position), position, course), snr, sign
