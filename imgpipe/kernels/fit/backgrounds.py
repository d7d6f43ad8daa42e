"""Backgrounds that peaks drag behind them, on a rising binding-energy axis.

Shirley: k times the running integral of the peak from the low-energy end (trapezoid). Tougaard: the peak convolved
with the loss function K(T) = b T / ((c - T^2)^2 + d T^2), T > t0 (S. Tougaard, Surf. Interface Anal. 25 (1997) 137).
Both are linear in the peak, so amplitudes stay linear and derivatives are the same operation on the derivative.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from imgpipe.kernels.fit.elementary import CORE, LEAF

BARE, CARRIED, KERNEL = 0, 1, 2
"""Rows of the scratch: a sum of terms, its running integral, a loss function (from place 0 on)."""


@njit(**LEAF)
def add_with_integral(out, row, start, stop, half, scratch, factor, slope):  # type: ignore[no-untyped-def]
    """Add factor * s + slope * (running integral of s) to out[row], s being scratch[BARE]; half : half steps.

    The sum runs over four quarters at once, since a single running sum waits for each addition.
    """
    n = np.uintp(stop - start) // np.uintp(4)
    a = np.uintp(start)
    b, c, d = a + n, a + n + n, a + n + n + n
    one, two, three, four = 0.0, 0.0, 0.0, 0.0
    less = np.uintp(1)
    p, q, r, s = 0.0, scratch[BARE, b - less], scratch[BARE, c - less], scratch[BARE, d - less]
    for i in range(n):
        here = scratch[BARE, a + i]
        one += half[a + i] * (here + p)
        scratch[CARRIED, a + i], p = one, here
        here = scratch[BARE, b + i]
        two += half[b + i] * (here + q)
        scratch[CARRIED, b + i], q = two, here
        here = scratch[BARE, c + i]
        three += half[c + i] * (here + r)
        scratch[CARRIED, c + i], r = three, here
        here = scratch[BARE, d + i]
        four += half[d + i] * (here + s)
        scratch[CARRIED, d + i], s = four, here
    two *= slope
    for i in range(n):
        out[row, a + i] += factor * scratch[BARE, a + i] + slope * scratch[CARRIED, a + i]
    base = slope * one
    for i in range(n):
        out[row, b + i] += base + factor * scratch[BARE, b + i] + slope * scratch[CARRIED, b + i]
    base += two
    for i in range(n):
        out[row, c + i] += base + factor * scratch[BARE, c + i] + slope * scratch[CARRIED, c + i]
    base += slope * three
    for i in range(n):
        out[row, d + i] += base + factor * scratch[BARE, d + i] + slope * scratch[CARRIED, d + i]


@njit(**CORE)
def fill_loss_function(scratch, size, step, b, c, d, t0, place):  # type: ignore[no-untyped-def]
    """Write K(0), K(step), K(2 step) ... into scratch[KERNEL]; place 0, 1, 2: derivative by b, c, d; -1: itself."""
    for i in range(size):
        t = i * step
        square = t * t
        gap = c - square
        below = gap * gap + d * square
        value = 0.0
        if t > t0 and below > 0.0:
            ratio = t / below
            if place == 0:
                value = ratio
            elif place == 1:
                value = -2.0 * b * gap * ratio / below
            elif place == 2:
                value = -b * square * ratio / below
            else:
                value = b * ratio
        scratch[KERNEL, i] = value


@njit(**LEAF)
def _add_kernel(out, row, start, stop, scratch, factor):  # type: ignore[no-untyped-def]
    first = np.uintp(start)
    for i in range(np.uintp(stop - start)):
        out[row, first + i] += factor * scratch[KERNEL, i]


@njit(**CORE)
def add_convolved(out, row, start, stop, scratch, step, factor):  # type: ignore[no-untyped-def]
    """Add factor * (sum over earlier points of kernel[i - j] s[j] step) to out[row], s being scratch[BARE]."""
    for j in range(start, stop):
        share = factor * step * scratch[BARE, j] * (0.5 if j == start else 1.0)
        if share != 0.0:
            _add_kernel(out, row, j, stop, scratch, share)
