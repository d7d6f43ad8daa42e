"""Edges of a stack of layers seen through a response that counts distance in ranges: another unit in each layer.

The abscissa is measured from interface k in units of the response's standard deviation, layer by layer: xi grows by
dx / r_i in layer i. In xi the response is one normal distribution everywhere, so an edge is a normal distribution
function of xi: continuous, steep where the response is narrow; and the parts of a stack never turn negative, however
thin a layer is. With one interface this is the two-sided edge: sigma r_0 below and r_1 above the position. A point
stands for a bin, so the change from one unit to the next is spread over 3/4 of a step on both sides: otherwise the
likelihood would have a kink wherever an interface passes a point.

Parameters of an edge in a stack of n interfaces: ``which`` (number of the interface, held), an intrinsic width or
length, ``shift`` in units of the response (positive: the edge is seen at higher x), n rising positions, n + 1
responses > 0. An intrinsic width w is the standard deviation of the true transition: sqrt(r^2 + w^2) on each side.
"""

from __future__ import annotations

import math

from numba import njit

from imgpipe.kernels.fit.elementary import CORE, INLINE, exponential
from imgpipe.kernels.fit.faddeeva import scaled_erfc
from imgpipe.kernels.fit.mixture import NODES, WEIGHTS

ROOT_2PI = math.sqrt(2.0 * math.pi)
ROOT_HALF = math.sqrt(0.5)
LEADING = 3
"""Parameters before the positions: which, width, shift."""
SPREAD = 0.75
"""Half the range over which one response goes over into the next, in steps of the abscissa."""


@njit(**INLINE)
def normal_density(u):  # type: ignore[no-untyped-def]
    """Return the standard normal density."""
    return exponential(-0.5 * u * u) / ROOT_2PI


@njit(**INLINE)
def normal_distribution(u, density):  # type: ignore[no-untyped-def]
    """Return the standard normal distribution function; density : that at u."""
    tail = 0.5 * ROOT_2PI * density * scaled_erfc(abs(u) * ROOT_HALF)
    return tail if u < 0.0 else 1.0 - tail


@njit(**CORE)
def spread_of(x):  # type: ignore[no-untyped-def]
    """Return half the range of the change from one response to the next."""
    return max(SPREAD * (x[x.size - 1] - x[0]) / max(1, x.size - 1), 1e-12)


@njit(**INLINE)
def share_above(t, spread):  # type: ignore[no-untyped-def]
    """Return how far a point at distance t from an interface belongs to the layer above: 0 to 1, a smooth step."""
    tau = min(max(0.5 + 0.5 * t / spread, 0.0), 1.0)
    return tau * tau * (3.0 - 2.0 * tau)


@njit(**INLINE)
def length_above(t, spread):  # type: ignore[no-untyped-def]
    """Return the integral of `share_above`: t where it is well above, 0 below."""
    tau = min(max(0.5 + 0.5 * t / spread, 0.0), 1.0)
    return 2.0 * spread * tau * tau * tau * (1.0 - 0.5 * tau) if t < spread else t


@njit(**INLINE)
def share_slope(t, spread):  # type: ignore[no-untyped-def]
    """Return the derivative of `share_above`."""
    tau = min(max(0.5 + 0.5 * t / spread, 0.0), 1.0)
    return 3.0 * tau * (1.0 - tau) / spread


