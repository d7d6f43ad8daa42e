"""The benchmark's model in plain numpy, as a careful user of lmfit or scipy writes it.

S 2p with three doublets (2:1, 1.2 eV apart), 10 free parameters in this order: positions of the three 2p3/2 lines, two
parameters of the common line shape, areas of the three doublets, constant background, active Shirley background::

    p1 p2 p3 | fwhm m  or  gauss_fwhm lorentz_fwhm | a1 a2 a3 | b0 k

Energies in eV, areas in counts x eV, ``k`` in 1/eV.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

Floats = NDArray[np.float64]
Lineshape = Literal["gl", "voigt"]
Shape = Callable[[Floats, float, float], tuple[Floats, Floats, Floats, Floats]]

SPLITTING, SECOND = 1.2, 0.5
"""Of the doublet, eV; area of 2p1/2 over that of 2p3/2."""
NAMES: dict[Lineshape, tuple[str, ...]] = {
    "gl": ("p1", "p2", "p3", "fwhm", "m", "a1", "a2", "a3", "b0", "k"),
    "voigt": ("p1", "p2", "p3", "gauss", "lorentz", "a1", "a2", "a3", "b0", "k"),
}
START: dict[Lineshape, tuple[float, ...]] = {
    "gl": (160.5, 161.3, 167.1, 1.3, 0.3, 6000.0, 16000.0, 2000.0, 2000.0, 0.01),
    "voigt": (160.5, 161.3, 167.1, 1.1, 0.4, 6000.0, 16000.0, 2000.0, 2000.0, 0.01),
}
LOW: dict[Lineshape, tuple[float, ...]] = {
    "gl": (159.4, 160.7, 166.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "voigt": (159.4, 160.7, 166.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
# No start lies in the middle of its bounds: lmfit's finite differences are zero there and the parameter never moves.
HIGH: dict[Lineshape, tuple[float, ...]] = {
    "gl": (160.9, 162.0, 168.0, 2.5, 1.0, np.inf, np.inf, np.inf, np.inf, 0.2),
    "voigt": (160.9, 162.0, 168.0, 2.5, 1.5, np.inf, np.inf, np.inf, np.inf, 0.2),
}
_FOUR_LN2 = 4.0 * np.log(2.0)
_GAUSS, _LORENTZ = np.sqrt(np.pi / _FOUR_LN2), np.pi / 2.0
_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


def gl(distance: Floats, fwhm: float, m: float) -> Floats:
    """Return the Gauss-Lorentz sum of unit area, equal height and equal FWHM; m is the Lorentz share."""
    square = (distance / fwhm) ** 2
    height = 1.0 / (fwhm * ((1.0 - m) * _GAUSS + m * _LORENTZ))
    return height * ((1.0 - m) * np.exp(-_FOUR_LN2 * square) + m / (1.0 + 4.0 * square))


def voigt(distance: Floats, gauss: float, lorentz: float) -> Floats:
    """Return the Voigt profile of unit area."""
    root = _SIGMA * gauss * np.sqrt(2.0)
    return np.asarray(wofz((distance + 0.5j * lorentz) / root).real / (root * np.sqrt(np.pi)))


PROFILES: dict[Lineshape, Callable[[Floats, float, float], Floats]] = {"gl": gl, "voigt": voigt}


def curve(x: Floats, p: Floats, lineshape: Lineshape) -> Floats:
    """Return the model at x (point,), evenly spaced and rising."""
    distance = x - p[:3, None]
    profile = PROFILES[lineshape]
    shape = profile(distance, p[3], p[4]) + SECOND * profile(distance - SPLITTING, p[3], p[4])
    peaks = p[5:8] / (1.0 + SECOND) @ shape
    return np.asarray(p[8] + peaks + p[9] * running(peaks, x[1] - x[0]))


def running(values: Floats, step: float) -> Floats:
    """Return the integral from the low-energy end up to each point (trapezoids along the last axis)."""
    summed = np.zeros_like(values)
    np.cumsum(0.5 * step * (values[..., 1:] + values[..., :-1]), axis=-1, out=summed[..., 1:])
    return summed


def gl_slopes(distance: Floats, fwhm: float, m: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the Gauss-Lorentz sum and its derivatives with respect to position, fwhm and m."""
    u = distance / fwhm
    area = (1.0 - m) * _GAUSS + m * _LORENTZ
    gauss, bell = np.exp(-_FOUR_LN2 * u * u), 1.0 / (1.0 + 4.0 * u * u)
    value = ((1.0 - m) * gauss + m * bell) / (fwhm * area)
    by_position = 8.0 * u * (np.log(2.0) * (1.0 - m) * gauss + m * bell * bell) / (fwhm * fwhm * area)
    by_share = (bell - gauss) / (fwhm * area) - value * (_LORENTZ - _GAUSS) / area
    return value, by_position, u * by_position - value / fwhm, by_share


def voigt_slopes(distance: Floats, gauss: float, lorentz: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the Voigt profile and its derivatives with respect to position and both widths."""
    root = _SIGMA * gauss * np.sqrt(2.0)
    z = (distance + 0.5j * lorentz) / root
    w = wofz(z)
    slope = -2.0 * z * w + 2j / np.sqrt(np.pi)
    scale = 1.0 / (root * np.sqrt(np.pi))
    by_gauss = -scale * (w.real + (z * slope).real) / gauss
    return scale * w.real, -scale * slope.real / root, by_gauss, -0.5 * scale * slope.imag / root


SLOPES: dict[Lineshape, Shape] = {"gl": gl_slopes, "voigt": voigt_slopes}


def curve_and_jacobian(x: Floats, p: Floats, lineshape: Lineshape) -> tuple[Floats, Floats]:
    """Return the model (point,) and its derivatives (parameter, point)."""
    step = x[1] - x[0]
    distance = x - p[:3, None]
    slopes = SLOPES[lineshape]
    pair = zip(slopes(distance, p[3], p[4]), slopes(distance - SPLITTING, p[3], p[4]), strict=True)
    value, position, first, second = ((one + SECOND * other) / (1.0 + SECOND) for one, other in pair)
    rows = np.vstack([p[5:8, None] * position, p[5:8] @ first, p[5:8] @ second, value])
    rows += p[9] * running(rows, step)
    peaks = p[5:8] @ value
    summed = running(peaks, step)
    return p[8] + peaks + p[9] * summed, np.vstack([rows, np.ones_like(x), summed])


def chi_square(x: Floats, counts: Floats, parameters: Floats, lineshape: Lineshape) -> Floats:
    """Return the sum of squares of (counts - model) / sqrt(counts) for each spectrum (spectrum,)."""
    curves = np.array([curve(x, p, lineshape) for p in parameters])
    return np.asarray(np.sum((counts - curves) ** 2 / weights_variance(counts), axis=1))


def weights_variance(counts: Floats) -> Floats:
    """Return the variance that everybody uses: the counts, at least 1."""
    return np.maximum(counts, 1.0)
