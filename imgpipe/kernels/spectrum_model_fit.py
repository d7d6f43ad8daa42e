"""Fit one spectrum by non-negative shapes with Poisson likelihood; the estimator it leaves for many like it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.nonnegative import nonnegative

Floats = NDArray[np.float64]
ROUNDS = 30
CLOSE = 1e-7
"""Largest relative change of the expected counts at which a fit has converged."""
LEAST = 0.5
"""Least expected counts in a channel whose inverse is taken as weight."""
HALF = 0.5
"""Added to the counts of a line in its variance: that of Jeffreys' posterior, which 0 counts leave finite."""


@dataclass(frozen=True)
class Estimator:
    """A weighted linear estimator of amplitudes, the same for every spectrum of a map.

    The weights come from the mean of all spectra, never from the counts they are applied to: a weight that falls with
    its own counts pulls areas down, by 1 count per channel where there are few.

    Attributes
    ----------
    design : (K, p) shapes
    weighted : (K, p) shapes times weights: counts @ weighted are the right-hand sides
    gram : (p, p) normal matrix
    spread : (p, p) variance of each amplitude per unit of each amplitude, for Poisson counts
    """

    design: Floats
    weighted: Floats
    gram: Floats
    spread: Floats

    @classmethod
    def of(cls, design: Floats, expected: Floats) -> Estimator:
        """Build it from the shapes and the counts expected in each channel."""
        floor = max(LEAST, 1e-3 * float(expected.mean()))
        weighted = design / np.maximum(expected, floor)[:, None]
        gram = design.T @ weighted
        gain = weighted @ np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
        return cls(design, weighted, gram, (gain**2).T @ design)

    def amplitudes(self, right: Floats) -> Floats:
        """Return non-negative amplitudes (n, p) for right-hand sides (n, p)."""
        return nonnegative(self.gram, right)

    def variances(self, amplitudes: Floats) -> Floats:
        """Return the variance of each amplitude (n, p) of Poisson counts, overlaps included."""
        return np.asarray(amplitudes @ self.spread.T + HALF * np.diag(self.spread))

    def variances_absent(self, amplitudes: Floats) -> Floats:
        """Return the variance that each amplitude would have if its own shape were absent, (n, p)."""
        own = np.diag(self.spread)
        return np.asarray(self.variances(amplitudes) - amplitudes * own)

    def gain(self) -> Floats:
        """Return (K, p): counts @ gain are the amplitudes before negative ones are refused."""
        return np.asarray(self.weighted @ np.linalg.pinv(self.gram, rcond=1e-12, hermitian=True))

    def covariance(self, fitted: Floats) -> Floats:
        """Return the covariance (p, p) of the amplitudes of a spectrum with these expected counts (K,)."""
        gain = self.gain()
        return np.asarray(gain.T @ (fitted[:, None] * gain))


@dataclass(frozen=True)
class SpectrumFit:
    """Amplitudes (p,) of the shapes, the expected counts (K,), and the estimator at the solution."""

    amplitudes: Floats
    fitted: Floats
    estimator: Estimator
    deviance: float


def fit_spectrum(design: Floats, counts: Floats) -> SpectrumFit:
    """Fit counts (K,) by non-negative amplitudes of shapes (K, p), with Poisson likelihood.

    Least squares weighted by the inverse of the fit itself, repeated until it stays: its fixed point is the maximum of
    the Poisson likelihood for a model that is linear (P. J. Green, J. R. Stat. Soc. B 46, 149 (1984)).
    """
    expected = _smoothed(counts)
    amplitudes = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        estimator = Estimator.of(design, expected)
        amplitudes = estimator.amplitudes((counts @ estimator.weighted)[None, :])[0]
        fitted = design @ amplitudes
        if np.abs(fitted - expected).max() <= CLOSE * max(float(expected.max()), 1.0):
            break
        expected = fitted
    return SpectrumFit(amplitudes, fitted, Estimator.of(design, fitted), deviance(counts, fitted))


def deviance(counts: Floats, fitted: Floats) -> float:
    """Return the Poisson deviance of counts (K,) against their expectation (K,)."""
    mean = np.maximum(fitted, 1e-3)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(counts > 0, counts * np.log(counts / mean), 0.0)
    return float(2.0 * np.sum(logs - (counts - mean)))


def _smoothed(counts: Floats, width: int = 9) -> Floats:
    return np.convolve(np.pad(counts, width // 2, mode="edge"), np.full(width, 1.0 / width), mode="valid")
