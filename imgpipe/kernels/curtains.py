"""Estimate the curtains of a milled face: stripes that run along y and are narrow along x.

A lateral median passes steps of the material, tilted layers and blocks wider than its window, and rejects
narrow stripes. What is left, averaged over long vertical runs with a bound on what any single place can add,
is the curtain pattern. It is smooth along y, so subtracting it does not move the edges of layers.

The work is done on averages of up to 16 rows. Time grows with the number of pixels, little with the settings.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH = 20
LENGTH = 400
CLIP = 1.0
_PASSES = 30  # strong stripes of a quiet image need that many; each costs little
_FLOOR_PASSES = 7  # a constant stripe of a noise-free image is reached in 7
_STEP_TO_SIGMA = 1.0484
"""Median absolute difference of two normal numbers to their standard deviation: 1.4826 / sqrt 2."""


def curtain_pattern(
    image: NDArray[np.generic],
    *,
    width: int = WIDTH,
    length: int = LENGTH,
    clip: float = CLIP,
    alternate_rows: bool = False,
) -> Floats:
    """Return the stripes along y, in counts; subtract them from the image to remove the curtains.

    Parameters
    ----------
    image : (..., y, x), counts, any real dtype, finite; leading axes are a batch
    width : widest stripe that is removed, pixels, >= 1; wider ones are taken for material
    length : run along y over which a stripe is averaged, pixels, >= 1; stripes that change faster stay in part
    clip : how much one block of rows may pull the average, in standard deviations of its noise, > 0;
        small values protect material, large ones follow strong stripes
    alternate_rows : use every second row only: fed with an image that was cleaned before, this gives the
        damage (see `curtain_damage`)

    Returns
    -------
    pattern : (..., y, x), float32, counts; its lateral median is near 0

    Notes
    -----
    Reaches over at most `curtain_reach(width)` columns to each side and over the whole of y.
    The vertical average is Huber's location M-estimate (Huber 1964, Ann. Math. Stat. 35, 73), run along y.
    """
    if image.size == 0:
        return np.zeros(image.shape, np.float32)
    pages = np.ascontiguousarray(image, image.dtype.newbyteorder("=")).reshape((-1, *image.shape[-2:]))
    pattern = np.empty(pages.shape, np.float32)
    block = int(np.clip(length // 24, 1, 16))
    for k in range(pages.shape[0]):
        mean = _block_pattern(pages[k], width, block, length // block // 2, clip, 2 if alternate_rows else 1)
        _spread(mean, block, pattern[k])
    return pattern.reshape(image.shape)


def curtain_damage(
    cleaned: NDArray[np.generic], *, width: int = WIDTH, length: int = LENGTH, clip: float = CLIP
) -> Floats:
    """Return what the filter takes from an image without curtains: its rms is the damage, in counts.

    The same filter on the cleaned image would find too little: it has taken its own noise from there already.
    So it sees every second row only: the noise it took from all rows is then uncovered by the same amount.

    Parameters
    ----------
    cleaned : (..., y, x), counts, an image from which `curtain_pattern` was subtracted
    width, length, clip : as in `curtain_pattern`

    Returns
    -------
    damage : (..., y, x), float32, counts
    """
    return curtain_pattern(cleaned, width=width, length=length, clip=clip, alternate_rows=True)


def curtain_reach(width: int) -> int:
    """Return how many columns to each side have an influence on a column."""
    return max(1, width)


def _block_pattern(page: NDArray[np.generic], width: int, block: int, reach: int, clip: float, stride: int) -> Floats:
    excess = _lateral_excess(_block_means(page, block, stride), curtain_reach(width))
    return np.asarray(_bounded_mean(excess, _bounds(excess, clip), max(1, reach)))


@njit(cache=True, nogil=True)
def _bounds(excess, clip):  # type: ignore[no-untyped-def]
    """Return per column what one block may add: its noise; without noise, enough to follow a constant stripe."""
    count, columns = excess.shape
    turned = np.ascontiguousarray(excess.T)
    out = np.empty(columns, np.float32)
    every = 2 if count > 48 else 1
    steps = np.empty(max(1, (count - 1 + every - 1) // every), np.float32)
    for j in range(columns):
        column = turned[j]
        noise = 0.0
        if count > 2:
            for k in range(steps.size):
                steps[k] = abs(column[every * k + 1] - column[every * k])
            noise = _STEP_TO_SIGMA * _middle(steps)
        out[j] = clip * noise
        if out[j] * _FLOOR_PASSES < np.max(np.abs(column)):
            out[j] = max(out[j], abs(_middle(column)) / _FLOOR_PASSES)
    return out


@njit(cache=True, nogil=True)
def _middle(values):  # type: ignore[no-untyped-def]
    """Return the upper median; orders `values` in part (Hoare's selection)."""
    low, high, k = 0, values.size - 1, values.size // 2
    while low < high:
        pivot, i, j = values[k], low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if j < k:
            low = i
        if k < i:
            high = j
    return values[k]


@njit(cache=True, nogil=True)
def _block_means(image, block, stride):  # type: ignore[no-untyped-def]
    rows, columns = image.shape
    count = (rows + block - 1) // block
    out = np.zeros((count, columns), np.float32)
    for i in range(count):
        first, last = i * block, min(rows, (i + 1) * block)
        used = 0
        for r in range(first, last, stride):
            used += 1
            for j in range(columns):
                out[i, j] += np.float32(image[r, j])
        scale = np.float32(1.0 / used)
        for j in range(columns):
            out[i, j] *= scale
    return out


@njit(cache=True, nogil=True)
def _lateral_excess(rows, half):  # type: ignore[no-untyped-def]
    """Subtract from each row its running median over 2 half + 1 columns (fewer at the borders)."""
    count, columns = rows.shape
    out = np.empty_like(rows)
    window = np.empty(2 * half + 1, np.float32)
    for i in range(count):
        row = rows[i]
        filled = 0
        for j in range(min(half, columns)):
            filled = _insert(window, filled, row[j])
        for j in range(columns):
            new, old = j + half, j - half - 1
            if new < columns and old >= 0:
                _replace(window, filled, row[old], row[new])
            elif new < columns:
                filled = _insert(window, filled, row[new])
            elif old >= 0:
                filled = _remove(window, filled, row[old])
            middle = filled // 2
            centre = window[middle]
            if filled % 2 == 0:
                centre = np.float32(0.5) * (centre + window[middle - 1])
            out[i, j] = row[j] - centre
    return out


@njit(cache=True, nogil=True)
def _insert(window, filled, value):  # type: ignore[no-untyped-def]
    k = filled
    while k > 0 and window[k - 1] > value:
        window[k] = window[k - 1]
        k -= 1
    window[k] = value
    return filled + 1


@njit(cache=True, nogil=True)
def _remove(window, filled, value):  # type: ignore[no-untyped-def]
    k = 0
    while window[k] < value:
        k += 1
    for m in range(k, filled - 1):
        window[m] = window[m + 1]
    return filled - 1


@njit(cache=True, nogil=True)
def _replace(window, filled, old, new):  # type: ignore[no-untyped-def]
    """Take `old` out of the sorted window and put `new` in, moving only what lies between."""
    gone = below = np.int32(0)
    for k in range(filled):  # counting keeps the processor's pipeline full, a bisection does not
        gone += window[k] < old
        below += window[k] < new
    if below > gone:
        below -= 1
        for k in range(gone, below):
            window[k] = window[k + 1]
    else:
        for k in range(gone, below, -1):
            window[k] = window[k - 1]
    window[below] = new


@njit(cache=True, nogil=True)
def _bounded_mean(excess, bounds, reach):  # type: ignore[no-untyped-def]
    """Average along y over 2 reach + 1 blocks; no block pulls the mean by more than its bound."""
    count, columns = excess.shape
    mean = np.zeros((count, columns), np.float32)
    total = np.zeros((count + 1, columns))
    for _ in range(_PASSES):
        for i in range(count):
            for j in range(columns):
                pull = min(max(excess[i, j] - mean[i, j], -bounds[j]), bounds[j])
                total[i + 1, j] = total[i, j] + mean[i, j] + pull
        for i in range(count):
            low, high = max(0, i - reach), min(count, i + reach + 1)
            scale = 1.0 / (high - low)
            for j in range(columns):
                mean[i, j] = (total[high, j] - total[low, j]) * scale
    return mean


@njit(cache=True, nogil=True)
def _spread(mean, block, out):  # type: ignore[no-untyped-def]
    """Interpolate block values to rows, constant beyond the first and last block centre."""
    rows, columns = out.shape
    last = mean.shape[0] - 1
    for r in range(rows):
        place = (r + 0.5) / block - 0.5
        below = int(np.floor(place))
        weight = np.float32(place - below)
        low, high = min(max(below, 0), last), min(max(below + 1, 0), last)
        for j in range(columns):
            out[r, j] = mean[low, j] + weight * (mean[high, j] - mean[low, j])
