"""Short loops over points: the work of the engine. Lengths are multiples of 8; the compiler makes SIMD code of them."""

from __future__ import annotations

from numba import njit

from imgpipe.kernels.fit.elementary import LEAF


@njit(**LEAF)
def clear(out):  # type: ignore[no-untyped-def]
    """Set to zero."""
    for i in range(out.size):
        out[i] = 0.0


@njit(**LEAF)
def add(out, vector, factor):  # type: ignore[no-untyped-def]
    """Add factor * vector to out."""
    for i in range(out.size):
        out[i] += factor * vector[i]


@njit(**LEAF)
def multiply(out, vector, weight):  # type: ignore[no-untyped-def]
    """Write vector * weight into out."""
    for i in range(out.size):
        out[i] = vector[i] * weight[i]


@njit(**LEAF)
def dot(one, other):  # type: ignore[no-untyped-def]
    """Return the scalar product."""
    total = 0.0
    for i in range(one.size):
        total += one[i] * other[i]
    return total
