"""Small dense algebra: Cholesky with dependent directions left out, bounded and non-negative solutions."""

from __future__ import annotations

import math

from numba import njit

from imgpipe.kernels.fit.elementary import CORE
from imgpipe.kernels.fit.plan import FIXED, NONNEGATIVE

DEPENDENT = 1e-14
"""A pivot below this fraction of its diagonal element means a direction that depends on those before it."""

ROUNDING = 1e-11
"""An amplitude below this fraction of what its column could explain alone is zero."""


@njit(**CORE)
def factorise(matrix, n):  # type: ignore[no-untyped-def]
    """Turn the lower triangle of matrix[:n, :n] into its Cholesky factor; return the number of dependent rows.

    A dependent row gets a zero on the diagonal, and `forward` and `backward` give 0 for it.
    """
    dependent = 0
    for j in range(n):
        diagonal = matrix[j, j]
        pivot = diagonal
        for k in range(j):
            pivot -= matrix[j, k] * matrix[j, k]
        if pivot > DEPENDENT * diagonal and math.isfinite(pivot):
            root = math.sqrt(pivot)
            inverse = 1.0 / root
        else:
            root, inverse = 0.0, 0.0
            dependent += 1
        matrix[j, j] = root
        for i in range(j + 1, n):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = total * inverse
    return dependent


@njit(**CORE)
def forward(factor, n, right):  # type: ignore[no-untyped-def]
    """Solve L x = right in place."""
    for i in range(n):
        total = right[i]
        for k in range(i):
            total -= factor[i, k] * right[k]
        right[i] = total / factor[i, i] if factor[i, i] > 0.0 else 0.0


@njit(**CORE)
def backward(factor, n, right):  # type: ignore[no-untyped-def]
    """Solve L' x = right in place."""
    for i in range(n - 1, -1, -1):
        total = right[i]
        for k in range(i + 1, n):
            total -= factor[k, i] * right[k]
        right[i] = total / factor[i, i] if factor[i, i] > 0.0 else 0.0


@njit(**CORE)
def invert_factor(factor, n):  # type: ignore[no-untyped-def]
    """Turn a Cholesky factor L of A (no dependent rows) into the lower triangle of the inverse of A, in place."""
    for j in range(n):
        factor[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for k in range(j, i):
                total -= factor[i, k] * factor[k, j]
            factor[i, j] = total / factor[i, i]
    for i in range(n):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, n):
                total += factor[k, i] * factor[k, j]
            factor[i, j] = total


@njit(**CORE)
def _solve_passive(matrix, right, passive, factor, index, solution):  # type: ignore[no-untyped-def]
    """Solve for the passive amplitudes, the others being 0."""
    n = 0
    for i in range(passive.size):
        if passive[i]:
            index[n] = i
            n += 1
    for i in range(n):
        solution[i] = right[index[i]]
        for j in range(i + 1):
            factor[i, j] = matrix[index[i], index[j]]
    factorise(factor, n)
    forward(factor, n, solution)
    backward(factor, n, solution)
    for i in range(n - 1, -1, -1):
        solution[index[i]] = solution[i]
    for i in range(passive.size):
        if not passive[i]:
            solution[i] = 0.0


@njit(**CORE)
def _most_wanted(matrix, right, kind, amplitude, passive):  # type: ignore[no-untyped-def]
    """Return the amplitude at zero that wants to grow most, -1 for none."""
    best, which = 0.0, -1
    for i in range(kind.size):
        if passive[i] or kind[i] != NONNEGATIVE or not matrix[i, i] > 0.0:
            continue
        pull = right[i]
        for j in range(kind.size):
            pull -= matrix[max(i, j), min(i, j)] * amplitude[j]
        gain = pull / math.sqrt(matrix[i, i])
        if pull > 1e-12 * abs(right[i]) and gain > best:
            best, which = gain, i
    return which


@njit(**CORE)
def _remove_blocking(kind, amplitude, passive, solution):  # type: ignore[no-untyped-def]
    """Go from `amplitude` towards `solution` until the first reaches zero; True when it got there."""
    share = 1.0
    for i in range(kind.size):
        if passive[i] and kind[i] == NONNEGATIVE and solution[i] <= 0.0:
            share = min(share, amplitude[i] / max(amplitude[i] - solution[i], 1e-300))
    for i in range(kind.size):
        if not passive[i]:
            continue
        amplitude[i] += share * (solution[i] - amplitude[i])
        if kind[i] == NONNEGATIVE and solution[i] <= 0.0 and amplitude[i] <= 1e-14 * abs(solution[i]):
            amplitude[i] = 0.0
            passive[i] = False
    return share >= 1.0


@njit(**CORE)
def _drop_negative(matrix, right, kind, passive, factor, index, solution):  # type: ignore[no-untyped-def]
    """Solve, leave out what comes out negative, until nothing does; return whether anything was left out."""
    removed = False
    while True:
        _solve_passive(matrix, right, passive, factor, index, solution)
        negative = False
        for i in range(kind.size):
            if passive[i] and kind[i] == NONNEGATIVE and not solution[i] > ROUNDING * abs(right[i]) / matrix[i, i]:
                passive[i] = False
                negative = True
        if not negative:
            return removed
        removed = True


@njit(**CORE)
def solve_amplitudes(matrix, right, kind, amplitude, passive, factor, index, solution):  # type: ignore[no-untyped-def]
    """Minimise a'Ma - 2 right'a with a >= 0 where asked for (active set of Lawson & Hanson 1974).

    matrix : lower triangle; amplitude : fixed ones given, others overwritten; passive : (L,) out, not at zero.
    Dependent columns get the amplitude 0.
    """
    for i in range(kind.size):
        passive[i] = kind[i] != FIXED and matrix[i, i] > 0.0
    removed = _drop_negative(matrix, right, kind, passive, factor, index, solution)
    for i in range(kind.size):
        if kind[i] != FIXED:
            amplitude[i] = solution[i]
    for _ in range(3 * kind.size if removed else 0):
        wanted = _most_wanted(matrix, right, kind, amplitude, passive)
        if wanted < 0:
            break
        passive[wanted] = True
        reached = False
        while not reached:
            _solve_passive(matrix, right, passive, factor, index, solution)
            reached = _remove_blocking(kind, amplitude, passive, solution)
