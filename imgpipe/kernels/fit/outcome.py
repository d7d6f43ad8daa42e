"""What is known of a fit at its end: covariance, freedom, goodness."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from imgpipe.kernels.fit.elementary import CORE
from imgpipe.kernels.fit.linear import factorise, invert_factor
from imgpipe.kernels.fit.noise import weighted_square
from imgpipe.kernels.fit.plan import FIXED


@njit(**CORE)
def fill_covariance(plan, system, bounded, covariance):  # type: ignore[no-untyped-def]
    """Fill the covariance (q, amplitudes); return whether it exists.

    Parameters at a bound and amplitudes that are fixed have zero rows: the rest is conditional on them. An amplitude
    at zero takes part as if it were free. A parameter the data know nothing of (that of a component of area zero)
    has NaN on its diagonal only. All NaN, and False, where the others depend on each other.

    bounded : (Q,) whether a parameter ends at a bound
    """
    columns, free = plan.column_kind.size, bounded.size
    matrix, factor, index = system.matrix, system.factor, system.order
    covariance[:, :] = 0.0
    n = 0
    for i in range(columns + free):
        if i >= columns and not matrix[i, i] > 0.0:
            covariance[i - columns, i - columns] = 0.0 if bounded[i - columns] else np.nan
        elif plan.column_kind[i] != FIXED if i < columns else not bounded[i - columns]:
            index[n] = i
            n += 1
    for i in range(n):
        for j in range(i + 1):
            factor[i, j] = matrix[index[i], index[j]]
    if factorise(factor, n) > 0:
        covariance[:, :] = np.nan
        return False
    invert_factor(factor, n)
    for i in range(n):
        a = index[i] - columns if index[i] >= columns else index[i] + free
        for j in range(i + 1):
            b = index[j] - columns if index[j] >= columns else index[j] + free
            covariance[a, b] = factor[i, j]
            covariance[b, a] = factor[i, j]
    return True


@njit(**CORE)
def degrees_of_freedom(plan, points, q, amplitude, low, high):  # type: ignore[no-untyped-def]
    """Return points + priors - parameters that are free at the end (at most the number of points)."""
    parameters = 0
    for a in range(q.size):
        parameters += low[a] < q[a] < high[a]
    for c in range(amplitude.size):
        parameters += plan.column_kind[c] != FIXED and amplitude[c] != 0.0
    return points - max(0.0, float(parameters - plan.prior_weight.size))


@njit(**CORE)
def pearson(data):  # type: ignore[no-untyped-def]
    """Return sum(weight residual^2) at the accepted point."""
    return weighted_square(data.residual, data.weight)


@njit(**CORE)
def ratio(value, freedom):  # type: ignore[no-untyped-def]
    """Return value / freedom, NaN without freedom."""
    return value / freedom if freedom > 0.0 else math.nan
