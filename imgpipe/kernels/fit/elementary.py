"""Exponential and logarithm that the compiler turns into SIMD code, for use inside numba loops.

The library functions are scalar calls (5 ns a point); these polynomials cost 0.5 ns. Both split off the power of two
by its bits. Relative error below 4e-16 (exponential) and 4e-15 of ln 2 (logarithm) over the whole range of normal
numbers; tests/kernels/fit/test_elementary.py checks it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

FLAGS = {"contract", "reassoc", "nsz", "arcp"}
"""Floating-point freedom of leaf functions: sums may be reordered; NaN and infinity keep their meaning."""
ALLOCATING: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Options of the compiled functions that make arrays. None is kept on disk by itself: see `machine_code`."""
CORE: dict[str, Any] = {**ALLOCATING, "_nrt": False}
"""Options of all others: no reference counting of arrays, which took a third of the time. They can't make arrays."""
LEAF: dict[str, Any] = {**CORE, "fastmath": FLAGS}
"""Options of short loops over points."""
INLINE: dict[str, Any] = {**LEAF, "forceinline": True}
"""Options of functions of one number: without inlining, the loops around them are not turned into SIMD code."""
EXACT: dict[str, Any] = {**INLINE, "fastmath": {"contract", "nsz"}}
"""Options of those that rely on the order of operations."""

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest integer in the low bits


@njit(**EXACT)
def exponential(x):  # type: ignore[no-untyped-def]
    """Return e**x; 2e-308 below -708 and 8e307 above 709."""
    x = min(max(x, -708.0), 709.0)
    rounded = x * _LOG2E + _ROUND
    k = rounded - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    s = r * r
    even = 1.0 + s * (0.5 + s * (1 / 24 + s * (1 / 720 + s * (1 / 40320 + s * (1 / 3628800 + s / 479001600)))))
    odd = 1.0 + s * (1 / 6 + s * (1 / 120 + s * (1 / 5040 + s * (1 / 362880 + s * (1 / 39916800 + s / 6227020800)))))
    bits = (np.float64(rounded).view(np.int64) + 1023) << 52
    return (even + r * odd) * np.int64(bits).view(np.float64)


@njit(**EXACT)
def logarithm(x):  # type: ignore[no-untyped-def]
    """Return ln x of a positive normal number; not checked."""
    bits = np.float64(x).view(np.int64)
    shifted = bits - 0x3FE6A09E667F3BCD  # of sqrt(1/2): the mantissa lands between sqrt(1/2) and sqrt(2)
    k = shifted >> 52
    m = np.int64(bits - (k << 52)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    tail = 1 / 9 + z * (1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z / 21)))))
    series = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * tail)))
    power = np.float64(k)
    return power * _LN2_HIGH + (2.0 * s + (2.0 * s * series + power * _LN2_LOW))
