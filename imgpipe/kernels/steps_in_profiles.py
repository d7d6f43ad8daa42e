"""Find grey-level steps in profiles: derivative-of-Gaussian response and its extrema.

The response is scaled so that a sharp step of height A gives A. An edge of width sigma_e gives
A s / sqrt(s**2 + sigma_e**2) with s the filter's sigma.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Floats = NDArray[np.float64]


def step_filter(sigma: float) -> Floats:
    """Return the weights that turn a profile into step heights (odd length, sum zero)."""
    reach = int(np.ceil(4 * sigma))
    t = np.arange(-reach, reach + 1)
    weights = t * np.exp(-0.5 * (t / sigma) ** 2)
    return np.asarray(weights / weights[t > 0].sum())


def step_response(profiles: Floats, sigma: float) -> Floats:
    """Return the height of the step at each point of each profile.

    Parameters
    ----------
    profiles : (strip, y)
    sigma : of the filter, in pixels

    Returns
    -------
    response : (strip, y), signed: positive where grey rises along y; zero within 4 sigma of the ends
    """
    weights = step_filter(sigma)
    response = correlate1d(profiles, weights, axis=-1, mode="nearest")
    reach = min(weights.size // 2, profiles.shape[-1] // 2)
    response[:, :reach] = 0.0
    response[:, profiles.shape[-1] - reach :] = 0.0
    return np.asarray(response)


def response_noise(response: Floats) -> float:
    """Return the standard deviation of the response away from edges (from its median absolute value)."""
    inner = np.abs(response[response != 0.0])
    scale = float(np.abs(response).max(initial=0.0))
    return max(1.4826 * float(np.median(inner)) if inner.size else 0.0, 1e-6 * scale, 1e-12)


@njit(cache=True, nogil=True)
def response_peaks(response, sign, threshold, most):  # type: ignore[no-untyped-def]
    """List the local extrema of one sign in each profile, strongest `most` per profile.

    Parameters
    ----------
    response : (strip, y) float64
    sign : +1 rising edges, -1 falling edges
    threshold : smallest height listed
    most : largest number per profile

    Returns
    -------
    strip, position, height : (peak,) each; position by a parabola through three points; sorted by strip
    """
    strips, rows = response.shape
    strip = np.zeros(strips * most, np.int64)
    position = np.zeros(strips * most)
    height = np.zeros(strips * most)
    count = 0
    for s in range(strips):
        first = count
        for i in range(1, rows - 1):
            a, b, c = sign * response[s, i - 1], sign * response[s, i], sign * response[s, i + 1]
            if b < threshold or b < a or b <= c:
                continue
            slot = count
            if count - first == most:
                slot = int(first + np.argmin(height[first:count]))
                if height[slot] >= b:
                    continue
            else:
                count += 1
            bend = a - 2 * b + c
            strip[slot] = s
            height[slot] = b
            position[slot] = i + (0.5 * (a - c) / bend if bend < 0 else 0.0)
    return strip[:count], position[:count], height[:count]
