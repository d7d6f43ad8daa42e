"""Short loops over points: the work of the engine. The compiler makes SIMD code of them.

They take whole arrays and places instead of slices: making and dropping a slice costs as much as the loop. Places are
unsigned, since numba would guard a signed index against being negative, point by point.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from imgpipe.kernels.fit.elementary import LEAF


@njit(**LEAF)
def copy(out, vector):  # type: ignore[no-untyped-def]
    """Write a vector into another; an assignment of slices would count references."""
    for i in range(out.size):
        out[i] = vector[i]


@njit(**LEAF)
def clear(out, row, start, stop):  # type: ignore[no-untyped-def]
    """Set out[row, start:stop] to zero."""
    for i in range(np.uintp(start), np.uintp(stop)):
        out[row, i] = 0.0


@njit(**LEAF)
def add(out, row, start, stop, vector, place, factor):  # type: ignore[no-untyped-def]
    """Add factor * vector[place ...] to out[row, start:stop]."""
    shift = np.uintp(place) - np.uintp(start)
    for i in range(np.uintp(start), np.uintp(stop)):
        out[row, i] += factor * vector[i + shift]


@njit(**LEAF)
def add_to_curve(curve, start, stop, rows, other, factor):  # type: ignore[no-untyped-def]
    """Add factor * rows[other, start:stop] to curve[start:stop]."""
    for i in range(np.uintp(start), np.uintp(stop)):
        curve[i] += factor * rows[other, i]


@njit(**LEAF)
def add_row(out, row, start, stop, rows, other, factor):  # type: ignore[no-untyped-def]
    """Add factor * rows[other, start:stop] to out[row, start:stop]."""
    for i in range(np.uintp(start), np.uintp(stop)):
        out[row, i] += factor * rows[other, i]


@njit(**LEAF)
def weigh(rows, row, start, stop, weight, residual, weighted):  # type: ignore[no-untyped-def]
    """Write rows[row] * weight into weighted[row]; return its scalar product with the residual."""
    total = 0.0
    for i in range(np.uintp(start), np.uintp(stop)):
        product = rows[row, i] * weight[i]
        weighted[row, i] = product
        total += product * residual[i]
    return total


@njit(**LEAF)
def dot(one, i, other, j, start, stop):  # type: ignore[no-untyped-def]
    """Return the scalar product of one[i, start:stop] and other[j, start:stop]."""
    total = 0.0
    for k in range(np.uintp(start), np.uintp(stop)):
        total += one[i, k] * other[j, k]
    return total


@njit(**LEAF)
def dot_pair(one, i, other, j, k, start, stop):  # type: ignore[no-untyped-def]
    """Return the scalar products of one[i, start:stop] with other[j] and other[k]."""
    first, second = 0.0, 0.0
    for n in range(np.uintp(start), np.uintp(stop)):
        value = one[i, n]
        first += value * other[j, n]
        second += value * other[k, n]
    return first, second
