"""From the expected signal to stored counts: shot noise, readout noise, contrast setting, saturation, bit depth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROWS = 256
_FINEST = 1024.0  # expected electrons are rounded to 1/1024: rounding errors of a machine can't change the draw


def record(
    expected: Floats, rng: np.random.Generator, *, noise: float, shot_share: float, reference: float, bits: int
) -> NDArray[Any]:
    """Record an image.

    Parameters
    ----------
    expected : (y, x) noise-free signal, 8-bit grey; what leaves 0 to 255 saturates
    noise : standard deviation at the grey `reference`, 8-bit grey
    shot_share : share of that variance that is Poisson and grows with the signal; the rest is constant
    bits : 8, 12 or 16; 12 bits are stored in 16

    Returns
    -------
    (y, x) uint8 or uint16
    """
    stored: type[np.unsignedinteger[Any]] = np.uint8 if bits == 8 else np.uint16
    counts = np.empty(expected.shape, dtype=stored)
    scale, top = 2.0 ** (bits - 8), 2.0**bits - 1.0
    per_electron = shot_share * noise**2 / reference
    readout = np.sqrt(1.0 - shot_share) * noise
    for start in range(0, expected.shape[0], _ROWS):
        grey = expected[start : start + _ROWS]
        if per_electron > 0:
            electrons = np.round(np.maximum(grey, 0.0) / per_electron * _FINEST) / _FINEST
            grey = np.asarray(per_electron * rng.poisson(electrons), dtype=np.float64)
        if readout > 0:
            grey = grey + readout * rng.standard_normal(grey.shape)
        counts[start : start + _ROWS] = np.clip(np.rint(grey * scale), 0.0, top)
    return counts
