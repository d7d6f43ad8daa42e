"""Follow one edge column by column in a narrow band around a known course, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from imgpipe.kernels.steps_in_profiles import step_filter

Floats = NDArray[np.float64]
LOST_SNR = 4.0
LOST_HEIGHT = 0.25
"""A column is lost where the step is lower than this many noise sd, or this fraction of the median step."""


def follow_edge(
    image: NDArray[np.generic], course: Floats, polarity: int, half: int, *, sigma: float = 3.0, lateral: float = 2.0
) -> tuple[Floats, Floats]:
    """Return the position of an edge in each column.

    Parameters
    ----------
    image : (y, x), finite grey values
    course : (x,) expected y in pixels, finite
    polarity : +1 where grey rises along y, else -1
    half : half height of the band searched, in pixels
    sigma : of the derivative-of-Gaussian filter along y, in pixels
    lateral : sigma of the smoothing along the course, in columns; 0 for none

    Returns
    -------
    position : (x,) y in pixels; NaN where the edge is lost
    snr : (x,) step height over its noise
    """
    weights = polarity * step_filter(sigma)
    response = _band_response(image, course, weights, half)
    noise = _difference_noise(response)
    if lateral > 0:
        kernel = np.exp(-0.5 * (np.arange(-int(3 * lateral), int(3 * lateral) + 1) / lateral) ** 2)
        kernel /= kernel.sum()
        response = correlate1d(response, kernel, axis=0, mode="nearest")
        noise *= float(np.sqrt((kernel**2).sum()))
    offset, height = _follow(response, max(noise, 1e-9 * float(np.abs(response).max(initial=1.0))))
    snr = height / max(noise, 1e-12)
    lost = (snr < LOST_SNR) | (height < LOST_HEIGHT * float(np.median(height)))
    position = np.where(lost, np.nan, course + offset)
    return position, snr


def _difference_noise(response: Floats) -> float:
    """Noise of the band's response from neighbouring columns, blind to the edge itself."""
    if response.shape[0] < 2:
        return 0.0
    change = np.diff(response, axis=0)
    return float(1.4826 * np.median(np.abs(change)) / np.sqrt(2.0))


@njit(cache=True, nogil=True)
def _band_response(image, course, weights, half):  # type: ignore[no-untyped-def]
    rows, columns = image.shape
    reach = weights.size // 2
    span = half + reach
    gathered = np.zeros(2 * span + 1)
    response = np.zeros((columns, 2 * half + 1))
    for x in range(columns):
        base = int(np.floor(course[x]))
        part = course[x] - base
        for q in range(2 * span + 1):
            low = min(max(base + q - span, 0), rows - 1)
            high = min(max(base + q - span + 1, 0), rows - 1)
            gathered[q] = (1.0 - part) * image[low, x] + part * image[high, x]
        for r in range(2 * half + 1):
            acc = 0.0
            for k in range(weights.size):
                acc += weights[k] * gathered[r + k]
            response[x, r] = acc
    return response


@njit(cache=True, nogil=True)
def _follow(response, noise):  # type: ignore[no-untyped-def]
    """Best connected path through the band (at most 2 px per column beside the course), then a parabola."""
    columns, width = response.shape
    back = np.zeros((columns, width), np.int8)
    total = response[0].copy()
    step = np.zeros(width)
    for x in range(1, columns):
        for r in range(width):
            best, move = -np.inf, 0
            for d in range(-2, 3):
                if r + d < 0 or r + d >= width:
                    continue
                value = total[r + d] - noise * abs(d)
                if value > best or (value == best and d == 0):
                    best, move = value, d
            step[r] = best + response[x, r]
            back[x, r] = move
        total[:] = step
    offset = np.zeros(columns)
    height = np.zeros(columns)
    r = int(np.argmax(total))
    for x in range(columns - 1, -1, -1):
        shift = 0.0
        if r > 0 and r < width - 1:
            a, b, c = response[x, r - 1], response[x, r], response[x, r + 1]
            bend = a - 2 * b + c
            if bend < 0:
                shift = min(max(0.5 * (a - c) / bend, -1.0), 1.0)
        offset[x] = r + shift - (width - 1) / 2
        height[x] = response[x, r]
        r += back[x, r]
    return offset, height
