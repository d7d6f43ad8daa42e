"""Fit all edges of a group jointly in every column, with covariance.

A group is a run of neighbouring edges whose windows overlap. In each column the edges known there are fitted together
by the engine of `imgpipe.kernels.fit`: plateau levels L are its amplitudes, positions e and widths s its parameters,

``f(y) = L_0 + sum_i (L_i - L_{i-1}) F((y - e_i) / s_i)`` where F is the normal distribution function. What this
symmetric model can't know of an edge is found from all columns pooled (`imgpipe.kernels.edge_shape`). The noise is
Gaussian with the variance ``a + b * level`` estimated from the image. Columns with the same edges known are one batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.fit import CONVERGED, TOO_FEW, FitResult, Model, Problem, fit
from imgpipe.kernels.fit.fitting import take
from imgpipe.kernels.fit.model import Column, Parameter

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
REACH = 6.0
"""A fitted edge may leave its start by at most this many pixels."""
COURSE_PRIOR = 2.5
"""The course of the trace, smoothed along the edge, is a weak Gaussian prior: its standard deviation is the reach over
this number, 2.4 px. It keeps columns of low contrast from falling for a noise edge nearby."""
NARROWEST, WIDEST = 0.2, 5.0
"""Bounds of a fitted width, as a fraction of the expected one."""
POSITION = "position "
"""Names of positions begin so."""
NO_EDGE = -1
"""Status of a column in which no edge was known."""
TOLERANCE = 1e-8
"""Of the engine: positions are good to 1e-4 of their standard uncertainty."""
BUCKET = 16
"""Windows are made equally long, pixels, up to the next multiple of this, so that they can be one batch."""


@dataclass(frozen=True)
class GroupFit:
    """Result for a group of n edges in nx columns; NaN where an edge was not fitted.

    position : (n, nx) y in pixels
    covariance : (n, n, nx) of the positions, pixels squared
    width : (n, nx) Gaussian sigma, pixels
    level : (n + 1, nx) plateau levels, counts; NaN where a neighbouring edge is lost
    chi2 : (nx,) reduced chi squared
    status : (nx,) code of `imgpipe.kernels.fit`, `NO_EDGE` where no edge was known
    """

    position: Floats
    covariance: Floats
    width: Floats
    level: Floats
    chi2: Floats
    status: Integers

    @classmethod
    def empty(cls, edges: int, columns: int) -> GroupFit:
        """Return a result in which nothing is known."""
        return cls(
            np.full((edges, columns), np.nan),
            np.full((edges, edges, columns), np.nan),
            np.full((edges, columns), np.nan),
            np.full((edges + 1, columns), np.nan),
            np.full(columns, np.nan),
            np.full(columns, NO_EDGE, dtype=np.int64),
        )


@dataclass(frozen=True)
class Expected:
    """What is known of a group in advance: see `fit_group`."""

    width: Floats
    freedom: Floats
    reach: Floats
    level: Floats
    spread: Floats
    variance: tuple[float, float]


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
    expected = Expected(
        width=np.asarray(width, dtype=np.float64),
        freedom=np.broadcast_to(np.asarray(width_freedom, dtype=np.float64), (edges,)),
        reach=np.full(edges, REACH) if reach is None else np.asarray(reach, dtype=np.float64),
        level=np.full(edges + 1, np.nan) if level is None else np.asarray(level, dtype=np.float64),
        spread=np.zeros(edges + 1) if level_spread is None else np.asarray(level_spread, dtype=np.float64),
        variance=(float(variance[0]), float(variance[1])),
    )
    limits = rows or (np.zeros(columns), np.full(columns, image.shape[0] - 1.0))
    first, size = windows(start, half, limits, image.shape[0])
    out = GroupFit.empty(edges, columns)
    for known, chosen in patterns(start):
        enough = size[chosen] > 3 * known.size + 2
        out.status[chosen[~enough]] = TOO_FEW
        for part in alike(chosen[enough], size):
            _fit_batch(image, start, expected, known, part, first[part], size[part], out)
    return out


def windows(start: Floats, half: float, limits: tuple[Floats, Floats], height: int) -> tuple[Integers, Integers]:
    """Return the first row and the number of rows of each column's window, (x,); 0 rows where no edge is known."""
    known = np.isfinite(start)
    any_known = known.any(axis=0)
    top = np.where(known, start, np.inf).min(axis=0, initial=np.inf)
    bottom = np.where(known, start, -np.inf).max(axis=0, initial=-np.inf)
    top, bottom = np.where(any_known, top, 0.0), np.where(any_known, bottom, -np.inf)
    first = np.maximum(np.ceil(top - half), np.maximum(np.ceil(limits[0]), 0.0))
    last = np.minimum(np.floor(bottom + half), np.minimum(np.floor(limits[1]), height - 1.0))
    return first.astype(np.int64), np.maximum(last - first + 1.0, 0.0).astype(np.int64)


def patterns(start: Floats) -> Iterator[tuple[Integers, Integers]]:
    """Yield which edges are known, and the columns in which just these are."""
    known = np.isfinite(start)
    code = (known * (1 << np.arange(start.shape[0]))[:, None]).sum(axis=0)
    for one in np.unique(code[code > 0]):
        yield np.flatnonzero(int(one) >> np.arange(start.shape[0]) & 1), np.flatnonzero(code == one)


