"""All spectra of a batch, one after the other, without Python in between and without the interpreter lock."""

from __future__ import annotations

import functools
import warnings
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.core.errors import NumbaExperimentalFeatureWarning
from numpy.typing import NDArray

from imgpipe.kernels.fit.columns import evaluate_shapes, fill_columns, new_work, set_parameters
from imgpipe.kernels.fit.curves import constant
from imgpipe.kernels.fit.elementary import ALLOCATING, CORE
from imgpipe.kernels.fit.loop import (
    CONVERGED,
    FLOOR_AT,
    SINGULAR,
    TOO_FEW,
    UNKNOWN_VARIANCE,
    Data,
    descend,
    merit,
)
from imgpipe.kernels.fit.machine_code import kept
from imgpipe.kernels.fit.noise import FLOOR, abbe_value, used_points
from imgpipe.kernels.fit.normal import new_system, prior_merit
from imgpipe.kernels.fit.outcome import degrees_of_freedom, fill_covariance, pearson, ratio
from imgpipe.kernels.fit.plan import PLAN_TYPE
from imgpipe.kernels.fit.shape import POINTER, VECTOR, Shape
from imgpipe.kernels.fit.vectors import copy

Floats = NDArray[np.float64]
SLOTS = 8
"""Most different shapes in one model. They are single arguments of the engine: for a tuple numba warns at each call."""


class Output(NamedTuple):
    """Results of a batch of b spectra.

    q : (b, Q); amplitude : (b, L); covariance : (b, Q + L, Q + L)
    numbers : (b, 6) statistic, prior part, reduced, Abbe, degrees of freedom, points
    codes : (b, 2) status, iterations
    """

    q: Floats
    amplitude: Floats
    covariance: Floats
    numbers: Floats
    codes: NDArray[np.int64]


TABLE = types.Array(types.float64, 2, "C")
OUTPUT_TYPE = types.NamedTuple(  # type: ignore[no-untyped-call]
    [TABLE, TABLE, types.Array(types.float64, 3, "C"), TABLE, types.Array(types.int64, 2, "C")], Output
)


@njit(**CORE)
def _load(plan, places, y, weight, data):  # type: ignore[no-untyped-def]
    """Put one spectrum on the padded points; return used points and their mean."""
    for i in range(places.size):
        data.y[places[i]] = y[i]
        data.base[places[i]] = weight[i]
    count, mean = used_points(data.base, data.y)
    data.settings[FLOOR_AT] = FLOOR * max(mean, 1.0 / max(count, 1.0))
    return count


@njit(**CORE)
def _fail(output, i, status, iterations, points):  # type: ignore[no-untyped-def]
    """Write a fit without result."""
    output.q[i, :] = np.nan
    output.amplitude[i, :] = np.nan
    output.covariance[i, :, :] = np.nan
    output.numbers[i, :] = np.nan
    output.numbers[i, 5] = points
    output.codes[i, 0] = status
    output.codes[i, 1] = iterations


@njit(**CORE)
def _store(plan, system, data, target, point, bounds, bounded, points, output, i):  # type: ignore[no-untyped-def]
    """Write the result of spectrum i; return whether it has a covariance."""
    q, amplitude = point
    low, high = bounds
    for a in range(q.size):
        bounded[a] = q[a] <= low[a] or q[a] >= high[a]
    copy(output.q[i], q)
    copy(output.amplitude[i], amplitude)
    covariance = output.covariance[i]
    exists = fill_covariance(plan, system, bounded, covariance)
    freedom = degrees_of_freedom(plan, points, q, amplitude, low, high)
    statistic = merit(data, data.weight)
    reduced = ratio(pearson(data), freedom)
    if data.settings[UNKNOWN_VARIANCE] > 0.0:
        for a in range(covariance.shape[0]):
            for b in range(covariance.shape[0]):
                covariance[a, b] *= reduced
    numbers = output.numbers[i]
    numbers[0] = statistic
    numbers[1] = prior_merit(plan, target, q, amplitude)
    numbers[2] = reduced
    numbers[3] = abbe_value(plan.segment, data.weight, data.residual)
    numbers[4] = freedom
    numbers[5] = points
    return exists


