"""Shapes that are not peaks: the blurred edge, the exponential, and polynomials for backgrounds."""

from __future__ import annotations

import math

from imgpipe.kernels.fit.elementary import exponential
from imgpipe.kernels.fit.faddeeva import scaled_erfc

ROOT_2PI = math.sqrt(2.0 * math.pi)


def edge_erf(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Blurred step from 0 to 1: the normal distribution function of (x - position) / sigma."""
    position, inverse = p[0], 1.0 / p[1]
    for i in range(x.size):
        u = (x[i] - position) * inverse
        bell = exponential(-0.5 * u * u)
        tail = 0.5 * bell * scaled_erfc(abs(u) * math.sqrt(0.5))
        density = bell * inverse / ROOT_2PI
        value[i] = tail if u < 0.0 else 1.0 - tail
        derivative[0, i] = -density
        derivative[1, i] = -u * density


def exponential_decay(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Exponential exp(-rate (x - x[0])): 1 at the start of the segment."""
    rate, first = p[0], x[0]
    for i in range(x.size):
        t = x[i] - first
        v = exponential(-rate * t)
        value[i] = v
        derivative[0, i] = -t * v


def constant(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """One."""
    for i in range(x.size):
        value[i] = 1.0


def linear(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Distance x - (middle of the segment)."""
    middle = 0.5 * (x[0] + x[x.size - 1])
    for i in range(x.size):
        value[i] = x[i] - middle


def quadratic(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Square of the distance from the middle of the segment."""
    middle = 0.5 * (x[0] + x[x.size - 1])
    for i in range(x.size):
        value[i] = (x[i] - middle) ** 2