def alike(columns: Integers, size: Integers) -> Iterator[Integers]:
    """Yield columns whose windows are about equally long."""
    bucket = -(-size[columns] // BUCKET)
    for one in np.unique(bucket):
        yield columns[bucket == one]


def layers_of(known: Integers) -> Integers:
    """Return the layer of each plateau level between and beside the edges `known`; -1 where several layers are one."""
    layers = np.append(known, known[-1] + 1)
    layers[1:-1][np.diff(known) > 1] = -1
    return layers


def _model(points: int, expected: Expected, known: Integers) -> Problem:
    """Return the model of a profile: a plateau level and, for each edge, a blurred step to the next level.

    Its free parameters are the positions of the edges, then the widths that are not held.
    """
    model = Model()
    segment = model.segment(np.arange(float(points)))
    levels = [_level(model, expected, int(layer)) for layer in layers_of(known)]
    positions = [model.parameter(f"{POSITION}{k}", prior=(0.0, expected.reach[k] / COURSE_PRIOR)) for k in known]
    model.term("constant", segment, levels[0])
    for i, k in enumerate(known):
        width, freedom = float(expected.width[k]), float(expected.freedom[k])
        sigma: Parameter | float = width
        if freedom > 0.0:
            sigma = model.parameter(f"width {k}", NARROWEST * width, WIDEST * width, (width, freedom * width))
        model.term("edge_erf", segment, [(levels[i], -1.0), (levels[i + 1], 1.0)], [positions[i], sigma])
    return model.compile()


def _level(model: Model, expected: Expected, layer: int) -> Column:
    level = expected.level[layer] if layer >= 0 else np.nan
    spread = expected.spread[layer] if layer >= 0 else 0.0
    if np.isnan(level):
        return model.column(f"level {layer}", nonnegative=False)
    if spread > 0.0:
        return model.column(f"level {layer}", nonnegative=False, prior=(float(level), float(spread)))
    return model.column(f"level {layer}", fixed=float(level))


def _fit_batch(
    image: NDArray[np.generic],
    start: Floats,
    expected: Expected,
    known: Integers,
    columns: Integers,
    first: Integers,
    size: Integers,
    out: GroupFit,
) -> None:
    """Fit the columns with these edges known and write the results."""
    row = first[:, None] + np.arange(size.max())
    grey = image[np.minimum(row, image.shape[0] - 1), columns[:, None]].astype(np.float64)
    begin = np.ascontiguousarray((start[np.ix_(known, columns)] - first).T)
    layers = layers_of(known)
    told = np.where(layers >= 0, expected.level[layers], np.nan)
    problem = _model(row.shape[1], expected, known)
    width = expected.width[known][expected.freedom[known] > 0.0]
    widths = np.repeat(width[None], columns.size, axis=0)
    reach = expected.reach[known]
    prior = np.repeat(problem.prior_means[None], columns.size, axis=0)
    is_position = np.array([name.startswith(POSITION) for name in problem.prior_names])
    prior[:, is_position] = begin
    result = fit(
        problem,
        grey,
        noise="gaussian",
        variance=noise_variances(grey, size, begin, told, *expected.variance),
        start=np.concatenate([begin, widths], axis=1),
        low=np.concatenate([begin - reach, NARROWEST * widths], axis=1),
        high=np.concatenate([begin + reach, WIDEST * widths], axis=1),
        prior_mean=prior,
        tolerance=TOLERANCE,
    )
    out.status[columns] = result.status
    good = result.status == CONVERGED
    if good.any():
        freedom = result.freedom - len(problem.prior_names)  # a start is no measurement
        chi2 = (result.statistic + result.prior_statistic) / np.maximum(1.0, freedom)
        out.chi2[columns[good]] = chi2[good]
        _store(take(result, good), expected, known, columns[good], first[good], out)


def _store(
    result: FitResult, expected: Expected, known: Integers, columns: Integers, first: Integers, out: GroupFit
) -> None:
    """Write converged fits of the columns with these edges known."""
    n = known.size
    layers = layers_of(known)
    told = np.flatnonzero(layers >= 0)
    sigma = np.repeat(expected.width[known][None], columns.size, axis=0)
    sigma[:, expected.freedom[known] > 0.0] = result.q[:, n:]
    covariance = result.covariance[:, :n, :n]
    stopped = result.at_low[:, :n] | result.at_high[:, :n]
    spread = (expected.reach[known] / COURSE_PRIOR) ** 2
    covariance[:, np.arange(n), np.arange(n)] += np.where(stopped, spread, 0.0)  # zero there: the engine knows of none
    out.position[np.ix_(known, columns)] = (result.q[:, :n] + first[:, None]).T
    out.covariance[np.ix_(known, known, columns)] = covariance.transpose(1, 2, 0)
    out.width[np.ix_(known, columns)] = sigma.T
    out.level[np.ix_(layers[told], columns)] = result.amplitude[:, told].T


@njit(cache=True, nogil=True)
def noise_variances(grey, size, edge, known, a, b):  # type: ignore[no-untyped-def]
    """Return the variance of each point (column, point) from the plateaus between the starts of the edges.

    grey : (column, point); size : (column,) points of each window, the rest has variance infinity
    edge : (column, edge) starts; known : (edge + 1,) levels known in advance, NaN for the mean of the points
    """
    out = np.full(grey.shape, np.inf)
    n = edge.shape[1]
    plateau = np.zeros(grey.shape[1], np.int64)
    total, count = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(grey.shape[0]):
        total[:] = 0.0
        count[:] = 0.0
        for k in range(size[i]):
            j = 0
            while j < n and k > edge[i, j]:
                j += 1
            plateau[k] = j
            total[j] += grey[i, k]
            count[j] += 1.0
        overall = total.sum() / count.sum()
        for j in range(n + 1):
            mean = total[j] / count[j] if count[j] > 0.0 else overall
            total[j] = max(a + b * (mean if np.isnan(known[j]) else known[j]), 1e-12)
        for k in range(size[i]):
            out[i, k] = total[plateau[k]]
    return out
