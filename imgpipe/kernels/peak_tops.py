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
    """Return the top of a broad line (b,) and its u, by a cubic over 2 `half` about `start`; for Auger lines.

    u is that of counting together with the difference to the cubic over 0.7 of the range, as a rectangular
    distribution: how far a top that is no cubic may be off. NaN where there is no top.

    Parameters
    ----------
    energy : (n,); counts : (b, n)
    start : (b,) near the top
    half : half of the range, in the unit of energy
    """
    rough, _ = _cubic_top(energy, counts, start, half)
    wide, u = _cubic_top(energy, counts, rough, half)
    narrow, _ = _cubic_top(energy, counts, rough, 0.7 * half)
    return wide, np.hypot(u, np.nan_to_num(np.abs(wide - narrow)) / np.sqrt(3.0))


def _cubic_top(energy: Floats, counts: Floats, start: Floats, half: float) -> tuple[Floats, Floats]:
    found = np.full((len(counts), 2), np.nan)
    for row, (values, middle) in enumerate(zip(counts, start, strict=True)):
        inside = np.abs(energy - middle) <= half
        if inside.sum() >= 7:
            top, u = _one_top((energy[inside] - middle) / half, values[inside])
            found[row] = middle + half * top, half * u
    return found[:, 0], found[:, 1]


def _one_top(x: Floats, y: Floats) -> tuple[float, float]:
    """Return the maximum of a cubic through counts over -1 .. 1 and its u; NaN where it has none inside."""
    basis = np.stack([np.ones_like(x), x, x**2, x**3], axis=1)
    covariance = np.linalg.inv(basis.T @ basis / max(float(y.mean()), 1.0))
    _, b, c, d = covariance @ basis.T @ y / max(float(y.mean()), 1.0)
    discriminant = c**2 - 3.0 * b * d
    if discriminant <= 0 or c >= 0:
        return float("nan"), float("nan")
    top = b / (-c + np.sqrt(discriminant))
    bend = 2.0 * c + 6.0 * d * top
    if abs(top) > 1.0 or bend >= 0:
        return float("nan"), float("nan")
    slope = -np.array([0.0, 1.0, 2.0 * top, 3.0 * top**2]) / bend
    return float(top), float(np.sqrt(slope @ covariance @ slope))
