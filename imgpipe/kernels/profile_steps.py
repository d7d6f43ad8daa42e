"""Which element has a clear step at which interface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.profile_fit import ProfileFit

Bools = NDArray[np.bool_]
CLEAR_STEP = 4.0
"""A step of an element counts from this many standard uncertainties on."""


def significant_steps(fitted: ProfileFit) -> tuple[Bools, Bools]:
    """Return which element has a clear step at which interface (n, m) in any scan, and where any has (n,).

    An interface at which none has one keeps its clearest, so that there is something to fit.
    """
    amplitude, free = fitted.layout.column, fitted.raw.q.shape[1]
    covariance = fitted.raw.covariance[:, free:, free:]
    below, above = amplitude[:-1], amplitude[1:]
    variance = covariance[:, above, above] + covariance[:, below, below] - 2.0 * covariance[:, above, below]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.abs(np.diff(fitted.plateau, axis=1)) / np.sqrt(variance)
    # of many scans the largest ratio is larger: sqrt(2 ln b) is where the largest of b normal variables is
    ratio = np.max(np.where(np.isfinite(ratio), ratio, 0.0), axis=0)
    steps = ratio > np.hypot(CLEAR_STEP, np.sqrt(2.0 * np.log(fitted.position.shape[0])))
    clear = steps.any(axis=1)
    steps[~clear, np.argmax(ratio[~clear], axis=1)] = True
    return steps, clear
