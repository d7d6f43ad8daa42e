"""The logistic distribution as a mixture of normal ones, so that its blur by a normal response has a closed form.

A logistic variable of scale 1 is 2 K N, K having Kolmogorov's distribution and N being standard normal (D. F. Andrews
and C. L. Mallows, J. R. Stat. Soc. B 36 (1974) 99). `COUNT` nodes of the Gauss rule for ln K are good to 1e-7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COUNT = 8
LOGISTIC_SD = np.pi / np.sqrt(3.0)
"""Standard deviation of the logistic distribution of scale 1."""


def kolmogorov_density(k: Floats) -> Floats:
    """Return the density of Kolmogorov's distribution: (n,) k > 0, each series where it converges."""
    j = np.arange(1.0, 60.0)[:, None]
    c = ((2.0 * j - 1.0) * np.pi) ** 2 / 8.0
    small = np.sqrt(2.0 * np.pi) * np.sum(np.exp(-c / k**2) * (2.0 * c / k**4 - 1.0 / k**2), axis=0)
    large = 8.0 * k * np.sum((-1.0) ** (j - 1.0) * j**2 * np.exp(-2.0 * (j * k) ** 2), axis=0)
    return np.asarray(np.where(k < 1.0, small, large))


def gauss_rule(y: Floats, weight: Floats, count: int) -> tuple[Floats, Floats]:
    """Return nodes and weights of the Gauss rule of a discrete measure (Stieltjes; Golub and Welsch 1969)."""
    diagonal, square = np.zeros(count), np.zeros(count)
    before, now, norm = np.zeros_like(y), np.ones_like(y), 1.0
    for i in range(count):
        size = float(np.sum(weight * now * now))
        diagonal[i], square[i], norm = np.sum(weight * y * now * now) / size, size / norm, size
        before, now = now, (y - diagonal[i]) * now - (square[i] if i else 0.0) * before
    beside = np.sqrt(square[1:])
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return nodes, np.asarray(vectors[0] ** 2)


def logistic_mixture(count: int = COUNT) -> tuple[Floats, Floats]:
    """Return standard deviations and weights of the normal parts of a logistic distribution of variance 1."""
    t, weight = np.polynomial.legendre.leggauss(400)
    k = 0.05 + 4.45 * 0.5 * (t + 1.0)
    nodes, shares = gauss_rule(np.log(k), weight * 0.5 * 4.45 * kolmogorov_density(k), count)
    return np.ascontiguousarray(2.0 * np.exp(nodes) / LOGISTIC_SD), np.ascontiguousarray(shares / shares.sum())


NODES, WEIGHTS = logistic_mixture()
