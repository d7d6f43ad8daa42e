"""Thickness as the chord along the mean normal of a layer.

Straight lines are fitted to both interfaces; their mean direction gives the normal. Both interfaces
are written in coordinates along and across that direction, and the thickness is their distance
across it. Pixels need not be square: rows and columns have their own size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Chords:
    """Local thickness along a layer, on a regular grid along its mean direction.

    thickness : (x,) NaN where either interface is lost; as many points as columns
    upper, lower : (x,) height of both interfaces across the mean direction, straight line not removed
    angle : slope of the layer against x, radians
    """

    thickness: Floats
    upper: Floats
    lower: Floats
    angle: float


def mean_angle(interfaces: Floats, x: Floats) -> float:
    """Return the mean slope angle of interfaces (interface, x), in radians; 0 when nothing is known."""
    slopes = [_slope(row, x) for row in interfaces]
    known = [s for s in slopes if np.isfinite(s)]
    return float(np.arctan(np.mean(known))) if known else 0.0


def chords(upper: Floats, lower: Floats, x: Floats) -> Chords:
    """Measure the thickness between two interfaces.

    Parameters
    ----------
    upper, lower : (x,) y of the interfaces, same unit as `x`; NaN where lost
    x : (x,) evenly spaced
    """
    angle = mean_angle(np.stack([upper, lower]), x)
    if angle == 0.0:
        return Chords(lower - upper, upper, lower, angle)
    centre = float(x.mean()), float(np.nanmean(np.concatenate([upper, lower])))
    along = np.linspace(x[0] - centre[0], x[-1] - centre[0], x.size) / np.cos(angle)
    first, second = (_across(row, x, angle, centre, along) for row in (upper, lower))
    return Chords(second - first, first, second, angle)


def straightened(row: Floats, x: Floats) -> Floats:
    """Return an interface with its straight line removed; NaN stays."""
    known = np.isfinite(row)
    if known.sum() < 3:
        return np.full(row.shape, np.nan)
    return np.asarray(row - np.polyval(np.polyfit(x[known], row[known], 1), x))


def _slope(row: Floats, x: Floats) -> float:
    known = np.isfinite(row)
    if known.sum() < 2:
        return float("nan")
    centred = x[known] - x[known].mean()
    return float((centred * row[known]).sum() / (centred**2).sum())


def _across(row: Floats, x: Floats, angle: float, centre: tuple[float, float], along: Floats) -> Floats:
    """Heights of an interface across the direction `angle`, at the points `along`."""
    known = np.isfinite(row)
    if known.sum() < 2:
        return np.full(along.shape, np.nan)
    u = (x - centre[0]) * np.cos(angle) + (row - centre[1]) * np.sin(angle)
    v = -(x - centre[0]) * np.sin(angle) + (row - centre[1]) * np.cos(angle)
    gap = np.zeros(along.size) if known.all() else _gaps(u, known, along)
    order = np.argsort(u[known], kind="stable")
    height = np.interp(along, u[known][order], v[known][order], left=np.nan, right=np.nan)
    return np.where(gap > 0.0, np.nan, height)


def _gaps(u: Floats, known: NDArray[np.bool_], along: Floats) -> Floats:
    """Mark points that fall into a run of lost columns (1) or not (0)."""
    index = np.arange(u.size)
    places = np.interp(along, np.interp(index, index[known], u[known]), index)
    nearest = np.clip(np.rint(places).astype(np.int64), 0, u.size - 1)
    return np.where(known[nearest], 0.0, 1.0)
