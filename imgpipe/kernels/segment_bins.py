"""Pixels along a segment: which bin each pixel belongs to, and the sum over the pixels of each bin (numpy only).

Each pixel is counted once, in the bin in which its centre lies, so that counts stay counts: no interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_ROUNDING = 9
"""Decimals (in bins) to which a pixel on the border between two bins is told apart."""


@dataclass(frozen=True)
class Segment:
    """A straight line with a width, cut into bins of equal length and into tracks side by side.

    Parameters
    ----------
    start, end : (x, y), any unit of length
    width : of one track, same unit
    step : length of a bin, same unit; the first bin is centred on `start`
    tracks : number of parallel lines, `width` apart, centred on the segment
    """

    start: tuple[float, float]
    end: tuple[float, float]
    width: float
    step: float
    tracks: int = 1

    @property
    def length(self) -> float:
        """Distance from start to end."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))

    @property
    def direction(self) -> tuple[float, float]:
        """Unit vector (x, y) from start to end."""
        return (self.end[0] - self.start[0]) / self.length, (self.end[1] - self.start[1]) / self.length

    @property
    def bins(self) -> int:
        """Bins along the segment; the last one holds the end."""
        return int(np.floor(round(self.length / self.step + 0.5, _ROUNDING))) + 1

    @property
    def offsets(self) -> Floats:
        """Distance of the middle of each track from the segment, (tracks,)."""
        return np.asarray((np.arange(self.tracks) - 0.5 * (self.tracks - 1)) * self.width, dtype=np.float64)


def natural_step(direction: tuple[float, float], size: tuple[float, float]) -> float:
    """Return the distance after which a line has moved on by one pixel along x or y, whichever is sooner.

    Parameters
    ----------
    direction : unit vector (x, y)
    size : of a pixel along (x, y)
    """
    return 1.0 / max(abs(direction[0]) / size[0], abs(direction[1]) / size[1])


def along_and_across(x: Floats, y: Floats, segment: Segment) -> tuple[Floats, Floats]:
    """Return how far each pixel centre (rows of `y`, columns of `x`) lies along the segment and beside it, (y, x)."""
    ux, uy = segment.direction
    dx, dy = x[None, :] - segment.start[0], y[:, None] - segment.start[1]
    return dx * ux + dy * uy, dy * ux - dx * uy


def assign(x: Floats, y: Floats, segment: Segment) -> tuple[NDArray[np.int32], float]:
    """Return the bin of each pixel, and how far the pixels lie ahead of the middle of their bins on average.

    Parameters
    ----------
    x, y : (columns,) and (rows,) pixel centres

    Returns
    -------
    bins : (rows, columns) track * segment.bins + bin, -1 outside
    ahead : mean of (pixel centre - middle of its bin) along the segment; 0 when no pixel lies inside
    """
    along, across = along_and_across(x, y, segment)
    place = np.floor(np.round(along / segment.step + 0.5, _ROUNDING)).astype(np.int64)
    track = np.floor(np.round(across / segment.width + 0.5 * segment.tracks, _ROUNDING)).astype(np.int64)
    inside = (place >= 0) & (place < segment.bins) & (track >= 0) & (track < segment.tracks)
    bins = np.where(inside, track * segment.bins + place, -1).astype(np.int32)
    ahead = (along / segment.step - place)[inside]
    return bins, round(float(ahead.mean()), _ROUNDING) * segment.step if ahead.size else 0.0


def sum_type(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which counts are added: 64-bit, unsigned where they are."""
    return np.dtype({"b": np.uint64, "u": np.uint64, "i": np.int64}.get(kind.kind, np.float64))


def sum_over_bins(values: NDArray[Any], bins: NDArray[np.int32], count: int) -> NDArray[Any]:
    """Return the sum of the spectra of each bin.

    Parameters
    ----------
    values : (y, x, energy)
    bins : (y, x), from 0 to `count` - 1, or -1 for pixels that are left out
    count : number of bins

    Returns
    -------
    (count, energy), 64-bit
    """
    wanted = sum_type(values.dtype)
    total = np.zeros((count, values.shape[-1]), wanted)
    flat = bins.ravel()
    used = np.flatnonzero(flat >= 0)
    if used.size == 0:
        return total
    order = used[np.argsort(flat[used], kind="stable")]
    present, first = np.unique(flat[order], return_index=True)
    spectra = values.reshape(-1, values.shape[-1])
    bounds = np.append(first, order.size)
    for bin_, low, high in zip(present, bounds[:-1], bounds[1:], strict=True):
        total[bin_] = spectra[order[low:high]].sum(axis=0, dtype=wanted)
    return total
