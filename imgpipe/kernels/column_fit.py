"""Fit all edges of a group jointly in every column, with covariance.

A group is a run of neighbouring edges whose windows overlap. In each column the edges known there
are fitted together: plateau levels, positions, widths. The noise is Gaussian with the variance
``a + b * level`` estimated from the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.levenberg_marquardt import AT_BOUND, CONVERGED, TOO_FEW, fit_profile

Floats = NDArray[np.float64]
REACH = 6.0
"""A fitted edge may leave its start by at most this many pixels."""
COURSE_PRIOR = 2.5
"""The course of the trace, smoothed along the edge, is a weak Gaussian prior: its standard deviation is the reach over
this number, 2.4 px. It keeps columns of low contrast from falling for a noise edge nearby."""


@dataclass(frozen=True)
class GroupFit:
    """Result for a group of n edges in nx columns; NaN where an edge was not fitted.

    position : (n, nx) y in pixels
    covariance : (n, n, nx) of the positions, pixels squared
    width : (n, nx) Gaussian sigma, pixels
    level : (n + 1, nx) plateau levels, counts; NaN where a neighbouring edge is lost
    chi2 : (nx,) reduced chi squared
    status : (nx,) code of `imgpipe.kernels.levenberg_marquardt`, -1 where no edge was known
    """

    position: Floats
    covariance: Floats
    width: Floats
    level: Floats
    chi2: Floats
    status: NDArray[np.int64]


def fit_group(
    image: NDArray[np.generic],
    start: Floats,
    width: Floats,
    *,
    level: Floats | None = None,
    level_spread: Floats | None = None,
    variance: tuple[float, float] = (1.0, 0.0),
    half: float = 16.0,
    rows: tuple[Floats, Floats] | None = None,
    reach: Floats | None = None,
    width_freedom: Floats | float = 0.3,
) -> GroupFit:
    """Fit a group of edges in each column.

    Parameters
    ----------
    image : (y, x), finite grey values
    start : (edge, x) y in pixels, NaN where unknown
    width : (edge,) expected Gaussian sigma, pixels
    level : (edge + 1,) expected plateau levels, NaN where nothing is known (the default)
    level_spread : (edge + 1,) standard deviation of a Gaussian prior about them, counts; 0 (default) holds them fixed
    variance : a, b of the noise variance a + b * level, counts squared
    half : reach of the window beyond the first and last edge, pixels
    rows : first and last row that may be used, each (x,)
    reach : (edge,) largest departure from the start, pixels
    width_freedom : relative standard deviation of the Gaussian prior on the widths, per edge; 0 holds them fixed
    """
    edges, columns = start.shape
    bounds = rows or (np.zeros(columns), np.full(columns, image.shape[0] - 1.0))
    freedom = np.broadcast_to(np.asarray(width_freedom, dtype=np.float64), (edges,)).copy()
    out = _fit_columns(
        image,
        np.ascontiguousarray(start, dtype=np.float64),
        np.asarray(width, dtype=np.float64),
        np.full(edges + 1, np.nan) if level is None else np.asarray(level, dtype=np.float64),
        np.zeros(edges + 1) if level_spread is None else np.asarray(level_spread, dtype=np.float64),
        (float(variance[0]), float(variance[1])),
        float(half),
        np.asarray(bounds[0], dtype=np.float64),
        np.asarray(bounds[1], dtype=np.float64),
        np.full(edges, REACH) if reach is None else np.asarray(reach, dtype=np.float64),
        freedom,
    )
    return GroupFit(*out)


@njit(cache=True, nogil=True)
def _start_levels(y, v, p, n):  # type: ignore[no-untyped-def]
    """Mean value between the middles of neighbouring edges, at least one point each."""
    total, count = np.zeros(n + 1), np.zeros(n + 1)
    for k in range(y.size):
        j = 0
        while j < n and y[k] > p[n + 1 + j]:
            j += 1
        total[j] += v[k]
        count[j] += 1.0
    overall = total.sum() / count.sum()
    for j in range(n + 1):
        p[j] = total[j] / count[j] if count[j] > 0 else overall


@njit(cache=True, nogil=True)
def _layer_of_level(j, known):  # type: ignore[no-untyped-def]
    """Return which layer level j is, where only the edges `known` are fitted; -1 where several layers are one."""
    n = known.size
    if j == n:
        return known[n - 1] + 1
    return known[j] if j == 0 or known[j] - known[j - 1] == 1 else -1


@njit(cache=True, nogil=True)
def _free_parameters(n, known, level, spread, freedom):  # type: ignore[no-untyped-def]
    """Return the indices of the levels, positions and widths to fit in a column with the edges `known`."""
    free = np.zeros(3 * n + 1, np.int64)
    m = 0
    for j in range(n + 1):
        layer = _layer_of_level(j, known)
        if layer < 0 or np.isnan(level[layer]) or spread[layer] > 0.0:
            free[m] = j
            m += 1
    for i in range(n):
        free[m] = n + 1 + i
        m += 1
    for i in range(n):
        if freedom[known[i]] > 0.0:
            free[m] = 2 * n + 1 + i
            m += 1
    return free[:m]


@njit(cache=True, nogil=True)
def _edge_parameters(p, bounds, priors, known, start, width, reach, freedom):  # type: ignore[no-untyped-def]
    """Fill positions and widths: start, bounds (low, high), priors (centre, inverse variance)."""
    n = known.size
    for i in range(n):
        k = known[i]
        e, s = n + 1 + i, 2 * n + 1 + i
        p[e], p[s] = start[i], width[k]
        bounds[0, e], bounds[1, e] = p[e] - reach[k], p[e] + reach[k]
        priors[0, e], priors[1, e] = p[e], (COURSE_PRIOR / reach[k]) ** 2
        bounds[0, s], bounds[1, s] = 0.2 * width[k], 5.0 * width[k]
        priors[0, s] = width[k]
        priors[1, s] = 1.0 / (freedom[k] * width[k]) ** 2 if freedom[k] > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _known_levels(p, priors, known, level, spread):  # type: ignore[no-untyped-def]
    """Put levels that are known in advance in place, with their priors."""
    for j in range(known.size + 1):
        layer = _layer_of_level(j, known)
        if layer >= 0 and not np.isnan(level[layer]):
            p[j] = level[layer]
            if spread[layer] > 0.0:
                priors[0, j], priors[1, j] = level[layer], 1.0 / spread[layer] ** 2


@njit(cache=True, nogil=True)
def _weights(y, p, n, a, b):  # type: ignore[no-untyped-def]
    """Return the inverse variance of each value, by the level of the plateau it lies in."""
    weight = np.zeros(y.size)
    for k in range(y.size):
        j = 0
        while j < n and y[k] > p[n + 1 + j]:
            j += 1
        weight[k] = 1.0 / max(a + b * p[j], 1e-12)
    return weight


@njit(cache=True, nogil=True)
def _fit_columns(image, start, width, level, spread, variance, half, top, bottom, reach, freedom):  # type: ignore[no-untyped-def]
    edges, columns = start.shape
    position, covariance = np.full((edges, columns), np.nan), np.full((edges, edges, columns), np.nan)
    sigma, levels = np.full((edges, columns), np.nan), np.full((edges + 1, columns), np.nan)
    chi2, status = np.full(columns, np.nan), np.full(columns, -1, np.int64)
    for x in range(columns):
        known = np.nonzero(~np.isnan(start[:, x]))[0]
        n = known.size
        if n == 0:
            continue
        first = max(int(np.ceil(start[known[0], x] - half)), int(np.ceil(top[x])), 0)
        last = min(int(np.floor(start[known[n - 1], x] + half)), int(np.floor(bottom[x])), image.shape[0] - 1)
        if last - first < 3 * n + 2:
            status[x] = TOO_FEW
            continue
        y, v = np.arange(0.0, last - first + 1.0), image[first : last + 1, x].astype(np.float64)
        p, bounds, priors = np.zeros(3 * n + 1), np.full((2, 3 * n + 1), 1e12), np.zeros((2, 3 * n + 1))
        bounds[0] = -1e12
        _edge_parameters(p, bounds, priors, known, start[known, x] - first, width, reach, freedom)
        _start_levels(y, v, p, n)
        _known_levels(p, priors, known, level, spread)
        weight = _weights(y, p, n, variance[0], variance[1])
        free = _free_parameters(n, known, level, spread, freedom)
        cov = np.zeros((free.size, free.size))
        total, code = fit_profile(y, v, weight, p, n, free, bounds[0], bounds[1], priors[0], priors[1], cov)
        status[x] = code
        if code != CONVERGED and code != AT_BOUND:
            continue
        chi2[x] = total / max(1, y.size - free.size)
        at = np.nonzero(free == n + 1)[0][0]
        for i in range(n):
            position[known[i], x] = p[n + 1 + i] + first
            sigma[known[i], x] = p[2 * n + 1 + i]
            for j in range(n):
                covariance[known[i], known[j], x] = cov[at + i, at + j]
        for j in range(n + 1):
            layer = _layer_of_level(j, known)
            if layer >= 0:
                levels[layer, x] = p[j]
    return position, covariance, sigma, levels, chi2, status