@njit(**CORE)
def fill_distance(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Write the distance from interface `which` in units of the response, and its derivatives in rows LEADING ...

    With H the step function, 1 / r(t) = 1 / r_0 + sum_j (1 / r_j+1 - 1 / r_j) H(t - p_j), which also holds for a
    layer of no thickness.
    """
    n = (p.size - LEADING - 1) // 2
    k = LEADING + int(p[0])
    first, middle = LEADING + n, p[k]
    inverse, spread = 1.0 / p[first], spread_of(x)
    derivative[:, :] = 0.0
    for i in range(x.size):
        value[i] = (x[i] - middle) * inverse
        derivative[first, i] = -(x[i] - middle) * inverse * inverse
        derivative[k, i] = -inverse
    for j in range(n):
        position, below, above = p[LEADING + j], 1.0 / p[first + j], 1.0 / p[first + j + 1]
        step, before = above - below, 1.0 if middle > position else 0.0
        offset = before * (middle - position)
        other = 1.0 if LEADING + j != k else 0.0
        for i in range(x.size):
            beyond = share_above(x[i] - position, spread)
            length = length_above(x[i] - position, spread) - offset
            value[i] += step * length
            derivative[first + j, i] += length * below * below
            derivative[first + j + 1, i] -= length * above * above
            derivative[LEADING + j, i] += step * (other * before - beyond)
            derivative[k, i] -= step * other * before


@njit(**CORE)
def beside(p):  # type: ignore[no-untyped-def]
    """Return where the response below the interface stands among the parameters; that above it follows."""
    return LEADING + (p.size - LEADING - 1) // 2 + int(p[0])


@njit(**CORE)
def normal_edge(d, above, left, right, width, shift):  # type: ignore[no-untyped-def]
    """Return an edge of normal intrinsic width at distance d, in responses: value, and slopes by all arguments.

    above : share of the layer above; the shift, a length of shift * (rms of both responses), stays what it is when an
    intrinsic width is added.
    """
    square, extra = left * left + right * right, 2.0 * width * width
    total = square + extra
    q = math.sqrt(square / total)
    low, high = width / left, width / right
    one, two = 1.0 / math.sqrt(1.0 + low * low), 1.0 / math.sqrt(1.0 + high * high)
    inverse = one + above * (two - one)
    u = d * inverse - shift * q
    density = normal_density(u)
    by_low = (1.0 - above) * density * d * one * one * one * low / left
    by_high = above * density * d * two * two * two * high / right
    moving = density * shift * extra / (total * total * q)
    by_width = density * shift * q * 2.0 * width / total - by_low - by_high
    return (
        normal_distribution(u, density), density * inverse, by_width, -density * q, by_low * low - moving * left,
        by_high * high - moving * right, density * d * (two - one),
    )  # fmt: skip


@njit(**CORE)
def store(derivative, i, side, by_distance, by_width, by_shift, by_left, by_right):  # type: ignore[no-untyped-def]
    """Turn derivatives of the distance at one point into those of the edge."""
    for j in range(LEADING, derivative.shape[0]):
        derivative[j, i] *= by_distance
    derivative[1, i] = by_width
    derivative[2, i] = by_shift
    derivative[side, i] += by_left
    derivative[side + 1, i] += by_right


def edge_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Rising edge of normal intrinsic width p[1], the classical error function, under the response."""
    fill_distance(x, p, value, derivative)
    side, place, spread = beside(p), LEADING + int(p[0]), spread_of(x)
    for i in range(x.size):
        t = x[i] - p[place]
        v, by_distance, by_width, by_shift, by_left, by_right, by_above = normal_edge(
            value[i], share_above(t, spread), p[side], p[side + 1], p[1], p[2]
        )
        value[i] = v
        store(derivative, i, side, by_distance, by_width, by_shift, by_left, by_right)
        derivative[place, i] -= by_above * share_slope(t, spread)


def logistic_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Rising logistic edge of standard deviation p[1] (scale p[1] sqrt(3) / pi) under the response; good to 1e-7."""
    fill_distance(x, p, value, derivative)
    side, place, spread = beside(p), LEADING + int(p[0]), spread_of(x)
    for i in range(x.size):
        t = x[i] - p[place]
        above = share_above(t, spread)
        v, by_distance, by_width, by_shift, by_left, by_right, by_above = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for m in range(NODES.size):
            part = normal_edge(value[i], above, p[side], p[side + 1], p[1] * NODES[m], p[2])
            v += WEIGHTS[m] * part[0]
            by_distance += WEIGHTS[m] * part[1]
            by_width += WEIGHTS[m] * NODES[m] * part[2]
            by_shift += WEIGHTS[m] * part[3]
            by_left += WEIGHTS[m] * part[4]
            by_right += WEIGHTS[m] * part[5]
            by_above += WEIGHTS[m] * part[6]
        value[i] = v
        store(derivative, i, side, by_distance, by_width, by_shift, by_left, by_right)
        derivative[place, i] -= by_above * share_slope(t, spread)


def ramp_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Composition that rises from -1/2 at interface `which` to 1/2 at the next one and is 0 outside, same response.

    p[1] is an intrinsic width of both its ends, as a part of the response within the layer. With T the thickness in
    responses and u the distance: ``(u A + phi(u) - phi(u - T)) / T - A / 2``, A = Phi(u) - Phi(u - T).
    """
    fill_distance(x, p, value, derivative)
    own = beside(p) + 1
    place = LEADING + int(p[0])
    ratio = p[1] / p[own]
    inverse = 1.0 / math.sqrt(1.0 + ratio * ratio)
    sharp = 1.0 / p[own]
    thick = max((p[place + 1] - p[place]) * sharp, 1e-3)
    t = thick * inverse
    narrowing = inverse * inverse * ratio * sharp  # of u and t, relative, by the intrinsic width
    for i in range(x.size):
        u = value[i] * inverse - p[2]
        near, far = normal_density(u), normal_density(u - t)
        area = normal_distribution(u, near) - normal_distribution(u - t, far)
        mean = (u * area + near - far) / t
        by_u = area / t - 0.5 * (near + far)
        by_t = 0.5 * far - mean / t
        both = by_u * (u + p[2]) + by_t * t
        value[i] = mean - 0.5 * area
        for j in range(LEADING, p.size):
            derivative[j, i] *= by_u * inverse
        derivative[1, i] = -both * narrowing
        derivative[2, i] = -by_u
        derivative[place, i] -= by_t * inverse * sharp
        derivative[place + 1, i] += by_t * inverse * sharp
        derivative[own, i] += both * narrowing * ratio - by_t * t * sharp
