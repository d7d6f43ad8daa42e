"""Link the edge points of neighbouring strips to edges that run across the image.

Dynamic programming over the points of all strips: the best path collects ``log(1 + snr)`` of its
points and pays for bends and for strips without a point. Paths are taken one after the other, best
first, until what is left is no edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgpipe.kernels.steps_in_profiles import response_noise, response_peaks

Floats = NDArray[np.float64]
Points = tuple[NDArray[np.int64], Floats, Floats]
MOST_PEAKS = 24
DETECTION = 4.0
"""Smallest step height of a point, in noise standard deviations of the strip's response."""


@dataclass(frozen=True)
class Ridge:
    """One edge at strip resolution.

    position : (strip,) y in pixels, NaN where no point was found
    height : (strip,) step height in counts, NaN where no point was found
    polarity : +1 where grey rises along y, else -1
    score : sum over points of log(1 + snr), less the penalties
    """

    position: Floats
    height: Floats
    polarity: int
    score: float

    @property
    def covered(self) -> float:
        """Fraction of strips with a point."""
        return float(np.isfinite(self.position).mean())

    @property
    def contrast(self) -> float:
        """Median step height, in counts."""
        return float(np.nanmedian(self.height))

    @property
    def level(self) -> float:
        """Median y, for ordering."""
        return float(np.nanmedian(self.position))


def link_ridges(response: Floats, run: float, give: float, *, most: int, least_covered: float = 0.3) -> list[Ridge]:
    """Return the edges found, strongest first.

    Parameters
    ----------
    response : (strip, y) signed step heights in counts
    run : expected change of y from one strip to the next, in pixels
    give : departure from `run` that costs one unit of score, in pixels
    most : largest number of edges
    least_covered : smallest fraction of strips with a point
    """
    noise = response_noise(response)
    points = {sign: response_peaks(response, sign, DETECTION * noise, MOST_PEAKS) for sign in (1, -1)}
    used = {sign: np.zeros(points[sign][0].size, dtype=np.bool_) for sign in (1, -1)}
    best = {sign: _best(points[sign], used[sign], noise, (run, give), response.shape[0]) for sign in (1, -1)}
    found: list[Ridge] = []
    while len(found) < most:
        sign = max(best, key=lambda s: best[s][1])
        chosen, score = best[sign]
        if chosen.size < max(2.0, least_covered * response.shape[0]) and response.shape[0] > 2:
            break
        if chosen.size == 0:
            break
        found.append(_ridge(points[sign], chosen, sign, score, response.shape[0]))
        used[sign][chosen] = True
        best[sign] = _best(points[sign], used[sign], noise, (run, give), response.shape[0])
    return found


def _best(
    points: Points, used: NDArray[np.bool_], noise: float, course: tuple[float, float], strips: int
) -> tuple[NDArray[np.int64], float]:
    strip, position, height = points
    reward = np.where(used, -1.0, np.log1p(height / noise))
    chosen, score = _best_path(strip, position, reward, course[0], course[1], strips)
    return chosen, float(score)


def _ridge(points: Points, chosen: NDArray[np.int64], sign: int, score: float, strips: int) -> Ridge:
    position, height = np.full(strips, np.nan), np.full(strips, np.nan)
    where = points[0][chosen]
    position[where], height[where] = points[1][chosen], points[2][chosen]
    return Ridge(position, height, sign, float(score))


@njit(cache=True, nogil=True)
def _best_path(strip, position, reward, run, give, strips):  # type: ignore[no-untyped-def]
    count = strip.size
    total = np.zeros(count)
    before = np.full(count, -1, np.int64)
    widest = max(2, strips // 2)
    for k in range(count):
        if reward[k] <= 0:
            total[k] = -1.0
            continue
        total[k] = reward[k]
        for m in range(k - 1, -1, -1):
            gap = strip[k] - strip[m]
            if gap > widest:
                break
            if gap == 0 or total[m] <= 0:
                continue
            cost = abs(position[k] - position[m] - gap * run) / (give * np.sqrt(gap)) + 0.3 * (gap - 1)
            if cost - 0.3 * (gap - 1) < 4.0 and total[m] + reward[k] - cost > total[k]:
                total[k] = total[m] + reward[k] - cost
                before[k] = m
    if count == 0:
        return np.zeros(0, np.int64), 0.0
    k = int(np.argmax(total))
    if total[k] <= 0:
        return np.zeros(0, np.int64), 0.0
    best = total[k]
    path = np.zeros(count, np.int64)
    length = 0
    while k >= 0:
        path[length] = k
        length += 1
        k = before[k]
    return path[:length][::-1].copy(), best
