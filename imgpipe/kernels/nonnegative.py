"""Least squares with non-negative unknowns, for many right-hand sides that share their normal matrix."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RIDGE = 1e-10
"""Added to the diagonal of the scaled normal matrix, so that two equal columns share what they explain."""
TOLERANCE = 1e-10
"""Of the conditions of the optimum, relative to the largest right-hand side."""
FULL_EXCHANGES = 3
"""Exchanges of all offenders that may fail to reduce their number, before one at a time is exchanged."""


def nonnegative(gram: Floats, right: Floats) -> Floats:
    """Return x >= 0 that minimises ``x' G x / 2 - b' x`` for every right-hand side b.

    Active sets by block principal pivoting, in the dual: with the inverse of G at hand, only a system of the few
    unknowns that are 0 has to be solved for each right-hand side.

    Parameters
    ----------
    gram : (p, p), symmetric, positive semi-definite
    right : (n, p)

    Returns
    -------
    (n, p), exact up to rounding

    References
    ----------
    L. F. Portugal, J. J. Judice, L. N. Vicente, Math. Comput. 63, 625 (1994)
    """
    diagonal = np.diag(gram)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = gram / np.outer(scale, scale)
    np.fill_diagonal(scaled, 1.0 + RIDGE)
    inverse = np.linalg.inv(scaled)
    free = np.ascontiguousarray((right / scale) @ inverse)
    _solve_all(inverse, free)
    return np.asarray(free / scale)


@njit(cache=True, nogil=True)
def _solve_all(inverse, solutions):  # type: ignore[no-untyped-def]
    """Turn unconstrained solutions (n, p) into non-negative ones, in place."""
    p = inverse.shape[0]
    factor, x, slope = np.empty((p, p)), np.empty(p), np.empty(p)
    members = np.empty(p, np.int64)
    zero = np.zeros(p, np.bool_)
    for n in range(solutions.shape[0]):
        most, least = 0.0, 0.0
        for i in range(p):
            most = max(most, abs(solutions[n, i]))
            least = min(least, solutions[n, i])
        if least < 0.0:
            for i in range(p):
                zero[i] = solutions[n, i] < 0.0
            _pivot(inverse, solutions[n], zero, factor, x, slope, members, TOLERANCE * most)
            for i in range(p):
                solutions[n, i] = 0.0 if zero[i] else max(x[i], 0.0)


@njit(cache=True, nogil=True)
def _pivot(inverse, start, zero, factor, x, slope, members, tolerance):  # type: ignore[no-untyped-def]
    """Exchange unknowns between free and zero until no sign is wrong."""
    p = inverse.shape[0]
    fewest, patience = p + 1, FULL_EXCHANGES
    for _ in range(20 * p + 50):
        _solve_zeros(inverse, start, zero, factor, x, slope, members)
        wrong, last = 0, -1
        for i in range(p):
            if (slope[i] if zero[i] else x[i]) < -tolerance:
                wrong, last = wrong + 1, i
        if wrong == 0:
            return
        if wrong < fewest:
            fewest, patience = wrong, FULL_EXCHANGES
        else:
            patience -= 1
        for i in range(p):
            if (slope[i] if zero[i] else x[i]) < -tolerance and (patience >= 0 or i == last):
                zero[i] = not zero[i]


@njit(cache=True, nogil=True)
def _solve_zeros(inverse, start, zero, factor, x, slope, members):  # type: ignore[no-untyped-def]
    """Return in `x` the solution with some unknowns held at 0, in `slope` what holds them there.

    With H the inverse, ``H_zz s = -x0_z`` and ``x = x0 + H_:z s``.
    """
    p, m = inverse.shape[0], 0
    for i in range(p):
        slope[i] = 0.0
        x[i] = start[i]
        if zero[i]:
            members[m] = i
            slope[i] = -start[i]
            m += 1
    _solve_some(inverse, members[:m], factor, slope)
    for r in range(m):
        pull = slope[members[r]]
        for i in range(p):
            x[i] += inverse[i, members[r]] * pull


@njit(cache=True, nogil=True)
def _solve_some(matrix, members, factor, values):  # type: ignore[no-untyped-def]
    """Solve for some members of a positive definite matrix, in place, by its Cholesky factor."""
    m = members.size
    for r in range(m):
        for c in range(r + 1):
            total = matrix[members[r], members[c]]
            for k in range(c):
                total -= factor[r, k] * factor[c, k]
            factor[r, c] = np.sqrt(max(total, RIDGE)) if r == c else total / factor[c, c]
    for r in range(m):
        for k in range(r):
            values[members[r]] -= factor[r, k] * values[members[k]]
        values[members[r]] /= factor[r, r]
    for r in range(m - 1, -1, -1):
        for k in range(r + 1, m):
            values[members[r]] -= factor[k, r] * values[members[k]]
        values[members[r]] /= factor[r, r]
