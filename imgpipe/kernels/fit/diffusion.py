"""One-sided edges: sharp on one side, a diffusion profile on the other, seen through the response of a stack.

The coordinate and the parameters are those of `imgpipe.kernels.fit.stacked`; p[1] is a length with a sign: above zero
the profile reaches towards higher x, below zero towards lower x. At zero both are the sharp edge, and they go smoothly
through it. In responses the length is that of the layer it reaches into.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from imgpipe.kernels.fit.elementary import CORE, exponential
from imgpipe.kernels.fit.faddeeva import scaled_erfc
from imgpipe.kernels.fit.stacked import ROOT_HALF, beside, fill_distance, normal_density, normal_distribution, store

LEAST = 1e-9
FAR = 50.0
"""Beyond this argument the asymptotic series of the error function is used: it is good to 1e-9 there."""
HALF_NORMAL_SD = math.sqrt(1.0 - 2.0 / math.pi)
"""Standard deviation of the half-normal distribution of scale 1."""
_T, _W = np.polynomial.legendre.leggauss(14)
OWEN_NODES, OWEN_WEIGHTS = 0.5 * (_T + 1.0), 0.5 * _W


@njit(**CORE)
def exponential_edge(z, length):  # type: ignore[no-untyped-def]
    """Return the distribution function at z of a standard normal plus an exponential variable; slopes by z, length."""
    sign = -1.0 if length < 0.0 else 1.0
    z = sign * z
    rate = 1.0 / max(sign * length, LEAST)
    density = normal_density(z)
    below = normal_distribution(z, density)
    gap = rate - z
    half = 0.5 * math.sqrt(2.0 * math.pi) * density * scaled_erfc(abs(gap) * ROOT_HALF)
    missing = half if gap >= 0.0 else exponential(rate * (0.5 * rate - z)) - half
    if gap > FAR:
        s = 1.0 / (gap * gap)
        by_length = -density * rate * rate * s * (1.0 - s * (3.0 - s * (15.0 - 105.0 * s)))
    else:
        by_length = rate * rate * (gap * missing - density)
    v = below - missing
    return (v if sign > 0.0 else 1.0 - v), rate * missing, by_length


@njit(**CORE)
def owen_t(h, a):  # type: ignore[no-untyped-def]
    """Return Owen's T function, h >= 0, 0 <= a <= 1, by quadrature."""
    total = 0.0
    for m in range(OWEN_NODES.size):
        t = a * OWEN_NODES[m]
        square = 1.0 + t * t
        total += OWEN_WEIGHTS[m] * exponential(-0.5 * h * h * square) / square
    return total * a / (2.0 * math.pi)


@njit(**CORE)
def half_normal_edge(z, length):  # type: ignore[no-untyped-def]
    """Return the distribution function at z of a standard normal plus length * |normal|; slopes by z and length."""
    omega = math.sqrt(1.0 + length * length)
    y = z / omega
    density = normal_density(y)
    below = normal_distribution(y, density)
    tilted = length * y
    share = normal_distribution(tilted, normal_density(tilted))
    a, h = abs(length), abs(y)
    if a <= 1.0:
        t = owen_t(h, a)
    else:
        near = normal_distribution(h, density)
        far = normal_distribution(a * h, normal_density(a * h))
        t = 0.5 * (near + far) - near * far - owen_t(a * h, 1.0 / a)
    t = t if length >= 0.0 else -t
    by_z = 2.0 * density * share / omega
    by_length = -y * length / omega * by_z - exponential(-0.5 * z * z) / (math.pi * omega * omega)
    return below - 2.0 * t, by_z, by_length


def exponential_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Rising edge 1 - exp(-(x - position) / length) under the response; standard deviation |length|."""
    fill_distance(x, p, value, derivative)
    side = beside(p)
    left, right = p[side], p[side + 1]
    own = 1.0 / (left if p[1] < 0.0 else right)
    for i in range(x.size):
        v, by_distance, by_length = exponential_edge(value[i] - p[2], p[1] * own)
        by_own = -by_length * p[1] * own * own
        value[i] = v
        below = by_own if p[1] < 0.0 else 0.0
        store(derivative, i, side, by_distance, by_length * own, -by_distance, below, by_own - below)


def erfc_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Rising edge 1 - erfc((x - position) / (sqrt(2) length)) under the response; sd 0.603 |length|."""
    fill_distance(x, p, value, derivative)
    side = beside(p)
    left, right = p[side], p[side + 1]
    own = 1.0 / (left if p[1] < 0.0 else right)
    for i in range(x.size):
        v, by_distance, by_length = half_normal_edge(value[i] - p[2], p[1] * own)
        by_own = -by_length * p[1] * own * own
        value[i] = v
        below = by_own if p[1] < 0.0 else 0.0
        store(derivative, i, side, by_distance, by_length * own, -by_distance, below, by_own - below)
