"""The XPP model of Pouchou and Pichoir: k-ratios by equations, as a source that shares nothing with the Monte Carlo.

J.-L. Pouchou, F. Pichoir, "Quantitative analysis of homogeneous or stratified microvolumes applying the model PAP", in
Electron Probe Quantitation (ed. K. F. J. Heinrich, D. E. Newbury), Plenum 1991, p. 31-75: energy loss eqs. 5 to 8,
backscatter factor appendix 1, phi(0) appendix 1, mean depth eq. 28, profile appendix 4. No fluorescence.
"""

from __future__ import annotations

from math import exp, log, sin, sqrt
from typing import NamedTuple

import numpy as np

from imgpipe.phantoms.edxs.atoms import atomic_number, atomic_weight
from imgpipe.phantoms.edxs.lines import line, mass_absorption


class Profile(NamedTuple):
    """Area (g/cm2), mean depth (g/cm2), value at the surface, and the two exponentials of phi(rho z)."""

    area: float
    mean: float
    surface: float
    decay: float
    excess: float
    amplitude: float
    slope: float


def profile(fractions: dict[str, float], label: str, energy: float) -> Profile:
    """Return phi(rho z) of a line's sub-shell in a thick specimen.

    Parameters
    ----------
    fractions : mass fraction of each element
    label : "Cu Ka"
    energy : of the beam, keV
    """
    one = line(label)
    edge = one.edge * 1e-3
    u = energy / edge
    numbers = {s: atomic_number(s) for s in fractions}
    zeta = {s: c * numbers[s] / atomic_weight(s) for s, c in fractions.items()}
    m = sum(zeta.values())
    j_of = {s: 1e-3 * z * (10.04 + 8.25 * exp(-z / 11.22)) for s, z in numbers.items()}
    j = exp(sum(zeta[s] * log(j_of[s]) for s in zeta) / m)
    d = np.array([6.6e-6, 1.12e-5 * (1.35 - 0.45 * j**2), 2.2e-6 / j])
    p = np.array([0.78, 0.1, -(0.5 - 0.25 * j)])
    z_number = atomic_number(one.symbol)
    power = {"K": 0.86 + 0.12 * exp(-((z_number / 5.0) ** 2)), "L": 0.82, "M": 0.78}[one.shell[0]]
    t = 1.0 + p - power
    v = energy / j
    inverse = u / (v * m) * float(np.sum(d * (v / u) ** p * (t * u**t * log(u) - u**t + 1.0) / t**2))
    zb = sum(c * sqrt(numbers[s]) for s, c in fractions.items()) ** 2
    eta = 1.75e-3 * zb + 0.37 * (1.0 - exp(-0.015 * zb**1.3))
    w = 0.595 + eta / 3.7 + eta**4.55
    q = (2.0 * w - 1.0) / (1.0 - w)
    g_u = (u - 1.0 - (1.0 - u ** -(1.0 + q)) / (1.0 + q)) / ((2.0 + q) * (1.0 + u * (log(u) - 1.0)))
    r = 1.0 - eta * w * (1.0 - g_u)
    area = r * inverse * u**power * edge**2 / log(u)
    surface = 1.0 + 3.3 * (1.0 - u ** -(2.0 - 2.3 * eta)) * eta**1.2
    x, y = 1.0 + 1.3 * log(zb), 0.2 + zb / 200.0
    ratio = 1.0 + x * log(1.0 + y * (1.0 - u**-0.42)) / log(1.0 + y)
    mean = area / max(ratio, surface)
    b = sqrt(2.0) * (1.0 + sqrt(1.0 - mean * surface / area)) / mean
    g = 0.22 * log(4.0 * zb) * (1.0 - 2.0 * exp(-zb * (u - 1.0) / 15.0))
    h = 1.0 - 10.0 * (1.0 - 1.0 / (1.0 + u / 10.0)) / zb**2
    slope = min(g * h**4, 0.9 * b * mean**2 * (b - 2.0 * surface / area)) * area / mean**2
    eps = (slope + b * (2.0 * surface - b * area)) / (b * area * (2.0 - b * mean) - surface)
    eps = (eps - b) / b
    eps = eps if abs(eps) > 1e-6 else 1e-6
    big_b = (b**2 * area * (1.0 + eps) - slope - surface * b * (2.0 + eps)) / eps
    big_a = (big_b / b + surface - b * area) * (1.0 + eps) / eps
    return Profile(area, mean, surface, b, eps, big_a, big_b)


def emitted(fractions: dict[str, float], label: str, energy: float, take_off: float) -> float:
    """Return the emitted intensity of a line over its mass fraction and the element's constants.

    Parameters
    ----------
    take_off : deg
    """
    one = line(label)
    shape = profile(fractions, label, energy)
    absorption = sum(c * float(mass_absorption(s, one.energy)[0]) for s, c in fractions.items())
    chi = absorption / sin(np.deg2rad(take_off))
    b, eps = shape.decay, shape.excess
    inside = shape.surface + shape.slope / (b + chi) - shape.amplitude * b * eps / (b * (1.0 + eps) + chi)
    return inside / (b + chi)


def mean_depth(fractions: dict[str, float], label: str, energy: float) -> float:
    """Return the mean depth of ionisation, g/cm2."""
    return profile(fractions, label, energy).mean


def k_ratio(fractions: dict[str, float], label: str, energy: float, take_off: float) -> float:
    """Return emitted intensity over that of the pure element."""
    symbol = label.split()[0]
    pure = emitted({symbol: 1.0}, label, energy, take_off)
    return fractions[symbol] * emitted(fractions, label, energy, take_off) / pure
