"""Levenberg-Marquardt for one profile: bounds, fixed parameters, Gaussian priors, covariance.

The loop knows the model only through `imgpipe.kernels.edge_models.evaluate` (values and analytic
Jacobian), so another model of the same calling form can take its place; numba's cache does not see a change
there, so this file must be touched with it. Damping after Marquardt (J. SIAM 11 (1963) 431), scaled by the
diagonal of the normal matrix. float64 throughout.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from imgpipe.kernels.edge_models import evaluate

CONVERGED, STOPPED, AT_BOUND, SINGULAR, TOO_FEW = 0, 1, 2, 3, 4
"""Status of a fit: converged; iteration limit; a free parameter ends at a bound; no covariance; too few points."""
MOST_ITERATIONS = 40
SMALL_STEP = 1e-4
"""A fit has converged when no parameter moves by more than this fraction of its own uncertainty."""


@njit(cache=True, nogil=True)
def factorise(matrix):  # type: ignore[no-untyped-def]
    """Turn a symmetric matrix into its lower Cholesky factor, in place; False when not positive definite."""
    n = matrix.shape[0]
    for j in range(n):
        for i in range(j, n):
            acc = matrix[i, j]
            for k in range(j):
                acc -= matrix[i, k] * matrix[j, k]
            if i > j:
                matrix[i, j] = acc / matrix[j, j]
            elif acc > 1e-12 * abs(matrix[i, i]) and np.isfinite(acc):
                matrix[i, i] = np.sqrt(acc)
            else:
                return False
    return True


@njit(cache=True, nogil=True)
def substitute(factor, right):  # type: ignore[no-untyped-def]
    """Solve L L' x = right in place, L being the lower triangle of `factor`."""
    n = factor.shape[0]
    for i in range(n):
        acc = right[i]
        for k in range(i):
            acc -= factor[i, k] * right[k]
        right[i] = acc / factor[i, i]
    for i in range(n - 1, -1, -1):
        acc = right[i]
        for k in range(i + 1, n):
            acc -= factor[k, i] * right[k]
        right[i] = acc / factor[i, i]


@njit(cache=True, nogil=True)
def invert(matrix):  # type: ignore[no-untyped-def]
    """Turn a symmetric positive definite matrix into its inverse, in place; NaN and False when it is not."""
    n = matrix.shape[0]
    factor = matrix.copy()
    if not factorise(factor):
        matrix[:, :] = np.nan
        return False
    column = np.zeros(n)
    for j in range(n):
        column[:] = 0.0
        column[j] = 1.0
        substitute(factor, column)
        matrix[:, j] = column
    return True


@njit(cache=True, nogil=True)
def normal_equations(y, v, weight, p, edges, free, prior, prior_weight, f, jacobian, matrix, right):  # type: ignore[no-untyped-def]
    """Fill matrix = J'WJ and right = J'W(v - f) for the free parameters; return chi squared."""
    evaluate(y, p, edges, f, jacobian)
    m = free.size
    matrix[:, :] = 0.0
    right[:] = 0.0
    chi2 = 0.0
    for k in range(y.size):
        residual = v[k] - f[k]
        chi2 += weight[k] * residual * residual
        for a in range(m):
            wj = weight[k] * jacobian[k, free[a]]
            if wj == 0.0:
                continue
            right[a] += wj * residual
            for b in range(a + 1):
                matrix[a, b] += wj * jacobian[k, free[b]]
    for a in range(m):
        gap = prior[free[a]] - p[free[a]]
        chi2 += prior_weight[free[a]] * gap * gap
        right[a] += prior_weight[free[a]] * gap
        matrix[a, a] += prior_weight[free[a]]
        for b in range(a):
            matrix[b, a] = matrix[a, b]
    return chi2


@njit(cache=True, nogil=True)
def damped_step(matrix, right, damping, p, free, low, high, trial):  # type: ignore[no-untyped-def]
    """Write the next parameters into `trial`; return whether all moves are small. Adds damping where it must."""
    m = free.size
    move, damped = right.copy(), matrix.copy()
    for a in range(m):
        damped[a, a] += damping * matrix[a, a] + 1e-14
        j = free[a]
        if (p[j] <= low[j] and right[a] < 0.0) or (p[j] >= high[j] and right[a] > 0.0):
            move[a] = 0.0  # held at its bound: the others move without it
            damped[a, :] = 0.0
            damped[:, a] = 0.0
            damped[a, a] = 1.0
    if factorise(damped):
        substitute(damped, move)
    else:  # a direction without any information: go along the gradient, scaled by the diagonal
        for a in range(m):
            move[a] = right[a] / (matrix[a, a] * (1.0 + damping) + 1e-12)
    small = True
    for a in range(m):
        j = free[a]
        trial[j] = min(max(p[j] + move[a], low[j]), high[j])
        small = small and abs(trial[j] - p[j]) * np.sqrt(matrix[a, a]) < SMALL_STEP
    return small


@njit(cache=True, nogil=True)
def fit_profile(y, v, weight, p, edges, free, low, high, prior, prior_weight, covariance):  # type: ignore[no-untyped-def]
    """Fit one profile in place.

    Parameters
    ----------
    y, v, weight : (point,) position in pixels, grey value, inverse variance of the value
    p : (parameter,) start, overwritten with the result
    edges : number of edges in the profile
    free : (free,) indices of the parameters to fit
    low, high : (parameter,) bounds
    prior, prior_weight : (parameter,) centre and inverse variance of a Gaussian prior; weight 0 for none
    covariance : (free, free) overwritten

    Returns
    -------
    chi2 : weighted sum of squares at the end
    status : one of the codes above
    """
    m = free.size
    if y.size < m + 1:
        covariance[:, :] = np.nan
        return np.nan, TOO_FEW
    f, jacobian = np.zeros(y.size), np.zeros((y.size, p.size))
    matrix, right = covariance, np.zeros(m)
    trial_matrix, trial_right = np.zeros((m, m)), np.zeros(m)
    chi2 = normal_equations(y, v, weight, p, edges, free, prior, prior_weight, f, jacobian, matrix, right)
    damping, status = 1e-3, STOPPED
    trial = p.copy()
    for _ in range(MOST_ITERATIONS):
        small = damped_step(matrix, right, damping, p, free, low, high, trial)
        new = normal_equations(
            y, v, weight, trial, edges, free, prior, prior_weight, f, jacobian, trial_matrix, trial_right
        )
        if new <= chi2:
            p[:] = trial
            chi2 = new
            matrix[:, :] = trial_matrix
            right[:] = trial_right
            damping = max(0.1 * damping, 1e-12)
        else:
            damping *= 10.0
        if small and new <= chi2 * (1.0 + 1e-9):
            status = CONVERGED
            break
        if damping > 1e10:
            break
    if not invert(covariance):
        return chi2, SINGULAR
    for j in free:
        if status == CONVERGED and (p[j] <= low[j] or p[j] >= high[j]):
            status = AT_BOUND
    return chi2, status
