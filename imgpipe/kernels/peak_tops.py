"""Where the top of a line is, without a model of its shape: a start for a fit, or all there is of an Auger line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def highest_point(energy: Floats, counts: Floats, near: tuple[float, float], smooth: int = 5) -> Floats:
    """Return the energy (b,) of the highest smoothed point between two energies, above the straight line of its ends.

    Parameters
    ----------
    energy : (n,); counts : (b, n)
    smooth : points of the running mean
    """
    inside = np.flatnonzero((energy >= near[0]) & (energy <= near[1]))
    if inside.size < 2 * smooth:
        raise ValueError(f"only {inside.size} points between {near[0]:g} and {near[1]:g} eV")
    part = counts[:, inside]
    kernel = np.ones(smooth) / smooth
    soft = np.stack([np.convolve(row, kernel, mode="valid") for row in part])
    x = energy[inside][smooth // 2 : smooth // 2 + soft.shape[1]]
    progress = (x - x[0]) / (x[-1] - x[0])
    line = soft[:, :1] + (soft[:, -1:] - soft[:, :1]) * progress
    return np.asarray(x[np.argmax(soft - line, axis=1)])


def curve_top(energy: Floats, counts: Floats, start: Floats, half: float) -> tuple[Floats, Floats]:
    """Return the top of a broad line (b,) and its u, by a parabola over 2 `half` about `start`; for Auger lines.

    The parabola is fitted with weights of the counts; a second one over 0.7 of the width says how far a top that is no
    parabola may be off: the difference counts as a rectangular distribution.
    """
    wide, u = _parabola(energy, counts, start, half)
    narrow, _ = _parabola(energy, counts, wide, 0.7 * half)
    return wide, np.hypot(u, np.abs(wide - narrow) / np.sqrt(3.0))


def _parabola(energy: Floats, counts: Floats, start: Floats, half: float) -> tuple[Floats, Floats]:
    top, u = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    for row, (values, middle) in enumerate(zip(counts, start, strict=True)):
        inside = np.abs(energy - middle) <= half
        if inside.sum() < 5:
            continue
        x, y = energy[inside] - middle, values[inside]
        weight = 1.0 / np.sqrt(np.maximum(y.mean(), 1.0))
        basis = np.stack([np.ones_like(x), x, x**2], axis=1) * weight
        covariance = np.linalg.inv(basis.T @ basis)
        _, b, c = covariance @ basis.T @ (y * weight)
        if c < 0:
            slope = np.array([0.0, -0.5 / c, 0.5 * b / c**2])
            top[row], u[row] = middle - 0.5 * b / c, np.sqrt(slope @ covariance @ slope)
    return top, u
