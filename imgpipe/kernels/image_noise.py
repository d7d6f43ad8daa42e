"""Noise of an image beside its edges: variance as a straight line in grey level (shot noise + readout)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BESIDE = 5.0
"""Pixels nearer to an edge than this are left out."""
MOST_COLUMNS = 512


def noise_variance(image: NDArray[np.generic], edges: Floats, half: float) -> tuple[float, float]:
    """Return a, b of the noise variance a + b * level, from differences of neighbouring rows.

    Parameters
    ----------
    image : (y, x) grey values
    edges : (edge, x) y in pixels, NaN where unknown
    half : rows used above the first and below the last edge, pixels

    Returns
    -------
    a, b : counts squared, counts; b >= 0 and a + b * level > 0 over the levels found. The noise is taken to be
        independent from row to row; an image that was smoothed along y gives too small a value.
    """
    levels, squares = _difference_samples(image, edges, half)
    if levels.size < 32:
        return 1.0, 0.0
    cuts = np.quantile(levels, np.linspace(0, 1, 9))
    bins = np.clip(np.searchsorted(cuts, levels, side="right") - 1, 0, 7)
    mean = np.array([levels[bins == k].mean() for k in range(8) if np.any(bins == k)])
    variance = np.array([_clipped_mean(squares[bins == k]) for k in range(8) if np.any(bins == k)])
    floor = max(1e-6, 1e-3 * float(variance.max(initial=0.0)))
    centred = mean - mean.mean()
    slope = max(0.0, float((centred * variance).sum() / max((centred**2).sum(), 1e-30)))
    offset = float(variance.mean() - slope * mean.mean())
    if offset + slope * float(mean.min()) < floor:
        return max(float(variance.mean()), floor), 0.0
    return offset, slope


def _difference_samples(image: NDArray[np.generic], edges: Floats, half: float) -> tuple[Floats, Floats]:
    """Mean level and half the squared difference of neighbouring rows, in plateaus near the edges."""
    known = np.flatnonzero(np.isfinite(edges).any(axis=0))
    known = known[:: max(1, known.size // MOST_COLUMNS)]
    levels, squares = [], []
    for x in known:
        here = edges[:, x][np.isfinite(edges[:, x])]
        near = [np.arange(max(0, int(e - half)), min(image.shape[0], int(e + half) + 1)) for e in here]
        rows = np.unique(np.concatenate(near))
        rows = rows[np.abs(rows[:, None] - here).min(axis=1) > BESIDE]
        pairs = rows[:-1][np.diff(rows) == 1]
        upper, lower = image[pairs, x].astype(np.float64), image[pairs + 1, x].astype(np.float64)
        levels.append((upper + lower) / 2)
        squares.append((upper - lower) ** 2 / 2)
    empty = np.zeros(0)
    return (np.concatenate(levels), np.concatenate(squares)) if levels else (empty, empty)


def _clipped_mean(squares: Floats) -> float:
    """Mean of squares of Gaussian differences without the far outliers (above 16 times the variance)."""
    scale = max(float(np.median(squares)) / 0.4549, float(np.mean(squares)) * 0.1)
    return float(squares[squares <= 16 * scale].mean()) if scale > 0 else 0.0
