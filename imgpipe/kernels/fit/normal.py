"""Normal equations of amplitudes and nonlinear parameters together, and the elimination of the amplitudes.

With the amplitudes at their optimum for the given q, the Schur complement of the joint matrix is the matrix of
Kaufman's variable projection (BIT 15 (1975) 49): no projection of derivative columns is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.fit.elementary import ALLOCATING, CORE
from imgpipe.kernels.fit.linear import backward, factorise, forward
from imgpipe.kernels.fit.plan import FIXED
from imgpipe.kernels.fit.vectors import dot, dot_pair, weigh

Floats = NDArray[np.float64]


class System(NamedTuple):
    """Matrices of one fit with L columns and Q free parameters.

    matrix : (L + Q, L + Q) lower triangle; right : (L + Q,)
    factor : (L + Q, L + Q) scratch; order, solution : (L + Q,) scratch
    live : (L,) columns that take part, `live_count` of them in live_count[0]
    across : (Q, L) the part of the factor between both; inner : (L,) solution of the amplitude part
    reduced : (Q, Q) full; pull : (Q,) right side; scale : (Q,) damping scale; step : (Q,)
    """

    matrix: Floats
    right: Floats
    factor: Floats
    order: NDArray[np.int64]
    solution: Floats
    live: NDArray[np.int64]
    live_count: NDArray[np.int64]
    across: Floats
    inner: Floats
    reduced: Floats
    pull: Floats
    scale: Floats
    step: Floats
    damped: Floats
    side: Floats
    held: NDArray[np.bool_]
    passive: NDArray[np.bool_]


@njit(**ALLOCATING)
def new_system(columns, free):  # type: ignore[no-untyped-def]
    """Return a zero system."""
    m = columns + free
    return System(
        np.zeros((m, m)),
        np.zeros(m),
        np.zeros((m, m)),
        np.zeros(m, np.int64),
        np.zeros(m),
        np.zeros(columns, np.int64),
        np.zeros(1, np.int64),
        np.zeros((free, columns)),
        np.zeros(columns),
        np.zeros((free, free)),
        np.zeros(free),
        np.zeros(free),
        np.zeros(free),
        np.zeros((free, free)),
        np.zeros(free),
        np.zeros(free, np.bool_),
        np.zeros(columns, np.bool_),
    )


@njit(**CORE)
def fill_normal(plan, work, weight, residual, limit, system):  # type: ignore[no-untyped-def]
    """Fill the lower triangle of rows' W rows and rows' W residual for the rows below `limit`."""
    matrix, right = system.matrix, system.right
    matrix[:limit, :limit] = 0.0
    right[:limit] = 0.0
    for s in range(plan.segment.shape[0]):
        start, stop = plan.segment[s, 0], plan.segment[s, 2]
        first, last = plan.active_start[s], plan.active_start[s + 1]
        for m in range(first, last):
            i = plan.active[m]
            if i >= limit:
                break
            right[i] += weigh(work.rows, i, start, stop, weight, residual, work.weighted)
            for k in range(first, m, 2):
                j, n = plan.active[k], plan.active[k + 1]
                one, other = dot_pair(work.weighted, i, work.rows, j, n, start, stop)
                matrix[i, j] += one
                matrix[i, n] += other
            if (m - first) % 2 == 0:
                matrix[i, i] += dot(work.weighted, i, work.rows, i, start, stop)


@njit(**CORE)
def add_amplitude_priors(plan, target, amplitude, system):  # type: ignore[no-untyped-def]
    """Add the priors on amplitudes; `amplitude` is the point the right side refers to."""
    for i in range(plan.prior_weight.size):
        c = plan.prior_column[i]
        if c >= 0:
            system.matrix[c, c] += plan.prior_weight[i]
            system.right[c] += plan.prior_weight[i] * (target[i] - amplitude[c])


@njit(**CORE)
def prior_gap(plan, target, q, i):  # type: ignore[no-untyped-def]
    """Return target - combination of parameters for prior i."""
    gap = target[i] - plan.prior_offset[i]
    for j in range(q.size):
        gap -= plan.prior_row[i, j] * q[j]
    return gap


@njit(**CORE)
def add_parameter_priors(plan, target, q, system):  # type: ignore[no-untyped-def]
    """Add the priors on combinations of parameters."""
    columns = plan.column_kind.size
    for i in range(plan.prior_weight.size):
        if plan.prior_column[i] >= 0:
            continue
        gap = prior_gap(plan, target, q, i) * plan.prior_weight[i]
        for j in range(q.size):
            row = plan.prior_row[i, j]
            if row == 0.0:
                continue
            system.right[columns + j] += gap * row
            for k in range(j + 1):
                system.matrix[columns + j, columns + k] += plan.prior_weight[i] * row * plan.prior_row[i, k]


@njit(**CORE)
def prior_merit(plan, target, q, amplitude):  # type: ignore[no-untyped-def]
    """Return the sum of the squared prior residuals over their variances."""
    total = 0.0
    for i in range(plan.prior_weight.size):
        c = plan.prior_column[i]
        gap = target[i] - amplitude[c] if c >= 0 else prior_gap(plan, target, q, i)
        total += plan.prior_weight[i] * gap * gap
    return total


@njit(**CORE)
def factorise_live(plan, system):  # type: ignore[no-untyped-def]
    """Factorise the part of the amplitudes that are not at zero and solve it; return the decrease that brings."""
    n, factor = 0, system.factor
    for c in range(plan.column_kind.size):
        if system.passive[c] and plan.column_kind[c] != FIXED:
            system.live[n] = c
            n += 1
    system.live_count[0] = n
    for i in range(n):
        system.inner[i] = system.right[system.live[i]]
        for j in range(i + 1):
            factor[i, j] = system.matrix[system.live[i], system.live[j]]
    factorise(factor, n)
    forward(factor, n, system.inner)
    decrease = 0.0
    for i in range(n):
        decrease += system.inner[i] ** 2
    return decrease


@njit(**CORE)
def eliminate_amplitudes(plan, system):  # type: ignore[no-untyped-def]
    """Fill `reduced` and `pull` for q, the amplitudes that are not at zero following freely.

    Returns the decrease of the merit from the amplitudes alone.
    """
    columns, free, matrix = plan.column_kind.size, system.pull.size, system.matrix
    decrease = factorise_live(plan, system)
    n = system.live_count[0]
    for a in range(free):
        row = system.across[a]
        for i in range(n):
            row[i] = matrix[columns + a, system.live[i]]
        forward(system.factor, n, row)
        pull = system.right[columns + a]
        for i in range(n):
            pull -= row[i] * system.inner[i]
        system.pull[a] = pull
        for b in range(a + 1):
            total = matrix[columns + a, columns + b]
            for i in range(n):
                total -= row[i] * system.across[b, i]
            system.reduced[a, b] = total
            system.reduced[b, a] = total
    return decrease


@njit(**CORE)
def amplitude_step(system):  # type: ignore[no-untyped-def]
    """Return in `solution` the change of the live amplitudes that goes with `step`."""
    n = system.live_count[0]
    for i in range(n):
        total = system.inner[i]
        for a in range(system.step.size):
            total -= system.across[a, i] * system.step[a]
        system.solution[i] = total
    backward(system.factor, n, system.solution)


@njit(**CORE)
def damped_step(system, damping, q, low, high):  # type: ignore[no-untyped-def]
    """Fill `step`: damped Newton step that stays within the bounds; return the decrease it promises."""
    free, step, held = q.size, system.step, system.held
    for a in range(free):
        step[a] = 0.0
        held[a] = (q[a] <= low[a] and system.pull[a] < 0.0) or (q[a] >= high[a] and system.pull[a] > 0.0)
    for _ in range(free + 1):
        _solve_free(system, damping)
        outside = False
        for a in range(free):
            if held[a]:
                continue
            step[a] = system.side[a]
            if q[a] + step[a] < low[a] or q[a] + step[a] > high[a]:
                held[a] = True
                outside = True
                step[a] = (low[a] if step[a] < 0.0 else high[a]) - q[a]
        if not outside:
            break
    promised = 0.0
    for a in range(free):
        total = 2.0 * system.pull[a]
        for b in range(free):
            total -= system.reduced[a, b] * step[b]
        promised += step[a] * total
    return promised


@njit(**CORE)
def _solve_free(system, damping):  # type: ignore[no-untyped-def]
    """Solve for the parameters that are not held, the others moving by `step`."""
    free, held, damped = system.step.size, system.held, system.damped
    for a in range(free):
        system.side[a] = 0.0 if held[a] else system.pull[a]
        for b in range(a + 1):
            damped[a, b] = 0.0 if held[a] or held[b] else system.reduced[a, b]
        damped[a, a] = 1.0 if held[a] else system.reduced[a, a] + damping * system.scale[a]
        if not held[a]:
            for b in range(free):
                if held[b]:
                    system.side[a] -= system.reduced[a, b] * system.step[b]
    factorise(damped, free)
    forward(damped, free, system.side)
    backward(damped, free, system.side)
