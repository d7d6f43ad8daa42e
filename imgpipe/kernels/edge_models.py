"""Models of a grey profile across a stack: plateaus joined by blurred edges, with derivatives.

Parameters of a profile with n edges, in this order (4 n + 1 numbers):

* levels L_0 ... L_n, counts, top to bottom,
* positions e_1 ... e_n, pixels,
* widths s_1 ... s_n, pixels: standard deviation of the Gaussian blur,
* tails t_1 ... t_n, pixels: decay length of a one-sided exponential tail; t > 0 reaches to larger y,
  t < 0 to smaller y, |t| < `NO_TAIL` s is a symmetric erf edge.

``f(y) = L_0 + sum_i (L_i - L_{i-1}) F((y - e_i); s_i, t_i)`` where F is the distribution function of a
Gaussian plus (for t != 0) an exponential variable: the exponentially modified Gaussian of
chromatography (Kalambet et al., J. Chemometrics 25 (2011) 352, eq. 1-4). The position e is where the
sharp step stands before blur and tail.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NO_TAIL = 0.02
"""A tail shorter than this fraction of the width counts as none."""
FAR = 8.0
_ROOT2 = math.sqrt(2.0)
_NORM = 1.0 / math.sqrt(2.0 * math.pi)


@njit(cache=True, nogil=True)
def parameter_count(edges):  # type: ignore[no-untyped-def]
    """Return the number of parameters of a profile with `edges` edges."""
    return 4 * edges + 1


@njit(cache=True, nogil=True)
def edge(d, s, t):  # type: ignore[no-untyped-def]
    """Return F, dF/dd, dF/ds, dF/dt of one edge at distance d (pixels) from its position."""
    if abs(t) < NO_TAIL * s:
        return gaussian_edge(d, s)
    if t > 0:
        return tailed_edge(d, s, t)
    F, Fd, Fs, Ft = tailed_edge(-d, s, -t)
    return 1.0 - F, Fd, -Fs, Ft


@njit(cache=True, nogil=True)
def gaussian_edge(d, s):  # type: ignore[no-untyped-def]
    """Symmetric edge: normal distribution function; the last derivative (tail) is that at t = 0."""
    u = d / s
    if u > FAR:
        return 1.0, 0.0, 0.0, 0.0
    if u < -FAR:
        return 0.0, 0.0, 0.0, 0.0
    density = _NORM * math.exp(-0.5 * u * u) / s
    return 0.5 * math.erfc(-u / _ROOT2), density, -u * density, -density


@njit(cache=True, nogil=True)
def tailed_edge(d, s, t):  # type: ignore[no-untyped-def]
    """Edge with an exponential tail of length t > 0 towards larger d."""
    u = d / s
    if u < -FAR:
        return 0.0, 0.0, 0.0, 0.0
    if d > 40.0 * t + FAR * s:
        return 1.0, 0.0, 0.0, 0.0
    normal = 0.5 * math.erfc(-u / _ROOT2)
    gauss = _NORM * math.exp(-0.5 * u * u) / s
    z = (s / t - u) / _ROOT2
    if z > 5.0:
        inverse = 1.0 / (2.0 * z * z)
        scaled = (1.0 - inverse * (1.0 - 3.0 * inverse * (1.0 - 5.0 * inverse))) / (z * math.sqrt(math.pi))
        density = 0.5 * math.exp(-0.5 * u * u) * scaled / t
    else:
        density = 0.5 * math.exp(0.5 * (s / t) ** 2 - d / t) * math.erfc(z) / t
    slope = (gauss - density) / t
    bracket = -s * s / t**3 + d / t**2
    by_tail = -density / t + density * bracket + gauss * s * s / t**3
    return normal - t * density, density, s * slope, -density - t * by_tail


@njit(cache=True, nogil=True)
def evaluate(y, p, edges, f, jacobian):  # type: ignore[no-untyped-def]
    """Fill f (point,) and jacobian (point, parameter) with the model at y (point,)."""
    n = edges
    for k in range(y.size):
        total = p[0]
        for j in range(4 * n + 1):
            jacobian[k, j] = 0.0
        jacobian[k, 0] = 1.0
        for i in range(n):
            step = p[i + 1] - p[i]
            F, Fd, Fs, Ft = edge(y[k] - p[n + 1 + i], p[2 * n + 1 + i], p[3 * n + 1 + i])
            total += step * F
            jacobian[k, i] -= F
            jacobian[k, i + 1] += F
            jacobian[k, n + 1 + i] = -step * Fd
            jacobian[k, 2 * n + 1 + i] = step * Fs
            jacobian[k, 3 * n + 1 + i] = step * Ft
        f[k] = total


def half_crossing(width: float, tail: float) -> float:
    """Return where an edge crosses 50 %, relative to its position, in pixels (bisection)."""
    low, high = -4 * width - 2 * abs(tail), 4 * width + 2 * abs(tail)
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if edge(middle, width, tail)[0] < 0.5 else (low, middle)
    return float(np.round(0.5 * (low + high), 12))
