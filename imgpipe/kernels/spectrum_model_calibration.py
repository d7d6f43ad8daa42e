"""Refine the energy scale and resolution of a detector and ratios of lines, once, on a sum spectrum."""

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
RATIO_LIMIT, RATIO_NUDGE = 3.0, 0.02
"""Largest change of the logarithm of a ratio in its standard deviations, and step of its derivative."""
ROUNDS = 8
NONE = np.zeros(0)
SETTLED = 0.05
"""Largest change of the last round, in standard deviations of what is known then."""


@dataclass(frozen=True)
class Calibration:
    """Correction of the file's calibration: a line of energy E stands at ``offset + gain E``.

    `width` is a factor on the FWHM at Mn Ka, as noise of the electronics changes it; `ratios` are factors on what else
    was declared doubtful (ratios of lines, an absorber), in that order.
    """

    offset: float = 0.0
    gain: float = 1.0
    width: float = 1.0
    ratios: tuple[float, ...] = ()

    @classmethod
    def of(cls, change: Floats) -> Calibration:
        """Build it from offset (eV), gain - 1, width - 1 and the logarithms of the ratios' factors."""
        ratios = tuple(float(one) for one in np.exp(change[3:]))
        return cls(float(change[0]), 1.0 + float(change[1]), 1.0 + float(change[2]), ratios)


@dataclass(frozen=True)
class Refined:
    """A calibration, and what is left uncertain of it.

    Attributes
    ----------
    covariance : (3 + m, 3 + m) of offset (eV), gain, width and logarithms of ratios, counting and prior
    slopes : (K, 3 + m) change of the expected counts with each
    """

    calibration: Calibration
    covariance: Floats
    slopes: Floats


@dataclass(frozen=True)
class _Prior:
    sd: Floats
    limit: Floats
    nudge: Floats

    @classmethod
    def of(cls, doubts: Floats) -> _Prior:
        joined = np.concatenate
        return cls(
            joined([PRIOR, doubts]), joined([LIMIT, RATIO_LIMIT * doubts]),
            joined([NUDGE, np.full(doubts.size, RATIO_NUDGE)]),
        )  # fmt: skip


def refine(design: Callable[[Calibration], Floats], counts: Floats, doubts: Floats = NONE) -> Refined:
    """Return the calibration at which shapes fit a spectrum best, its prior included.

    Gauss-Newton with the amplitudes of the shapes eliminated in each round.

    Parameters
    ----------
    design : gives the shapes (K, p) for a calibration
    counts : (K,)
    doubts : (m,) standard deviation of the logarithm of each further factor before the spectrum is seen
    """
    prior = _Prior.of(doubts)
    change = np.zeros(prior.sd.size)
    for _ in range(ROUNDS):
        shapes = design(Calibration.of(change))
        fit = fit_spectrum(shapes, counts)
        slopes = np.stack([_slope(design, change, n, prior, fit.amplitudes) for n in range(change.size)], axis=1)
        step, covariance = _step(shapes[:, fit.amplitudes > 0], slopes, counts - fit.fitted, fit.fitted, change, prior)
        moved = np.clip(change + step, -prior.limit, prior.limit)
        settled = bool(np.all(np.abs(moved - change) < SETTLED * np.sqrt(np.diag(covariance))))
        change = moved
        if settled:
            break
    return Refined(Calibration.of(change), covariance, slopes)


def _slope(
    design: Callable[[Calibration], Floats], change: Floats, n: int, prior: _Prior, amplitudes: Floats
) -> Floats:
    nudge = np.zeros(change.size)
    nudge[n] = prior.nudge[n]
    above, below = design(Calibration.of(change + nudge)), design(Calibration.of(change - nudge))
    return np.asarray((above - below) @ amplitudes / (2.0 * prior.nudge[n]))


def _step(
    shapes: Floats, slopes: Floats, residual: Floats, fitted: Floats, change: Floats, prior: _Prior
) -> tuple[Floats, Floats]:
    """Return the step of the calibration, and its covariance (amplitudes eliminated).

    Where the shapes fit worse than counting allows, the noise counts as that much larger.
    """
    misfit = float(np.mean(residual**2 / np.maximum(fitted, LEAST)))
    root = 1.0 / np.sqrt(np.maximum(fitted, LEAST) * max(1.0, misfit))[:, None]
    basis = np.linalg.qr(shapes * root)[0]
    scaled = slopes * prior.sd * root
    scaled -= basis @ (basis.T @ scaled)
    inverse = np.linalg.inv(scaled.T @ scaled + np.eye(change.size))
    step = inverse @ (scaled.T @ (residual * root[:, 0]) - change / prior.sd)
    return np.asarray(step * prior.sd), np.asarray(inverse * np.outer(prior.sd, prior.sd))
