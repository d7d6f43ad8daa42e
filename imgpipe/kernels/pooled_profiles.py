"""Pool the columns of a block into one finely sampled edge profile, aligned on a known course.

Values keep their own distance from the course (no interpolation), so pooling adds no blur; the shape
of an edge is seen with far less noise than in one column.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BIN = 0.25
"""Width of a bin of the pooled profile, in pixels."""


def neighbour_course(position: Floats) -> Floats:
    """Return the course (x,) that the two neighbours on each side of a column give it; NaN where the edge is lost.

    Columns aligned on their own fitted edge are aligned on their own noise as well: the pooled profile of a weak
    edge comes out too sharp, its flanks with it. The noise of the neighbours only blurs, evenly to both sides.
    """
    total, count = np.zeros(position.size), np.zeros(position.size)
    for lag in (1, 2):
        pair = 0.5 * (position[: -2 * lag] + position[2 * lag :])
        known = np.isfinite(pair)
        total[lag:-lag][known] += pair[known]
        count[lag:-lag] += known
    known = (count > 0) & np.isfinite(position)
    return np.where(known, total / np.maximum(count, 1.0), np.nan)


def pool_columns(
    image: NDArray[np.generic], course: Floats, above: float, below: float, blocks: int
) -> tuple[Floats, Floats, Floats]:
    """Average values at equal distance from the course, separately in blocks of columns.

    Parameters
    ----------
    image : (y, x)
    course : (x,) y in pixels, NaN where the column is to be left out
    above, below : reach of the profile on either side of the course, in pixels, both positive
    blocks : number of blocks of equal width

    Returns
    -------
    distance, value, count : (block, bin); distance from the course in pixels; bins without data have count 0
    """
    bins = max(1, int(np.ceil((above + below) / BIN)))
    block = (np.arange(course.size) * blocks) // course.size
    total = _pool(image, np.asarray(course, dtype=np.float64), float(above), block, blocks, bins)
    count = np.maximum(total[2], 1.0)
    return total[0] / count, total[1] / count, total[2]


@njit(cache=True, nogil=True)
def _pool(image, course, above, block, blocks, bins):  # type: ignore[no-untyped-def]
    rows = image.shape[0]
    total = np.zeros((3, blocks, bins))
    for x in range(course.size):
        if np.isnan(course[x]):
            continue
        first = int(np.ceil(course[x] - above))
        last = int(np.floor(course[x] - above + bins * BIN))
        for i in range(max(first, 0), min(last + 1, rows)):
            d = i - course[x]
            k = int((d + above) / BIN)
            if k < 0 or k >= bins:
                continue
            total[0, block[x], k] += d
            total[1, block[x], k] += image[i, x]
            total[2, block[x], k] += 1.0
    return total
