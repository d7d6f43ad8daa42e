"""Numbers of one layer and of one interface from their fitted positions in one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.chord import chords, mean_angle, straightened
from imgpipe.kernels.effective_size import EffectiveSize, block_bootstrap, effective_size

Floats = NDArray[np.float64]
FEWEST = 8
"""A layer seen in fewer columns has no thickness."""
BOOTSTRAP_DRAWS = 400


@dataclass(frozen=True)
class LayerStatistics:
    """One layer in one image; lengths in the unit of the coordinates.

    mean, median, p16, p84 : of the local thickness (chord along the mean normal)
    sd : of the local thickness without the localisation noise
    covered : fraction of the columns judged in which the layer is there
    u_localisation : standard uncertainty of the mean from the noise of the edges
    u_sampling : standard uncertainty of the mean as that of the process, from a finite length
    n_eff : effective number of independent places
    u_bootstrap : u_sampling and u_localisation together by a circular block bootstrap, as a cross-check
    correlation_length : of the local thickness
    angle : slope of the layer, radians
    local : (x,) local thickness
    """

    mean: float
    median: float
    p16: float
    p84: float
    sd: float
    covered: float
    u_localisation: float
    u_sampling: float
    n_eff: float
    u_bootstrap: float
    correlation_length: float
    angle: float
    local: Floats


def layer_statistics(
    upper: Floats, lower: Floats, variance: Floats, x: Floats, judged: NDArray[np.bool_]
) -> LayerStatistics:
    """Measure one layer.

    Parameters
    ----------
    upper, lower : (x,) y of its two interfaces, NaN where lost
    variance : (x,) variance of ``lower - upper`` from noise
    x : (x,) coordinate, evenly spaced, same unit
    judged : (x,) False in columns that say nothing of the layer (frost, a fit that failed)
    """
    both = np.isfinite(upper) & np.isfinite(lower)
    covered = float(both.sum() / max(1, (judged | both).sum()))
    if both.sum() < FEWEST:
        return _nothing(covered, x.size)
    found = chords(np.where(both, upper, np.nan), np.where(both, lower, np.nan), x)
    known = found.thickness[np.isfinite(found.thickness)]
    noise = float(np.nanmean(variance[both])) * np.cos(found.angle) ** 2
    size = effective_size(found.thickness, noise)
    step = float(x[1] - x[0]) / np.cos(found.angle)
    middle = np.percentile(known, [16, 50, 84])
    block = int(np.ceil(3 * size.correlation_length)) + 1
    return LayerStatistics(
        mean=float(known.mean()),
        median=float(middle[1]),
        p16=float(middle[0]),
        p84=float(middle[2]),
        sd=float(np.sqrt(max(known.var() - noise, 0.0))),
        covered=covered,
        u_localisation=float(np.sqrt(noise / known.size)),
        u_sampling=float(np.sqrt(size.mean_variance)),
        n_eff=size.n_eff,
        u_bootstrap=block_bootstrap(found.thickness, block, BOOTSTRAP_DRAWS, seed=0),
        correlation_length=size.correlation_length * step,
        angle=found.angle,
        local=found.thickness,
    )


def _nothing(covered: float, columns: int) -> LayerStatistics:
    nan = float("nan")
    return LayerStatistics(nan, nan, nan, nan, nan, covered, nan, nan, nan, nan, nan, nan, np.full(columns, np.nan))


@dataclass(frozen=True)
class InterfaceStatistics:
    """One interface in one image; lengths in the unit of the coordinates.

    mean : y
    roughness : root mean square of the heights across the mean direction, straight line and noise removed
    correlation_length : 1/e distance of the heights
    covered : fraction of columns in which it was found
    angle : slope, radians
    """

    mean: float
    roughness: float
    correlation_length: float
    covered: float
    angle: float


def interface_statistics(position: Floats, variance: Floats, x: Floats) -> InterfaceStatistics:
    """Measure one interface: (x,) position and its variance from noise, NaN where lost."""
    known = np.isfinite(position)
    covered = float(known.mean())
    if known.sum() < FEWEST:
        return InterfaceStatistics(float("nan"), float("nan"), float("nan"), covered, float("nan"))
    angle = mean_angle(position[None], x)
    height = straightened(position, x) * np.cos(angle)
    noise = float(np.mean(variance[known])) * np.cos(angle) ** 2
    size: EffectiveSize = effective_size(height, noise)
    step = float(x[1] - x[0]) / np.cos(angle)
    roughness = float(np.sqrt(max(float(np.var(height[known])) - noise, 0.0)))
    return InterfaceStatistics(float(position[known].mean()), roughness, size.correlation_length * step, covered, angle)
