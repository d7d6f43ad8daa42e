"""Model of a grey profile across a stack: plateaus joined by blurred edges, with derivatives.

Parameters of a profile with n edges, in this order (3 n + 1 numbers):

* levels L_0 ... L_n, counts, top to bottom,
* positions e_1 ... e_n, pixels,
* widths s_1 ... s_n, pixels: standard deviation of the Gaussian blur.

``f(y) = L_0 + sum_i (L_i - L_{i-1}) F((y - e_i) / s_i)`` where F is the normal distribution function. What
this symmetric model can't know of an edge is found from all columns pooled (`imgpipe.kernels.edge_shape`).
"""

from __future__ import annotations

import math

from numba import njit

FAR = 8.0
_ROOT2 = math.sqrt(2.0)
_NORM = 1.0 / math.sqrt(2.0 * math.pi)


@njit(cache=True, nogil=True)
def parameter_count(edges):  # type: ignore[no-untyped-def]
    """Return the number of parameters of a profile with `edges` edges."""
    return 3 * edges + 1


@njit(cache=True, nogil=True)
def edge(d, s):  # type: ignore[no-untyped-def]
    """Return F, dF/dd, dF/ds of one edge at distance d (pixels) from its position."""
    u = d / s
    if u > FAR:
        return 1.0, 0.0, 0.0
    if u < -FAR:
        return 0.0, 0.0, 0.0
    density = _NORM * math.exp(-0.5 * u * u) / s
    return 0.5 * math.erfc(-u / _ROOT2), density, -u * density


@njit(cache=True, nogil=True)
def evaluate(y, p, edges, f, jacobian):  # type: ignore[no-untyped-def]
    """Fill f (point,) and jacobian (point, parameter) with the model at y (point,)."""
    n = edges
    for k in range(y.size):
        total = p[0]
        for j in range(3 * n + 1):
            jacobian[k, j] = 0.0
        jacobian[k, 0] = 1.0
        for i in range(n):
            step = p[i + 1] - p[i]
            F, Fd, Fs = edge(y[k] - p[n + 1 + i], p[2 * n + 1 + i])
            total += step * F
            jacobian[k, i] -= F
            jacobian[k, i + 1] += F
            jacobian[k, n + 1 + i] = -step * Fd
            jacobian[k, 2 * n + 1 + i] = step * Fs
        f[k] = total
