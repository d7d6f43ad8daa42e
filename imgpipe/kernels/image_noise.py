"""Noise of an image beside its edges: variance as a straight line in grey level (shot noise + readout).

An image that was smoothed, or averaged from shifted frames, has noise that is correlated from row to row: less in
the differences of neighbouring rows than there is, and more in an edge than independent rows would leave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Plateaus = list[tuple[int, NDArray[np.int64]]]
"""Columns and their rows."""
BESIDE = 5.0
"""Pixels nearer to an edge than this are left out."""
MOST_COLUMNS = 512
LONGEST_LAG = 5
"""Rows this far apart (pixels) count as independent."""
LEAST_CORRELATION = 0.1
"""Neighbouring rows correlated by less count as independent: slow brightness changes look like that too."""


def noise_variance(image: NDArray[np.generic], edges: Floats, half: float) -> tuple[float, float]:
    """Return a, b of the noise variance a + b * level, from differences of neighbouring rows.

    Parameters
    ----------
    image : (y, x) grey values
    edges : (edge, x) y in pixels, NaN where unknown
    half : rows used above the first and below the last edge, pixels

    Returns
    -------
    a, b : counts squared, counts; b >= 0 and a + b * level > 0 over the levels found
    """
    plateaus = _plateaus(image.shape[0], edges, half)
    correlation = _correlation(image, plateaus)
    levels, squares = _difference_samples(image, plateaus, 1)
    squares = squares / (1.0 - correlation[0]) if correlation.size else squares
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


def noise_correlation(image: NDArray[np.generic], edges: Floats, half: float) -> Floats:
    """Return the correlation of the noise 1, 2, 3, 4 rows apart, (lag,); empty where rows are independent.

    Parameters
    ----------
    image, edges, half : as for `noise_variance`
    """
    return _correlation(image, _plateaus(image.shape[0], edges, half))


def _correlation(image: NDArray[np.generic], plateaus: Plateaus) -> Floats:
    squares = [_difference_samples(image, plateaus, lag)[1] for lag in range(1, LONGEST_LAG + 1)]
    if min(s.size for s in squares) < 32:
        return np.zeros(0)
    semivariance = np.array([_clipped_mean(s) for s in squares])
    if not semivariance[-1] > 0.0:
        return np.zeros(0)
    correlation = np.clip(1.0 - semivariance[:-1] / semivariance[-1], 0.0, 0.99)
    return correlation if correlation[0] > LEAST_CORRELATION else np.zeros(0)


def correlation_factor(correlation: Floats, sigma: Floats) -> Floats:
    """Return by how much correlated noise raises the variance of an edge of Gaussian width `sigma` (pixels).

    The position rests on the rows of the edge with the weight of its slope, a Gaussian; the overlap of two such
    weights k rows apart is ``exp(-k**2 / (4 sigma**2))``. 1 for independent rows.
    """
    lag = np.arange(1.0, correlation.size + 1)
    overlap = np.exp(-((lag / (2.0 * np.asarray(sigma)[..., None])) ** 2))
    return np.asarray(1.0 + 2.0 * (correlation * overlap).sum(axis=-1))


def _plateaus(height: int, edges: Floats, half: float) -> Plateaus:
    """Return the rows near the edges but not on them, of some columns."""
    known = np.flatnonzero(np.isfinite(edges).any(axis=0))
    known = known[:: max(1, known.size // MOST_COLUMNS)]
    plateaus = []
    for x in known:
        here = edges[:, x][np.isfinite(edges[:, x])]
        near = [np.arange(max(0, int(e - half)), min(height, int(e + half) + 1)) for e in here]
        rows = np.unique(np.concatenate(near))
        plateaus.append((int(x), rows[np.abs(rows[:, None] - here).min(axis=1) > BESIDE]))
    return plateaus


def _difference_samples(image: NDArray[np.generic], plateaus: Plateaus, lag: int) -> tuple[Floats, Floats]:
    """Mean level and half the squared difference of values `lag` rows apart, in plateaus near the edges."""
    pairs = [rows[:-lag][rows[lag:] - rows[:-lag] == lag] for _, rows in plateaus]
    if not pairs:
        return np.zeros(0), np.zeros(0)
    x = np.repeat([x for x, _ in plateaus], [rows.size for rows in pairs])
    y = np.concatenate(pairs)
    upper, lower = image[y, x].astype(np.float64), image[y + lag, x].astype(np.float64)
    return (upper + lower) / 2, (upper - lower) ** 2 / 2


def _clipped_mean(squares: Floats) -> float:
    """Mean of squares of Gaussian differences without the far outliers (above 16 times the variance)."""
    scale = max(float(np.median(squares)) / 0.4549, float(np.mean(squares)) * 0.1)
    return float(squares[squares <= 16 * scale].mean()) if scale > 0 else 0.0
