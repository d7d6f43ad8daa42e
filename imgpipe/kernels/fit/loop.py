"""The fit of one spectrum: Levenberg-Marquardt in q, amplitudes solved at every step, covariance at the end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.fit.columns import evaluate_shapes, fill_columns, fill_drifts, fill_slopes, fill_strengths
from imgpipe.kernels.fit.columns import set_parameters
from imgpipe.kernels.fit.elementary import CORE
from imgpipe.kernels.fit.linear import solve_amplitudes
from imgpipe.kernels.fit.noise import gaussian_merit, poisson_merit, weighted_square
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
from imgpipe.kernels.fit.vectors import add, clear

Floats = NDArray[np.float64]
CONVERGED, STOPPED, SINGULAR, TOO_FEW = 0, 1, 2, 3
"""Status: converged; iteration limit or no way down; no covariance; fewer points than parameters."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-14, 1e16
EPSILON = 2.2e-16


class Data(NamedTuple):
    """One spectrum on the padded points, and the state of its fit.

    y, base : counts; inverse variance (Gaussian) or 1 / 0 (Poisson), 0 where masked
    weight, residual, curve : at the accepted point; trial_* : at the point under trial
    poisson : (1,) whether noise is Poisson; floor : smallest expectation with its own weight
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
    clear(curve)
    for c in range(plan.column_kind.size):
        if amplitude[c] != 0.0:
            add(curve, work.rows[c], amplitude[c])


@njit(**CORE)
def merit(data, weight):  # type: ignore[no-untyped-def]
    """Fill residual and weight for the curve; return chi squared or the deviance. settings: poisson, floor."""
    if data.settings[0] > 0.0:
        return poisson_merit(data.y, data.base, data.curve, data.settings[1], weight, data.residual)
    return gaussian_merit(data.y, weight, data.curve, data.residual)


@njit(**CORE)
def best_amplitudes(plan, work, system, data, weight, target, amplitude):  # type: ignore[no-untyped-def]
    """Solve the amplitudes for the columns in `work` and the given weights."""
    n = amplitude.size
    data.open[:] = data.y
    for c in range(n):
        if plan.column_kind[c] == FIXED:
            add(data.open, work.rows[c], -amplitude[c])
        else:
            amplitude[c] = 0.0
    fill_normal(plan, work, weight, data.open, n, system)
    add_amplitude_priors(plan, target, amplitude, system)
    return solve_amplitudes(
        system.matrix, system.right, plan.column_kind, amplitude, system.passive, system.factor, system.index,
        system.solution,
    )  # fmt: skip


@njit(**CORE)
def go_to(shapes, plan, work, system, data, weight, target, q, amplitude, new_weight):  # type: ignore[no-untyped-def]
    """Evaluate the model at q with the best amplitudes for `weight`; return the merit with priors."""
    set_parameters(plan, q, work.p)
    evaluate_shapes(shapes, plan, work)
    fill_columns(plan, work, True)
    best_amplitudes(plan, work, system, data, weight, target, amplitude)
    fill_curve(plan, work, amplitude, data.curve)
    return merit(data, new_weight) + prior_merit(plan, target, q, amplitude)


@njit(**CORE)
def linearise(plan, work, system, data, target, q, amplitude):  # type: ignore[no-untyped-def]
    """Fill the joint normal equations at the accepted point and eliminate the amplitudes."""
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
def start(shapes, plan, work, system, data, target, q, amplitude, mean):  # type: ignore[no-untyped-def]
    """Evaluate the start; Poisson amplitudes are solved twice, the first time with equal weights."""
    system.scale[:] = 0.0
    if data.settings[0] > 0.0:
        data.trial_weight[:] = data.base / max(mean, data.settings[1])
        go_to(shapes, plan, work, system, data, data.trial_weight, target, q, amplitude, data.weight)
        data.trial_weight[:] = data.weight
        best_amplitudes(plan, work, system, data, data.trial_weight, target, amplitude)
        fill_curve(plan, work, amplitude, data.curve)
        return merit(data, data.weight) + prior_merit(plan, target, q, amplitude)
    data.weight[:] = data.base
    return go_to(shapes, plan, work, system, data, data.weight, target, q, amplitude, data.weight)


@njit(**CORE)
def finish(plan, system, q, amplitude, low, high):  # type: ignore[no-untyped-def]
    """Take the last small step in q and the amplitudes."""
    amplitude_step(system)
    for a in range(q.size):
        q[a] = min(max(q[a] + system.step[a], low[a]), high[a])
    for i in range(system.live_count[0]):
        c = system.live[i]
        amplitude[c] += system.solution[i]
        if plan.column_kind[c] == NONNEGATIVE:
            amplitude[c] = max(amplitude[c], 0.0)


@njit(**CORE)
def smallest_change(data, value, freedom, settings):  # type: ignore[no-untyped-def]
    """Return the change of the merit below which the fit has converged, and that which rounding makes.

    settings: poisson, floor, most iterations, tolerance, 1 for unknown variance.
    """
    size = weighted_square(data.y, data.weight)
    noise = 4.0 * EPSILON * np.sqrt(value * size) + 16.0 * EPSILON * EPSILON * size
    unit = value / max(freedom, 1.0) if settings[4] > 0.0 else 1.0
    return max(settings[3] * unit, noise), noise


@njit(**CORE)
def descend(shapes, plan, work, system, data, target, q, amplitude, low, high, trial_q, trial_a, freedom, mean):  # type: ignore[no-untyped-def]
    """Fit; return status and iterations. The system is that of the last accepted point."""
    value = start(shapes, plan, work, system, data, target, q, amplitude, mean)
    damping, iterations = FIRST_DAMPING, 0
    if not np.isfinite(value):
        return SINGULAR, iterations
    while True:
        decrease = linearise(plan, work, system, data, target, q, amplitude)
        small, noise = smallest_change(data, value, freedom, data.settings)
        while True:
            promised = damped_step(system, damping, q, low, high)
            if promised + decrease <= small and damping <= 1.0:
                finish(plan, system, q, amplitude, low, high)
                return CONVERGED, iterations
            if iterations >= data.settings[2] or damping > MOST_DAMPING or not np.isfinite(promised):
                return STOPPED, iterations
            iterations += 1
            for a in range(q.size):
                trial_q[a] = min(max(q[a] + system.step[a], low[a]), high[a])
            trial_a[:] = amplitude
            new = go_to(shapes, plan, work, system, data, data.weight, target, trial_q, trial_a, data.trial_weight)
            if new <= value + noise:
                break
            damping *= 8.0
        gain = (value - new) / promised if promised > 0.0 else 1.0
        damping = max(damping * 0.1, LEAST_DAMPING) if gain > 0.75 else damping * (4.0 if gain < 0.25 else 1.0)
        value = new
        q[:] = trial_q
        amplitude[:] = trial_a
        if data.settings[0] > 0.0:
            data.weight[:] = data.trial_weight
