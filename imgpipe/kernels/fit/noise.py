"""Merit, weights and residuals of the two noise models.

Poisson: the deviance ``2 sum(mu - y + y ln(y / mu))``; Fisher scoring is least squares with weights 1 / mu. Below a
small floor the deviance goes on as a parabola, which has its minimum at mu = y = 0: the model may touch zero.
"""

from __future__ import annotations

from numba import njit

from imgpipe.kernels.fit.elementary import CORE, LEAF, logarithm

FLOOR = 1e-4
"""Smallest expectation, as a fraction of the mean count, with a weight of its own."""
LEAST_COUNT = 1e-290


@njit(**LEAF)
def gaussian_merit(y, weight, curve, residual):  # type: ignore[no-untyped-def]
    """Fill the residual y - curve and return chi squared."""
    total = 0.0
    for i in range(y.size):
        r = y[i] - curve[i]
        residual[i] = r
        total += weight[i] * r * r
    return total


@njit(**LEAF)
def poisson_merit(y, mask, curve, floor, weight, residual):  # type: ignore[no-untyped-def]
    """Fill the weights mask / curve and the residual; return the deviance. mask : 1 used, 0 not."""
    total = 0.0
    for i in range(y.size):
        n, mu = y[i], curve[i]
        expected = max(mu, floor)
        inverse = 1.0 / expected
        w = mask[i] * inverse
        r, inside = n - mu, n - expected
        weight[i] = w
        residual[i] = r
        log = logarithm(max(n, LEAST_COUNT) * inverse)
        total += mask[i] * 2.0 * (n * log - inside) + w * (r * r - inside * inside)
    return total


@njit(**LEAF)
def weighted_square(y, weight):  # type: ignore[no-untyped-def]
    """Return sum(weight y^2)."""
    total = 0.0
    for i in range(y.size):
        total += weight[i] * y[i] * y[i]
    return total


@njit(**LEAF)
def used_points(mask, y):  # type: ignore[no-untyped-def]
    """Return the number of points of weight above 0, and their mean."""
    count, total = 0.0, 0.0
    for i in range(y.size):
        used = 1.0 if mask[i] > 0.0 else 0.0
        count += used
        total += used * y[i]
    return count, total / max(count, 1.0)


@njit(**CORE)
def abbe_value(plan_segment, weight, residual):  # type: ignore[no-untyped-def]
    """Return half the mean squared difference of neighbouring standardised residuals over their variance.

    1 for random residuals, below 1 where structure is left; neighbours are used points of one segment.
    """
    count, total = 0.0, 0.0
    for i in range(residual.size):
        if weight[i] > 0.0:
            count += 1.0
            total += residual[i] * weight[i] ** 0.5
    mean = total / max(count, 1.0)
    rough, spread, pairs = 0.0, 0.0, 0.0
    for s in range(plan_segment.shape[0]):
        before, known = 0.0, False
        for i in range(plan_segment[s, 0], plan_segment[s, 1]):
            if not weight[i] > 0.0:
                continue
            r = residual[i] * weight[i] ** 0.5
            spread += (r - mean) ** 2
            if known:
                rough += (r - before) ** 2
                pairs += 1.0
            before, known = r, True
    return 0.5 * (rough / pairs) / (spread / count) if pairs > 0.0 and spread > 0.0 else 1.0
