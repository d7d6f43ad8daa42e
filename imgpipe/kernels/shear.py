"""Find the dominant slope of the layers of an image, and average columns along it.

Layers in a cross-section are nearly straight and parallel, curtains stand along y. So the slope is
the shear for which the vertical gradient, summed along the sheared rows, keeps most energy.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEEPEST = 0.8
"""Largest slope looked for, dy/dx in pixels: 38.7 deg."""


def dominant_slope(image: NDArray[np.generic], *, steepest: float = STEEPEST) -> float:
    """Return the slope dy/dx of the layers, in pixels per pixel.

    Parameters
    ----------
    image : (y, x), grey values, finite
    steepest : largest absolute slope looked for

    Returns
    -------
    slope : accurate to about one edge width per image width; a start for tracking, not a result
    """
    block = max(1, -(-max(image.shape) // 512))
    gradient = np.ascontiguousarray(_vertical_gradient(_block_mean(image, block)).T)
    width = gradient.shape[0]
    step, centre, reach = 0.04, 0.0, steepest
    run = min(32, width)
    while True:
        candidates = centre + np.arange(-reach, reach + step / 2, step)
        energy = _sheared_energy(gradient, candidates, run)
        centre = float(np.clip(candidates[int(np.argmax(energy))], -steepest, steepest))
        if run >= width or step < 1.0 / width:
            return centre
        run, reach, step = min(2 * run, width), 1.5 * step, step / 2


def sheared_strips(image: NDArray[np.generic], slope: float, width: int) -> tuple[Floats, Floats]:
    """Average groups of `width` neighbouring columns along the slope.

    Parameters
    ----------
    image : (y, x)
    slope : dy/dx, pixels per pixel
    width : columns per strip

    Returns
    -------
    profiles : (strip, y), mean grey value; y is that of the strip's centre column
    centres : (strip,), x of the centre of each strip, in pixels
    """
    columns = image.shape[1]
    count = max(1, columns // width)
    bounds = np.linspace(0, columns, count + 1).astype(np.int64)
    centres = (bounds[:-1] + bounds[1:] - 1) / 2
    strip = np.repeat(np.arange(count), np.diff(bounds))
    offsets = np.rint(slope * (np.arange(columns) - centres[strip])).astype(np.int64)
    return _sum_strips(image, offsets, bounds), centres


@njit(cache=True, nogil=True)
def _block_mean(image, block):  # type: ignore[no-untyped-def]
    rows, columns = image.shape[0] // block, image.shape[1] // block
    out = np.zeros((rows, columns))
    for i in range(rows):
        for k in range(block):
            row = image[i * block + k]
            for j in range(columns):
                total = 0.0
                for m in range(j * block, (j + 1) * block):
                    total += row[m]
                out[i, j] += total
    return out / block**2


def _vertical_gradient(image: Floats) -> Floats:
    if image.shape[0] < 5:
        return np.zeros_like(image)
    smooth = (image[:-2] + 2 * image[1:-1] + image[2:]) / 4
    gradient = smooth[2:] - smooth[:-2]
    limit = 8 * float(np.median(np.abs(gradient))) + 0.02 * float(np.abs(gradient).max())
    return np.clip(np.where(np.abs(gradient) > limit / 4, gradient, 0.0), -4 * limit, 4 * limit)


@njit(cache=True, nogil=True)
def _sheared_energy(gradient, slopes, run):  # type: ignore[no-untyped-def]
    columns, rows = gradient.shape
    energy = np.zeros(slopes.size)
    total = np.zeros(rows)
    for k in range(slopes.size):
        for start in range(0, columns - run + 1, run):
            total[:] = 0.0
            for j in range(start, start + run):
                shift = int(np.rint(slopes[k] * (j - start - run / 2)))
                column = gradient[j]
                for i in range(max(0, shift), min(rows, rows + shift)):
                    total[i - shift] += column[i]
            acc = 0.0
            for t in range(rows):
                acc += total[t] * total[t]
            energy[k] += acc
    return energy


@njit(cache=True, nogil=True)
def _sum_strips(image, offsets, bounds):  # type: ignore[no-untyped-def]
    rows = image.shape[0]
    strips = bounds.size - 1
    total = np.zeros((rows, strips))
    for i in range(rows):
        for s in range(strips):
            acc = 0.0
            for j in range(bounds[s], bounds[s + 1]):
                r = i + offsets[j]
                r = 0 if r < 0 else (rows - 1 if r >= rows else r)
                acc += image[r, j]
            total[i, s] = acc / (bounds[s + 1] - bounds[s])
    return np.ascontiguousarray(total.T)
