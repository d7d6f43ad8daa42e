"""Refine the energy scale and the resolution of a detector, once, on a sum spectrum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.spectrum_model_fit import LEAST, fit_spectrum

Floats = NDArray[np.float64]
PRIOR = np.array([5.0, 1e-3, 0.04])
"""Standard deviations of offset (eV), gain (relative) and resolution (relative) before a spectrum is seen: what common
detectors drift by. Few counts leave the calibration of the file as it is."""
LIMIT = np.array([20.0, 5e-3, 0.15])
"""Largest correction of each."""
NUDGE = np.array([0.5, 1e-4, 5e-3])
"""Steps of the numerical derivatives."""
ROUNDS = 8
SETTLED = 0.05
"""Largest change of the last round, in standard deviations of what is known then."""


@dataclass(frozen=True)
class Calibration:
    """Correction of the file's calibration: a line of energy E stands at ``offset + gain E``, `width` times as wide."""

    offset: float = 0.0
    gain: float = 1.0
    width: float = 1.0

    @classmethod
    def of(cls, change: Floats) -> Calibration:
        """Build it from offset (eV), gain - 1 and width - 1."""
        return cls(float(change[0]), 1.0 + float(change[1]), 1.0 + float(change[2]))


@dataclass(frozen=True)
class Refined:
    """A calibration, and what is left uncertain of it.

    Attributes
    ----------
    covariance : (3, 3) of offset (eV), gain and width, counting and prior
    slopes : (K, 3) change of the expected counts with each
    """

    calibration: Calibration
    covariance: Floats
    slopes: Floats


def refine(design: Callable[[Calibration], Floats], counts: Floats) -> Refined:
    """Return the calibration at which shapes fit a spectrum best, its prior included.

    Gauss-Newton with the amplitudes of the shapes eliminated in each round.

    Parameters
    ----------
    design : gives the shapes (K, p) for a calibration
    counts : (K,)
    """
    change = np.zeros(3)
    for _ in range(ROUNDS):
        shapes = design(Calibration.of(change))
        fit = fit_spectrum(shapes, counts)
        slopes = np.stack([_slope(design, change, n, fit.amplitudes) for n in range(3)], axis=1)
        step, covariance = _step(shapes[:, fit.amplitudes > 0], slopes, counts - fit.fitted, fit.fitted, change)
        moved = np.clip(change + step, -LIMIT, LIMIT)
        settled = bool(np.all(np.abs(moved - change) < SETTLED * np.sqrt(np.diag(covariance))))
        change = moved
        if settled:
            break
    return Refined(Calibration.of(change), covariance, slopes)


def _slope(design: Callable[[Calibration], Floats], change: Floats, n: int, amplitudes: Floats) -> Floats:
    nudge = np.zeros(3)
    nudge[n] = NUDGE[n]
    above, below = design(Calibration.of(change + nudge)), design(Calibration.of(change - nudge))
    return np.asarray((above - below) @ amplitudes / (2.0 * NUDGE[n]))


def _step(shapes: Floats, slopes: Floats, residual: Floats, fitted: Floats, change: Floats) -> tuple[Floats, Floats]:
    """Return the step of the calibration, and its covariance (amplitudes eliminated)."""
    root = 1.0 / np.sqrt(np.maximum(fitted, LEAST))[:, None]
    basis = np.linalg.qr(shapes * root)[0]
    scaled = slopes * PRIOR * root
    scaled -= basis @ (basis.T @ scaled)
    inverse = np.linalg.inv(scaled.T @ scaled + np.eye(3))
    step = inverse @ (scaled.T @ (residual * root[:, 0]) - change / PRIOR)
    return np.asarray(step * PRIOR), np.asarray(inverse * np.outer(PRIOR, PRIOR))
