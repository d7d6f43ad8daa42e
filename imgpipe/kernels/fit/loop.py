"""The fit of one spectrum: Levenberg-Marquardt in q, amplitudes solved at every step, covariance at the end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.fit.columns import (
    evaluate_shapes,
    fill_columns,
    fill_drifts,
    fill_slopes,
    fill_strengths,
    set_parameters,
)
from imgpipe.kernels.fit.elementary import CORE
from imgpipe.kernels.fit.linear import solve_amplitudes
from imgpipe.kernels.fit.noise import FLOOR, gaussian_merit, poisson_merit, weighted_square
from imgpipe.kernels.fit.normal import (
    add_amplitude_priors,
    add_parameter_priors,
    amplitude_step,
    damped_step,
    eliminate_amplitudes,
    fill_normal,
    prior_merit,
)
from imgpipe.kernels.fit.plan import FIXED, NONNEGATIVE
from imgpipe.kernels.fit.vectors import add_to_curve, copy

Floats = NDArray[np.float64]
CONVERGED, STOPPED, SINGULAR, TOO_FEW = 0, 1, 2, 3
"""Status: converged; iteration limit or no way down; no covariance; fewer points than parameters."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-14, 1e16
EPSILON = 2.2e-16
POISSON, FLOOR_AT, ITERATIONS, TOLERANCE, UNKNOWN_VARIANCE = 0, 1, 2, 3, 4
"""Places in the settings: 1 for Poisson; smallest expectation with its own weight; most iterations; tolerance; 1 where
the variance is taken from the residuals."""


class Data(NamedTuple):
    """One spectrum on the padded points, and the state of its fit.

    y, base : counts; inverse variance (Gaussian) or 1 / 0 (Poisson), 0 where masked
    weight : at the accepted point; trial_weight : at the point under trial
    residual, curve : of the last evaluation; open : what the columns of free amplitude have to explain
    settings : see the names above
    """

    y: Floats
    base: Floats
    weight: Floats
    residual: Floats
    curve: Floats
    trial_weight: Floats
    open: Floats
    settings: Floats


@njit(**CORE)
def fill_curve(plan, work, amplitude, curve):  # type: ignore[no-untyped-def]
    """Write the sum of amplitude * column into `curve`."""
    curve[:] = 0.0
    for k in range(plan.cell.shape[0]):
        c, s = plan.cell[k, 1], plan.group[plan.cell[k, 0], 0]
        if plan.cell[k, 4] and amplitude[c] != 0.0:
            add_to_curve(curve, plan.segment[s, 0], plan.segment[s, 2], work.rows, c, amplitude[c])


@njit(**CORE)
def merit(data, weight):  # type: ignore[no-untyped-def]
    """Fill the residual, and for Poisson the weight, for the curve; return chi squared or the deviance."""
    if data.settings[POISSON] > 0.0:
        return poisson_merit(data.y, data.base, data.curve, data.settings[FLOOR_AT], weight, data.residual)
    return gaussian_merit(data.y, data.base, data.curve, data.residual)


@njit(**CORE)
def best_amplitudes(plan, work, trial, data, weight, target, amplitude):  # type: ignore[no-untyped-def]
    """Solve the amplitudes for the columns in `work` and the given weights; `trial` is a system without q."""
    n = amplitude.size
    copy(data.open, data.y)
    for c in range(n):
        if plan.column_kind[c] == FIXED:
            add_to_curve(data.open, 0, plan.x.size, work.rows, c, -plan.column_fixed[c])
        else:
            amplitude[c] = 0.0
    fill_normal(plan, work, weight, data.open, n, trial)
    add_amplitude_priors(plan, target, amplitude, trial)
    solve_amplitudes(
        trial.matrix, trial.right, plan.column_kind, amplitude, trial.passive, trial.factor, trial.order, trial.solution
    )


@njit(**CORE)
def go_to(shapes, plan, work, trial, data, weight, target, q, amplitude, new_weight):  # type: ignore[no-untyped-def]
    """Evaluate the model at q with the best amplitudes for `weight`; return the merit with priors."""
    set_parameters(plan, q, work.p)
    evaluate_shapes(shapes, plan, work)
    fill_columns(plan, work, True)
    best_amplitudes(plan, work, trial, data, weight, target, amplitude)
    fill_curve(plan, work, amplitude, data.curve)
    return merit(data, new_weight) + prior_merit(plan, target, q, amplitude)


@njit(**CORE)
def linearise(plan, work, system, data, target, q, amplitude):  # type: ignore[no-untyped-def]
    """Fill the joint normal equations at the accepted point and eliminate the amplitudes.

    Returns the decrease of the merit that the amplitudes alone would bring.
    """
    fill_strengths(plan, work, amplitude)
    fill_slopes(plan, work, amplitude)
    fill_drifts(plan, work)
    fill_normal(plan, work, data.weight, data.residual, system.right.size, system)
    add_amplitude_priors(plan, target, amplitude, system)
    add_parameter_priors(plan, target, q, system)
    decrease = eliminate_amplitudes(plan, system)
    for a in range(q.size):
        system.scale[a] = max(system.scale[a], system.reduced[a, a])
        if not system.scale[a] > 0.0:
            system.scale[a] = 1.0
    return decrease


