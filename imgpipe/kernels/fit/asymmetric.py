"""Asymmetric peaks; the slow side points to HIGH x (high binding energy on a rising binding-energy axis).

Doniach-Sunjic and the Lorentzian powers have infinite area for part of their parameters, so they are normalised to
height 1 at the position (before a Gaussian blur); their area needs a stated window (`Shape.window_area`).
"""

from __future__ import annotations

import math

from numba import njit

from imgpipe.kernels.fit.elementary import CORE, exponential, logarithm
from imgpipe.kernels.fit.faddeeva import scaled_erfc
from imgpipe.kernels.fit.peaks import LEAST, ROOT_2PI, SIGMA

REACH = 6.5
"""The blur of the Lorentzian powers is summed over this many standard deviations to both sides."""
END = 3.0
"""Exponent that the tails of `lf` approach: half the last number of Casa's LF(0.54,10,80,100,6)."""


@njit(**CORE)
def blur_step(fwhm, sigma, a, b):  # type: ignore[no-untyped-def]
    """Return the step of the sum over the blur, in standard deviations: a sixth of the steeper half width, or 0.5.

    LF(0.54,10,...) has a kink in its second derivative; with this step its blur is good to 5e-6 of the height.
    """
    steepest = 0.5 * fwhm * math.sqrt(2.0 ** (1.0 / max(a, b, 1.0)) - 1.0)
    return 0.5 / min(
        math.ceil(max(3.0 * sigma / steepest, 1.0)), 50
    )  # constant for small changes: derivatives stay exact


@njit(**CORE)
def blur_norm(count, step):  # type: ignore[no-untyped-def]
    """Return the sum of the weights exp(-z^2 / 2) of the nodes z = -count * step ... count * step."""
    total = 0.0
    for k in range(-count, count + 1):
        total += math.exp(-0.5 * (k * step) ** 2)
    return total


def doniach(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Doniach-Sunjic: cos(pi a/2 - (1-a) atan t) / (1 + t^2)^((1-a)/2) / cos(pi a/2), t = 2 (x - position) / fwhm.

    `fwhm` is that of the Lorentzian at a = 0; `asymmetry` a is 0 to below 0.5 in metals.
    """
    position, inverse, a = p[0], 2.0 / p[1], p[2]
    half = 0.5 * math.pi * a
    scale, drift = 1.0 / math.cos(half), 0.5 * math.pi * math.tan(half)
    for i in range(x.size):
        t = (x[i] - position) * inverse
        below = 1.0 / (1.0 + t * t)
        turn = math.atan(t)
        angle = half - (1.0 - a) * turn
        power = scale * exponential(-0.5 * (1.0 - a) * -logarithm(below))
        v = power * math.cos(angle)
        sine = power * math.sin(angle)
        slope = (1.0 - a) * below * (sine - t * v)  # with respect to t
        value[i] = v
        derivative[0, i] = -slope * inverse
        derivative[1, i] = -slope * t * inverse * 0.5
        derivative[2, i] = -sine * (0.5 * math.pi + turn) - 0.5 * v * logarithm(below) + drift * v


def la(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Lorentzian powers L^b below and L^a above the position, blurred: L = 1 / (1 + 4 u^2), u = (x - position) / fwhm.

    a < b gives a slow side at high binding energy. `m` is the FWHM of a Gaussian blur in units of x.
    """
    position, inverse, a, b = p[0], 1.0 / p[1], p[2], p[3]
    sigma = SIGMA * max(p[4], LEAST)
    value[:] = 0.0
    derivative[:, :] = 0.0
    step = blur_step(p[1], sigma, a, b)
    count = int(REACH / step) if p[4] > LEAST else 0
    norm = 1.0 / blur_norm(count, step)
    for k in range(-count, count + 1):
        node = k * step
        weight = norm * math.exp(-0.5 * node * node)
        shift = position + node * sigma
        for i in range(x.size):
            u = (x[i] - shift) * inverse
            bell = 1.0 / (1.0 + 4.0 * u * u)
            above = 1.0 if u >= 0.0 else 0.0
            exponent = b + (a - b) * above
            log = logarithm(bell)
            v = weight * exponential(exponent * log)
            slope = 8.0 * exponent * u * inverse * bell * v
            value[i] += v
            derivative[0, i] += slope
            derivative[1, i] += u * slope
            derivative[2, i] += above * log * v
            derivative[3, i] += (1.0 - above) * log * v
            derivative[4, i] += SIGMA * node * slope


def lf(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Lorentzian powers as in `la` whose exponents go over into `END` far from the position: tails that end.

    With t = d^2 / (d^2 + w^2), d = x - position, the exponent is a + (END - a) t above and b + (END - b) t below.
    Casa's LF(0.54,10,80,100,6) is w = 40 fwhm and m = 1.70 fwhm in terms of this `fwhm`, that of the Lorentzian; its
    own "FWHM" is twice the half width on the low side of the blurred curve (tests/test_feo_oracle.py).
    """
    position, inverse, a, b, damping = p[0], 1.0 / p[1], p[2], p[3], 1.0 / p[4]
    sigma = SIGMA * max(p[5], LEAST)
    value[:] = 0.0
    derivative[:, :] = 0.0
    step = blur_step(p[1], sigma, a, b)
    count = int(REACH / step) if p[5] > LEAST else 0
    norm = 1.0 / blur_norm(count, step)
    for k in range(-count, count + 1):
        node = k * step
        weight = norm * math.exp(-0.5 * node * node)
        shift = position + node * sigma
        for i in range(x.size):
            u, far = (x[i] - shift) * inverse, (x[i] - shift) * damping
            bell = 1.0 / (1.0 + 4.0 * u * u)
            above = 1.0 if u >= 0.0 else 0.0
            base = b + (a - b) * above
            left = 1.0 / (1.0 + far * far)  # 1 - t
            exponent = END + (base - END) * left
            log = logarithm(bell)
            v = weight * exponential(exponent * log)
            narrow = 8.0 * exponent * u * inverse * bell * v
            end = 2.0 * (base - END) * far * damping * left * left * log * v
            value[i] += v
            derivative[0, i] += narrow + end
            derivative[1, i] += u * narrow
            derivative[2, i] += above * left * log * v
            derivative[3, i] += (1.0 - above) * left * log * v
            derivative[4, i] += far * end
            derivative[5, i] += SIGMA * node * (narrow + end)


def tail(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Gaussian of fwhm convolved with a one-sided exponential of `length` towards high x; unit area.

    `position` is that of the Gaussian before the convolution; the mean lies `length` higher.
    """
    position = p[0]
    sigma = SIGMA * max(p[1], LEAST)
    length = max(p[2], LEAST)
    inverse, rate = 1.0 / sigma, 1.0 / length
    ratio = sigma * rate
    for i in range(x.size):
        u = (x[i] - position) * inverse
        t = (ratio - u) * math.sqrt(0.5)
        bell = exponential(-0.5 * u * u)
        half = 0.5 * bell * scaled_erfc(abs(t))
        f = half if t >= 0.0 else exponential(ratio * (0.5 * ratio - u)) - half
        v = rate * f
        gauss = bell * inverse / ROOT_2PI
        slope = rate * (gauss - v)  # with respect to x
        value[i] = v
        derivative[0, i] = -slope
        # with respect to sigma: sigma times the second derivative with respect to x
        derivative[1, i] = SIGMA * sigma * rate * (-u * inverse * gauss - slope)
        derivative[2, i] = rate * (v * (ratio * (u - ratio) - 1.0) + ratio * ratio * gauss)