def _fit_batch(a, b, c, d, e, f, g, h, plan, places, y, weight, settings, warm, first, low, high, target, output):  # type: ignore[no-untyped-def]
    """Fit y (spectra, n) with the shapes a to h; arrays with one row stand for all spectra."""
    shapes = (a, b, c, d, e, f, g, h)
    columns, free, padded = plan.column_kind.size, plan.prior_row.shape[1], plan.x.size
    work, system, trial = new_work(plan), new_system(columns, free), new_system(columns, 0)
    data = Data(
        np.zeros(padded), np.zeros(padded), np.zeros(padded), np.zeros(padded), np.zeros(padded), np.zeros(padded),
        np.zeros(padded), settings.copy(),
    )  # fmt: skip
    point, new_point = (np.zeros(free), np.zeros(columns)), (np.zeros(free), np.zeros(columns))
    bounded, lead = np.zeros(free, np.bool_), -1
    unknowns = free + np.sum(plan.column_kind != 2)
    for i in range(y.shape[0]):
        points = _load(plan, places, y[i], weight[min(i, weight.shape[0] - 1)], data)
        if points + plan.prior_weight.size < unknowns or points == 0:
            _fail(output, i, TOO_FEW, 0, points)
            continue
        bounds = (low[min(i, low.shape[0] - 1)], high[min(i, high.shape[0] - 1)])
        aim = target[min(i, target.shape[0] - 1)]
        begin = output.q[lead] if warm and lead >= 0 else first[min(i, first.shape[0] - 1)]
        for k in range(free):
            point[0][k] = min(max(begin[k], bounds[0][k]), bounds[1][k])
        point[1][:] = plan.column_fixed
        status, iterations = descend(
            shapes, plan, work, system, trial, data, aim, point, new_point, bounds, points - unknowns
        )
        if status == SINGULAR:
            _fail(output, i, status, iterations, points)
            continue
        if status == CONVERGED:
            lead = i
        exists = _store(plan, system, data, aim, point, bounds, bounded, points, output, i)
        output.codes[i, 0] = status if exists else SINGULAR
        output.codes[i, 1] = iterations


def _evaluate_batch(a, b, c, d, e, f, g, h, plan, places, q, backgrounds, out):  # type: ignore[no-untyped-def]
    """Fill out (spectra, L, n) with the columns at q (spectra, Q)."""
    shapes = (a, b, c, d, e, f, g, h)
    work = new_work(plan)
    for i in range(q.shape[0]):
        set_parameters(plan, q[i], work.p)
        evaluate_shapes(shapes, plan, work)
        fill_columns(plan, work, backgrounds)
        for row in range(out.shape[1]):
            for k in range(places.size):
                out[i, row, k] = work.rows[row, places[k]]


SHAPE_TYPES = (POINTER,) * SLOTS
PLACES = types.Array(types.int64, 1, "C")
FIT_SIGNATURE = types.void(
    *SHAPE_TYPES, PLAN_TYPE, PLACES, TABLE, TABLE, VECTOR, types.boolean, TABLE, TABLE, TABLE, TABLE, OUTPUT_TYPE
)
EVALUATE_SIGNATURE = types.void(
    *SHAPE_TYPES, PLAN_TYPE, PLACES, TABLE, types.boolean, types.Array(types.float64, 3, "C")
)  # fmt: skip


@functools.cache
def fit_batch() -> Any:
    """Return the compiled engine: from disk, or compiled now (once per machine)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        return kept(_fit_batch, FIT_SIGNATURE, ALLOCATING)


@functools.cache
def evaluate_batch() -> Any:
    """Return the compiled evaluation of columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)
        return kept(_evaluate_batch, EVALUATE_SIGNATURE, ALLOCATING)


@functools.cache
def _filler() -> Any:
    return Shape("constant", constant, (), ()).compiled


def slots(shapes: tuple[Shape, ...]) -> tuple[Any, ...]:
    """Return the function pointers of a model, filled up to the number the engine takes."""
    if len(shapes) > SLOTS:
        raise ValueError(f"a model may have {SLOTS} different shapes, this one has {len(shapes)}")
    return tuple(shape.compiled for shape in shapes) + (_filler(),) * (SLOTS - len(shapes))
