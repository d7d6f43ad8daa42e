"""What the fitted positions are off by, beyond what takes part in the fit: corrections, and their uncertainties.

The model adds the squares of an intrinsic width and of the response on each side of an interface. Really the edge is
blurred by the transition as a whole, which moves its half height towards the side of the wider response r0 (the other
one being r1): a kink of the slope from 0.4 / r0 to 0.4 / r1, blurred by w, is seen ``w sqrt(2 / pi) (r0 - r1) / (r0 +
r1)`` off. However wide the transition, the mean of the edge is not farther off than ``(r0 - r1) / sqrt(2 pi)``, which
bends the law (`blur_offset`). Half of the correction is taken as its uncertainty.

A response much narrower than the step of the scan leaves an edge somewhere in a step, uniformly: step / sqrt(12). What
the points can't tell under a wider one is their first alias, which falls as ``exp(-2 pi^2 (sigma / step)^2)``. The
narrower of both sides counts, and no intrinsic width on top, as there the shape is assumed (`sampling`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.profile_intervals import ONE_SIDED
from imgpipe.kernels.profile_model import Response

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
U_OFFSET = 0.5
"""Relative uncertainty of the correction."""


def misplacement(response: Response) -> Floats:
    """Return (n, m) how far interfaces may be off as the response is not quite what it is taken for.

    Between two responses of different width an edge is asymmetric; where in it the interface lies is known to the
    relative uncertainty of the response times half their difference. The likelihood would find the place more sharply,
    but only as far as the shape of the response is known, not just its width.
    """
    u = 0.5 * (response.u[:-1] + response.u[1:])
    return np.asarray(0.5 * u * np.abs(np.diff(response.sigma, axis=0)))


def blur_offset(response: Response, width: Floats) -> Floats:
    """Return (b, n, m) what is to be added to the position of an edge of intrinsic width (b, n)."""
    below, above = response.sigma[:-1], response.sigma[1:]
    middle = 0.5 * (below + above)
    wide = width[:, :, None]
    limited = wide * middle / np.hypot(np.maximum(wide, 1e-12), middle)
    return np.asarray(math.sqrt(2.0 / math.pi) * (below - above) / (below + above) * limited)


def sampling(response: Response, step: float) -> Floats:
    """Return the standard uncertainty (n, m) of the place of an edge between two points."""
    narrower = np.minimum(response.sigma[:-1], response.sigma[1:])
    return np.asarray(step / math.sqrt(12.0) * np.exp(-2.0 * math.pi**2 * (narrower / step) ** 2))


def offsets(
    response: Response | None, steps: Bools, width: Floats, bound: Floats, step: float
) -> tuple[Floats, Floats]:
    """Return correction and standard uncertainty (b, n) of positions: means over the elements that have the step.

    Parameters
    ----------
    steps : (n, m)
    width, bound : (b, n) intrinsic width as fitted, 0 for a sharp step, and its upper bound
    step : of the scan
    """
    if response is None:
        return np.zeros(width.shape), np.zeros(width.shape)
    share = steps / np.maximum(steps.sum(axis=1, keepdims=True), 1)
    middle = np.max(0.5 * (response.sigma[:-1] + response.sigma[1:]), axis=1)
    wide = np.where(np.isfinite(width), width, 0.0)
    spread = np.where(np.isfinite(bound), np.maximum(bound - wide, 0.0) / ONE_SIDED, middle)

    def mean(each: Floats) -> Floats:
        return np.asarray(np.sum(np.where(steps, each * share, 0.0), axis=-1))

    correction = mean(blur_offset(response, wide))
    vague = mean(blur_offset(response, np.minimum(spread, middle)))
    parts = (U_OFFSET * correction, vague, mean(misplacement(response)), mean(sampling(response, step)))
    return correction, np.sqrt(np.sum([part**2 + 0.0 * correction for part in parts], axis=0))
