"""Backgrounds that peaks drag behind them, on a rising binding-energy axis.

Shirley: k times the running integral of the peak from the low-energy end (trapezoid). Tougaard: the peak convolved with
the loss function K(T) = b T / ((c - T^2)^2 + d T^2), T > t0 (S. Tougaard, Surf. Interface Anal. 25 (1997) 137). Both are
linear in the peak, so amplitudes stay linear and derivatives are the same operation on the derivative.
"""

from __future__ import annotations

from numba import njit

from imgpipe.kernels.fit.elementary import CORE, LEAF


@njit(**CORE)
def running_integral(half, vector, out):  # type: ignore[no-untyped-def]
    """Write the trapezoid integral of `vector` from the first point into `out`; half : half steps."""
    total = 0.0
    before = vector[0]
    for i in range(vector.size):
        total += half[i] * (vector[i] + before)
        before = vector[i]
        out[i] = total


@njit(**CORE)
def loss_function(step, b, c, d, t0, place, out):  # type: ignore[no-untyped-def]
    """Write K(T), T = 0, step, 2 step ... into `out`; place 0, 1, 2: its derivative by b, c, d; -1: itself."""
    for i in range(out.size):
        t = i * step
        square = t * t
        gap = c - square
        below = gap * gap + d * square
        if t <= t0 or below <= 0.0:
            out[i] = 0.0
        elif place == 0:
            out[i] = t / below
        elif place == 1:
            out[i] = -b * t * 2.0 * gap / (below * below)
        elif place == 2:
            out[i] = -b * t * square / (below * below)
        else:
            out[i] = b * t / below


@njit(**LEAF)
def add_shifted(out, kernel, factor):  # type: ignore[no-untyped-def]
    """Add factor * kernel to out."""
    for i in range(out.size):
        out[i] += factor * kernel[i]


@njit(**CORE)
def convolve(kernel, vector, step, out):  # type: ignore[no-untyped-def]
    """Write the sum over earlier points of kernel[i - j] vector[j] step (trapezoid) into `out`."""
    n = vector.size
    out[:] = 0.0
    for j in range(n):
        factor = vector[j] * (0.5 * step if j == 0 else step)
        if factor != 0.0:
            add_shifted(out[j:], kernel[: n - j], factor)