@njit(**CORE)
def start(shapes, plan, work, trial, data, target, q, amplitude):  # type: ignore[no-untyped-def]
    """Evaluate the start; Poisson amplitudes are solved twice, the first time with equal weights."""
    copy(data.weight, data.base)
    if data.settings[POISSON] > 0.0:
        for i in range(data.base.size):
            data.trial_weight[i] = data.base[i] * (FLOOR / data.settings[FLOOR_AT])
        go_to(shapes, plan, work, trial, data, data.trial_weight, target, q, amplitude, data.weight)
        best_amplitudes(plan, work, trial, data, data.weight, target, amplitude)
        fill_curve(plan, work, amplitude, data.curve)
        return merit(data, data.weight) + prior_merit(plan, target, q, amplitude)
    return go_to(shapes, plan, work, trial, data, data.weight, target, q, amplitude, data.weight)


@njit(**CORE)
def finish(plan, work, system, data, q, amplitude, low, high):  # type: ignore[no-untyped-def]
    """Take the last small step in q and the amplitudes; the curve follows by its derivatives."""
    columns, points = amplitude.size, plan.x.size
    amplitude_step(system)
    for a in range(q.size):
        before = q[a]
        q[a] = min(max(before + system.step[a], low[a]), high[a])
        add_to_curve(data.curve, 0, points, work.rows, columns + a, q[a] - before)
    for i in range(system.live_count[0]):
        c = system.live[i]
        before = amplitude[c]
        amplitude[c] += system.solution[i]
        if plan.column_kind[c] == NONNEGATIVE:
            amplitude[c] = max(amplitude[c], 0.0)
        add_to_curve(data.curve, 0, points, work.rows, c, amplitude[c] - before)


@njit(**CORE)
def smallest_change(data, value, freedom):  # type: ignore[no-untyped-def]
    """Return the change of the merit below which the fit has converged, and that which rounding makes."""
    size = weighted_square(data.y, data.weight)
    noise = 4.0 * EPSILON * np.sqrt(value * size) + 16.0 * EPSILON * EPSILON * size
    unit = value / max(freedom, 1.0) if data.settings[UNKNOWN_VARIANCE] > 0.0 else 1.0
    return max(data.settings[TOLERANCE] * unit, noise), noise


@njit(**CORE)
def refresh(shapes, plan, work, data, q, amplitude):  # type: ignore[no-untyped-def]
    """Bring curve, residual and weight back to the accepted point."""
    set_parameters(plan, q, work.p)
    evaluate_shapes(shapes, plan, work)
    fill_columns(plan, work, True)
    fill_curve(plan, work, amplitude, data.curve)
    merit(data, data.weight)


@njit(**CORE)
def accept(system, trial, data, point, new_point):  # type: ignore[no-untyped-def]
    """Make the point under trial the accepted one; points are (q, amplitude)."""
    copy(point[0], new_point[0])
    copy(point[1], new_point[1])
    copy(system.passive, trial.passive)
    if data.settings[POISSON] > 0.0:
        copy(data.weight, data.trial_weight)


@njit(**CORE)
def next_damping(damping, value, new, promised):  # type: ignore[no-untyped-def]
    """Return the damping after an accepted step, by how much of the promised decrease came true."""
    gain = (value - new) / promised if promised > 0.0 else 1.0
    if gain > 0.75:
        return max(0.1 * damping, LEAST_DAMPING)
    return 4.0 * damping if gain < 0.25 else damping


@njit(**CORE)
def descend(shapes, plan, work, system, trial, data, target, point, new_point, bounds, freedom):  # type: ignore[no-untyped-def]
    """Fit one spectrum in place; return status and iterations. The system is that of the last accepted point.

    point, new_point : (q, amplitude), start in, result out, and room for the same
    bounds : (low, high)
    """
    q, amplitude = point
    new_q, new_amplitude = new_point
    low, high = bounds
    value = start(shapes, plan, work, trial, data, target, q, amplitude)
    copy(system.passive, trial.passive)
    system.scale[:] = 0.0
    damping, iterations, status, stale = FIRST_DAMPING, 0, -1, False
    while status < 0:
        if not np.isfinite(value):
            return SINGULAR, iterations
        decrease = linearise(plan, work, system, data, target, q, amplitude)
        small, noise = smallest_change(data, value, freedom)
        while True:
            promised = damped_step(system, damping, q, low, high)
            if promised + decrease <= small and damping <= 1.0:
                if not stale:
                    finish(plan, work, system, data, q, amplitude, low, high)
                status = CONVERGED
                break
            if iterations >= data.settings[ITERATIONS] or damping > MOST_DAMPING or not np.isfinite(promised):
                status = STOPPED
                break
            iterations += 1
            for a in range(q.size):
                new_q[a] = min(max(q[a] + system.step[a], low[a]), high[a])
            copy(new_amplitude, amplitude)
            new = go_to(shapes, plan, work, trial, data, data.weight, target, new_q, new_amplitude, data.trial_weight)
            stale = not new <= value + noise
            if not stale:
                damping = next_damping(damping, value, new, promised)
                value = new
                accept(system, trial, data, point, new_point)
                break
            damping *= 8.0
    if stale:
        refresh(shapes, plan, work, data, q, amplitude)
    return status, iterations
