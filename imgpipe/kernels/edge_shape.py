"""Shape of an edge, from all columns pooled: what the symmetric model can't know.

Three opinions on where the edge stands:

* symmetric: error function (Gaussian blur of a sharp step);
* asymmetric: a sharp step between two flanks that decay exponentially, all under one Gaussian blur. The
  flanks stand for topographic brightening, for electrons that land beside a heavy layer, and for
  intermixing; their heights are free and of either sign, so that the edge may lean either way;
* 50 % crossing between the mean levels of the outer parts, with no model.

The shape belongs to the interface, so it is fitted once to the pooled profile and not per column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import erfcx, ndtr

Floats = NDArray[np.float64]
TIGHT = {"ftol": 1e-12, "xtol": 1e-12, "gtol": 1e-12}
"""Fits end where they end whatever the rounding of the course, so that answers grow exactly with the unit."""

MOST_SHIFT = 0.5
"""Largest shift in use, in Gaussian sigmas of the edge; flanks of cross-sections reach 0.25."""


@dataclass(frozen=True)
class EdgeShape:
    """Positions relative to the course along which the columns were pooled, pixels; NaN where a fit failed.

    symmetric, asymmetric, crossing : position of the edge in each model
    u_asymmetric : standard uncertainty of ``asymmetric - symmetric`` from noise
    width : Gaussian sigma of the symmetric model
    core_width : Gaussian sigma of the asymmetric model
    flank : decay length of the flanks
    """

    symmetric: float
    asymmetric: float
    crossing: float
    u_asymmetric: float
    width: float
    core_width: float
    flank: float


NO_SHAPE = EdgeShape(np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)


def edge_shape(distance: Floats, value: Floats, count: Floats, width: float) -> EdgeShape:
    """Fit the three models to a pooled profile of one edge.

    Parameters
    ----------
    distance, value, count : (bin,) pixels from the course, mean grey, number of pixels; empty bins have count 0
    width : first guess of the Gaussian sigma, pixels
    """
    used = count > 0
    d, v, root = distance[used], value[used], np.sqrt(count[used])
    if d.size < 12 or d.min() > -2 * width or d.max() < 2 * width:
        return NO_SHAPE
    reach = float(min(-d.min(), d.max()))
    low, high = (-0.5 * reach, 0.2 * width), (0.5 * reach, 4.0 * width + 2.0)
    erf = least_squares(_misfit, (0.0, width), bounds=(low, high), args=(d, v, root, _symmetric), **TIGHT)
    longest = max(0.6 * max(-d.min(), d.max()), 2.5 * width)
    bent = _flanked_edge(d, v, root, float(erf.x[0]), float(erf.x[1]), longest)
    return EdgeShape(
        symmetric=float(erf.x[0]),
        asymmetric=bent[0],
        crossing=half_crossing(d, v, count[used], float(erf.x[0]), float(erf.x[1])),
        u_asymmetric=bent[3],
        width=float(erf.x[1]),
        core_width=bent[1],
        flank=bent[2],
    )


def _flanked_edge(d: Floats, v: Floats, root: Floats, near: float, width: float, longest: float) -> tuple[float, ...]:
    """Return position, width, flank length and u of the position, averaged over flank lengths by likelihood.

    Short flanks can hardly be told from a shift, so that a fitted length would be anything: each length of
    a grid is fitted, and the differences between those that fit equally well are part of u. Prior weight
    falls as 1 / length: edge effects are short.
    """
    low, high = (near - 3.0 * width, 0.4 * width), (near + 3.0 * width, 1.6 * width)
    rows = []
    for flank in np.geomspace(0.9 * width, longest, 7):
        start, data = (near, 0.95 * width), (d, v, root, _flanked, flank)
        fit = least_squares(_misfit, start, bounds=(low, high), args=data, **TIGHT)
        rows.append((float(fit.x[0]), float(fit.x[1]), float(flank), 2.0 * float(fit.cost), _variance(fit.jac)))
    found = np.array(rows)
    scale = found[:, 3].min() / max(1, d.size - 7)
    weight = np.exp(-0.5 * (found[:, 3] - found[:, 3].min()) / max(scale, 1e-300)) / found[:, 2]
    weight /= weight.sum()
    position, core, flank = weight @ found[:, :3]
    spread = weight @ (found[:, 0] - position) ** 2 + scale * (weight @ found[:, 4])
    return float(position), float(core), float(flank), float(np.sqrt(spread))


def accepted_shift(shape: EdgeShape) -> tuple[float, float]:
    """Return the shift from the symmetric to the asymmetric position that is used, and its u, pixels.

    A shift below its own uncertainty is noise: both are then multiplied by ``(shift / u)**2``. A shift beyond
    `MOST_SHIFT` widths is not used: the flanks then describe a notch or another edge beside this one.
    """
    shift, u = shape.asymmetric - shape.symmetric, shape.u_asymmetric
    if not np.isfinite(shift) or shift == 0.0 or abs(shift) > MOST_SHIFT * shape.width:
        return 0.0, 0.0
    part = min(1.0, (shift / u) ** 2) if u > 0.0 else 1.0
    return float(shift * part), float(u * part)


def half_crossing(d: Floats, v: Floats, count: Floats, near: float, width: float) -> float:
    """Return where a profile crosses the middle of its two outer levels, nearest to `near`; NaN if nowhere."""
    upper, lower = d < 0.5 * d.min(), d > 0.5 * d.max()
    levels = [float(np.average(v[part], weights=count[part])) for part in (upper, lower)]
    inside = np.abs(d - near) < 2.5 * width + 1.0
    if inside.sum() < 4 or levels[0] == levels[1]:
        return float("nan")
    bins = max(3, round(0.5 * width / max(float(np.median(np.diff(d))), 1e-9)))
    kernel = np.ones(bins | 1)
    smooth = np.convolve(v * count, kernel, "same") / np.convolve(count, kernel, "same")
    part = (smooth - levels[0]) / (levels[1] - levels[0]) - 0.5
    crossing = np.flatnonzero((part[:-1] < 0) & (part[1:] >= 0) & inside[:-1])
    if crossing.size == 0:
        return float("nan")
    at = d[crossing] - part[crossing] * (d[crossing + 1] - d[crossing]) / (part[crossing + 1] - part[crossing])
    return float(at[np.argmin(np.abs(at - near))])


def _symmetric(q: Floats, d: Floats) -> Floats:
    return np.stack([np.ones_like(d), ndtr((d - q[0]) / q[1])], axis=1)


def _flanked(q: Floats, d: Floats, w: float) -> Floats:
    e, s = q
    above, below = _flank(-(d - e), s, w), _flank(d - e, s, w)
    return np.stack([np.ones_like(d), ndtr((d - e) / s), above, below], axis=1)


def _flank(d: Floats, s: float, w: float) -> Floats:
    """One-sided exponential of length w, for d > 0, under a Gaussian blur s."""
    z = (s / w - d / s) / np.sqrt(2.0)
    near = 0.5 * np.exp(-0.5 * (d / s) ** 2) * erfcx(np.maximum(z, 0.0))
    far = np.exp(np.minimum(0.5 * (s / w) ** 2 - d / w, 50.0)) * ndtr(d / s - s / w)
    return np.asarray(np.where(z > 0, near, far))


def _misfit(q: Floats, d: Floats, v: Floats, root: Floats, model: Callable[..., Floats], *fixed: float) -> Floats:
    basis = model(q, d, *fixed) * root[:, None]
    amplitudes = np.linalg.lstsq(basis, v * root, rcond=None)[0]
    return np.asarray(basis @ amplitudes - v * root)


def _variance(jacobian: Floats) -> float:
    """Variance of the first parameter for residuals of unit variance."""
    return float(max(np.linalg.pinv(jacobian.T @ jacobian)[0, 0], 0.0))
