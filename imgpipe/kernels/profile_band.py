"""Derivatives of fitted profiles along the directions of their uncertainty, and the band that follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.fit import FitResult, evaluate
from imgpipe.kernels.profile_model import Layout

Floats = NDArray[np.float64]
STEP = 0.1
"""Of the differences, in standard uncertainties."""


@dataclass(frozen=True)
class Directions:
    """Derivatives of profiles, with the covariance C = V V^T of parameters and amplitudes.

    along : (b, K, K) V
    middle : (b, n) the curve; slope : (b, n, K) its derivatives along the columns of V
    bend : (b, n) the sum of its second derivatives along them
    """

    along: Floats
    middle: Floats
    slope: Floats
    bend: Floats


def directions(layout: Layout, result: FitResult) -> Directions:
    """Return the derivatives by central differences; those of the correlation, whatever the units of parameters are."""
    problem, free = layout.problem, result.q.shape[1]
    sd = np.sqrt(np.maximum(np.einsum("bii->bi", result.covariance), 0.0))
    scale = np.where(sd > 0.0, sd, 1.0)
    value, vector = np.linalg.eigh(result.covariance / (scale[:, :, None] * scale[:, None, :]))
    along = scale[:, :, None] * vector * np.sqrt(np.maximum(value, 0.0))[:, None, :]
    middle, _ = evaluate(problem, result.q, result.amplitude)
    slope, bend = np.zeros((*middle.shape, along.shape[2])), np.zeros_like(middle)
    for k in range(along.shape[2]):
        move = STEP * along[:, :, k]
        up, _ = evaluate(problem, result.q + move[:, :free], result.amplitude + move[:, free:])
        down, _ = evaluate(problem, result.q - move[:, :free], result.amplitude - move[:, free:])
        slope[:, :, k] = (up - down) / (2.0 * STEP)
        bend += (up - 2.0 * middle + down) / STEP**2
    return Directions(along, middle, slope, bend)


def curve_and_u(layout: Layout, result: FitResult) -> tuple[Floats, Floats]:
    """Return the fitted curve and its standard uncertainty (b, n); NaN where there is no covariance."""
    good = np.flatnonzero(np.isfinite(result.covariance).all(axis=(1, 2)))
    curve = np.full((result.q.shape[0], layout.problem.n_points), np.nan)
    u = curve.copy()
    for row in good:
        one = directions(layout, _single(result, int(row)))
        curve[row], u[row] = one.middle[0], np.sqrt(np.sum(one.slope[0] ** 2, axis=-1))
    return curve, u


def _single(result: FitResult, row: int) -> FitResult:
    from imgpipe.kernels.profile_fit import take_rows

    return take_rows(result, np.array([row]))
