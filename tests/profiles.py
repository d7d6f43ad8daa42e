"""Element profiles drawn without the engine: plateaus and error functions of scipy, Poisson counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float64]


def classical(x: Floats, position: Floats, sigma: Floats, level: Floats) -> Floats:
    """Return expected counts (scan, point) of edges (scan, n) between levels (scan, n + 1)."""
    out = np.repeat(level[:, :1], x.size, axis=1)
    for k in range(position.shape[1]):
        edge = 0.5 * (1.0 + erf((x - position[:, k, None]) / (np.sqrt(2.0) * sigma[:, k, None])))
        out = out + (level[:, k + 1] - level[:, k])[:, None] * edge
    return out


def three_edges(seed: int, scans: int, level: tuple[float, ...] = (10.0, 84.0, 20.0, 120.0),
                width: tuple[float, float] = (2.0, 8.0)) -> tuple[Floats, Floats, Floats, Floats, Floats]:  # fmt: skip
    """Return x (200,), counts (scan, 200), positions and widths (scan, 3), levels (scan, 4)."""
    rng = np.random.default_rng(seed)
    x = np.arange(200.0)
    position = np.stack([rng.uniform(low, low + 30.0, scans) for low in (35.0, 85.0, 135.0)], axis=1)
    sigma = rng.uniform(*width, (scans, 3))
    levels = np.tile(np.array(level), (scans, 1))
    return x, rng.poisson(classical(x, position, sigma, levels)).astype(float), position, sigma, levels
