"""Symmetric peaks of unit area: Gaussian, Lorentzian, their sum and product, true Voigt.

F is the full width at half maximum, u = (x - position) / F, m the LORENTZ share (Casa's SGL(30) is m = 0.30).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from imgpipe.kernels.fit.elementary import CORE, LEAF, exponential
from imgpipe.kernels.fit.faddeeva import faddeeva

LN2 = math.log(2.0)
FOUR_LN2 = 4.0 * LN2
GAUSS_AREA = math.sqrt(math.pi / FOUR_LN2)
"""Area of a Gaussian of height 1 and FWHM 1."""
LORENTZ_AREA = math.pi / 2.0
SIGMA = 1.0 / math.sqrt(8.0 * LN2)
"""Standard deviation of a Gaussian of FWHM 1."""
ROOT_2PI = math.sqrt(2.0 * math.pi)
ROOT_PI = math.sqrt(math.pi)
LEAST = 1e-9
"""Widths of zero are taken as this (in units of x), so that limits are reached without a division by zero."""


def gaussian(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Gaussian of position and fwhm."""
    position, inverse = p[0], 1.0 / p[1]
    scale = inverse / GAUSS_AREA
    for i in range(x.size):
        u = (x[i] - position) * inverse
        g = scale * exponential(-FOUR_LN2 * u * u)
        slope = 2.0 * FOUR_LN2 * u * inverse * g
        value[i] = g
        derivative[0, i] = slope
        derivative[1, i] = u * slope - g * inverse


