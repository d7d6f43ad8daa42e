"""Put spectra with different charge shifts on one energy axis, in whole channels, so that counts stay counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """How spectra of one regular axis are brought together.

    Attributes
    ----------
    common : eV, taken off the axis
    channels : (b,) whole channels by which each spectrum moves to lower energy
    left : (b,) eV, what is left of each shift: less than half a channel
    first, last : channels of the axis that all spectra have after the move
    """

    common: float
    channels: NDArray[np.int64]
    left: Floats
    first: int
    last: int


def alignment(shift: Floats, energy: Floats) -> Alignment:
    """Return how to take shifts (b,) in eV off spectra over one axis (n,).

    Raises
    ------
    ValueError
        when the shifts differ by so much that less than half the axis is common to all, or the axis is not regular.
    """
    common = float(shift.mean())
    if shift.size == 1 or float(np.ptp(shift)) == 0.0:
        return Alignment(common, np.zeros(shift.size, dtype=np.int64), shift - common, 0, energy.size)
    steps = np.diff(energy)
    step = float(steps.mean())
    if np.abs(steps - step).max() > 0.01 * step:
        raise ValueError("the axis is not evenly spaced")
    channels = np.rint((shift - common) / step).astype(np.int64)
    first, last = max(0, -int(channels.min())), energy.size - max(0, int(channels.max()))
    if last - first < energy.size // 2:
        raise ValueError(
            f"the shifts differ by {np.ptp(shift):.2f} eV: less than half the axis is common to all spectra"
        )
    return Alignment(common, channels, shift - common - channels * step, first, last)


def moved(counts: Floats, channels: NDArray[np.int64], first: int, last: int) -> Floats:
    """Return spectra (..., last - first): each of (..., n) moved by its channels (...) to lower energy."""
    index = np.arange(first, last) + np.asarray(channels)[..., None]
    return np.asarray(np.take_along_axis(counts, index, axis=-1))
