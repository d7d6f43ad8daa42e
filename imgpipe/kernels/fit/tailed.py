"""Edges of a stack of layers under the response of electrons, whose tails are longer than those of a normal one.

X-rays are made all along an electron's path. After a path s the place is about normal across the beam (Lewis 1950),
but its variance grows: as s^3 while the direction is kept, as s once it is lost. Between them stands s^2, with which
the sum over the path is sharper in its centre than a normal distribution of the same standard deviation, has an excess
kurtosis of 2.4, and holds 99 % within 3.2 standard deviations. Lewis' moments, with slowing down and ionisation, say
2.9 to 3.5 for P, S, Cl, Mg K, Cu L and W M lines in Li6PS5Cl, Mg, W and Cu at 5 to 14 kV (`response_reach`); a normal
distribution takes 2.6.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from imgpipe.kernels.fit.elementary import CORE
from imgpipe.kernels.fit.mixture import NODES, WEIGHTS
from imgpipe.kernels.fit.stacked import (
    LEADING,
    SPREAD,
    beside,
    fill_distance,
    normal_edge,
    share_above,
    share_slope,
    spread_of,
    store,
)

COUNT = 4
"""Normal parts of the response, a Gauss-Legendre rule along the path."""
_PLACE, _SHARE = np.polynomial.legendre.leggauss(COUNT)
PARTS = np.asarray(0.5 * (_PLACE + 1.0) * np.sqrt(3.0))
"""Standard deviation of each part over that of the response."""
SHARES = np.asarray(0.5 * _SHARE)


@njit(**CORE)
def fill_tailed(x, p, factors, weights, value, derivative):  # type: ignore[no-untyped-def]
    """Write the edge of a transition that is a mixture of normal ones of p[1] * factors, summed over bins of x."""
    fill_distance(x, p, value, derivative)
    side, place, spread = beside(p), LEADING + int(p[0]), spread_of(x)
    bin_ = spread / SPREAD / math.sqrt(12.0)
    for i in range(x.size):
        t = x[i] - p[place]
        above = share_above(t, spread)
        v, by_distance, by_width, by_shift, by_left, by_right, by_above = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for m in range(factors.size):
            width = math.sqrt(p[1] * p[1] * factors[m] * factors[m] + bin_ * bin_)
            for j in range(PARTS.size):
                s, w = PARTS[j], SHARES[j] * weights[m]
                part = normal_edge(value[i] / s, above, p[side] * s, p[side + 1] * s, width, p[2] / s)
                v += w * part[0]
                by_distance += w / s * part[1]
                by_width += w * p[1] * factors[m] * factors[m] / width * part[2]
                by_shift += w / s * part[3]
                by_left += w * s * part[4]
                by_right += w * s * part[5]
                by_above += w * part[6]
        value[i] = v
        store(derivative, i, side, by_distance, by_width, by_shift, by_left, by_right)
        derivative[place, i] -= by_above * share_slope(t, spread)


ONE = np.ones(1)


def tailed_edge_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Rising edge of normal intrinsic width p[1] under the response of electrons."""
    fill_tailed(x, p, ONE, ONE, value, derivative)


def tailed_logistic_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Rising logistic edge of standard deviation p[1] under the response of electrons."""
    fill_tailed(x, p, NODES, WEIGHTS, value, derivative)