def lorentzian(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Lorentzian of position and fwhm."""
    position, inverse = p[0], 1.0 / p[1]
    scale = inverse / LORENTZ_AREA
    for i in range(x.size):
        u = (x[i] - position) * inverse
        bell = 1.0 / (1.0 + 4.0 * u * u)
        g = scale * bell
        slope = 8.0 * u * inverse * g * bell
        value[i] = g
        derivative[0, i] = slope
        derivative[1, i] = u * slope - g * inverse


@njit(**LEAF)
def fill_width_slope(x, position, inverse, value, slope, out):  # type: ignore[no-untyped-def]
    """Write the derivative by the width of a shape (1 / F) s((x - position) / F) from its derivative by position.

    A loop of its own: with one more array the compiler would no longer make SIMD code of the other.
    """
    for i in range(x.size):
        out[i] = inverse * ((x[i] - position) * slope[i] - value[i])


def gl_sum(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Sum (1 - m) Gauss + m Lorentz of EQUAL HEIGHT and FWHM (SGL), divided by its area."""
    position, inverse, m = p[0], 1.0 / p[1], p[2]
    area = (1.0 - m) * GAUSS_AREA + m * LORENTZ_AREA
    scale = inverse / area
    drift = (LORENTZ_AREA - GAUSS_AREA) / area
    gauss_share, lorentz_share, steep = scale * (1.0 - m), scale * m, 8.0 * inverse
    slope, mix = derivative[0], derivative[2]
    for i in range(x.size):
        u = (x[i] - position) * inverse
        square = u * u
        bell = 1.0 / (1.0 + 4.0 * square)
        gauss = exponential(-FOUR_LN2 * square)
        g, lorentz = gauss_share * gauss, lorentz_share * bell
        v = g + lorentz
        value[i] = v
        slope[i] = steep * u * (LN2 * g + lorentz * bell)
        mix[i] = scale * (bell - gauss) - drift * v
    fill_width_slope(x, position, inverse, value, slope, derivative[1])


@njit(**CORE)
def precise_scaled_erfc(t):  # type: ignore[no-untyped-def]
    """Return exp(t**2) erfc(t) for t >= 0 to double precision, one number."""
    if t < 8.0:
        return math.exp(t * t) * math.erfc(t)
    total, term = 1.0, 1.0
    for k in range(1, 18):
        term *= -(2 * k - 1) / (2.0 * t * t)
        total += term
    return total / (t * ROOT_PI)


@njit(**CORE)
def product_area(m):  # type: ignore[no-untyped-def]
    """Return the area of the Gauss-Lorentz product of height 1 and FWHM 1, and its derivative with respect to m."""
    a, b = FOUR_LN2 * max(1.0 - m, 1e-14), 4.0 * m
    if b < 1e-3 * a:  # series in b / 2a
        e = b / (2.0 * a)
        total, rise, factor, power = 1.0, 0.0, 1.0, 1.0
        for k in range(1, 8):
            factor *= -(2 * k - 1)
            rise += k * factor * power
            power *= e
            total += factor * power
        gauss = math.sqrt(math.pi / a)
        de = 2.0 / a + FOUR_LN2 * b / (2.0 * a * a)
        return gauss * total, gauss * (rise * de + total * FOUR_LN2 / (2.0 * a))
    s = a / b
    scaled = precise_scaled_erfc(math.sqrt(s))
    area = math.pi / math.sqrt(b) * scaled
    rise = math.pi / math.sqrt(b) * (scaled - 1.0 / math.sqrt(math.pi * s))
    return area, -FOUR_LN2 * rise / b + 4.0 * (-area / (2.0 * b) - rise * a / (b * b))


def gl_product(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Product of a Gaussian exp(-4 ln2 (1-m) u^2) and a Lorentzian 1 / (1 + 4 m u^2), divided by its area."""
    position, inverse, m = p[0], 1.0 / p[1], p[2]
    area, rise = product_area(m)
    scale, drift = inverse / area, rise / area
    slope, mix = derivative[0], derivative[2]
    for i in range(x.size):
        u = (x[i] - position) * inverse
        square = u * u
        bell = 1.0 / (1.0 + 4.0 * m * square)
        v = scale * exponential(-FOUR_LN2 * (1.0 - m) * square) * bell
        value[i] = v
        slope[i] = v * 8.0 * u * inverse * (LN2 * (1.0 - m) + m * bell)
        mix[i] = v * (4.0 * square * (LN2 - bell) - drift)
    fill_width_slope(x, position, inverse, value, slope, derivative[1])


@njit(**LEAF)
def fill_gauss_slope(x, position, v, ratio, value, slope, lorentz_slope, out):  # type: ignore[no-untyped-def]
    """Write the derivative of a Voigt profile by its Gaussian width; ratio : 1 / (gauss_fwhm), v : of `voigt`."""
    for i in range(x.size):
        out[i] = ratio * ((x[i] - position) * slope[i] - value[i] - v * lorentz_slope[i])


def voigt(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Voigt profile: Gaussian of gauss_fwhm convolved with a Lorentzian of lorentz_fwhm (derivatives from w')."""
    position, gauss_fwhm, lorentz_fwhm = p[0], max(p[1], LEAST), max(p[2], 0.0)
    sigma = SIGMA * gauss_fwhm
    inverse = 1.0 / (sigma * math.sqrt(2.0))
    v = 0.5 * lorentz_fwhm * inverse
    scale = 1.0 / (sigma * ROOT_2PI)
    across = 2.0 * scale * inverse
    slope, lorentz_slope = derivative[0], derivative[2]
    for i in range(x.size):
        u = (x[i] - position) * inverse
        real, imag = faddeeva(u, v)
        value[i] = scale * real
        slope[i] = across * (u * real - v * imag)
        lorentz_slope[i] = 0.5 * across * (u * imag + v * real - 1.0 / ROOT_PI)
    fill_gauss_slope(x, position, lorentz_fwhm, 1.0 / gauss_fwhm, value, slope, lorentz_slope, derivative[1])


def pseudo_voigt_width(gauss_fwhm: np.float64 | float, lorentz_fwhm: np.float64 | float) -> float:
    """Return the FWHM of a Voigt profile (Olivero & Longbothum 1977; to 0.02 %)."""
    return float(0.5346 * lorentz_fwhm + math.sqrt(0.2166 * lorentz_fwhm**2 + gauss_fwhm**2))
