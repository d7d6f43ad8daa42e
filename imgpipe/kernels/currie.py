"""When counts are a line, and how small a line is found: Currie's critical level and detection limit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]


def critical_level(variance_absent: Any, confidence: float) -> Floats:
    """Return the area in counts that an absent line exceeds with a probability of 1 - `confidence`.

    Parameters
    ----------
    variance_absent : variance of the area when the line is absent, counts^2
    confidence : 0.5 to 1 (Currie's 0.95)

    References
    ----------
    L. A. Currie, Anal. Chem. 40, 586 (1968), eq. 3
    """
    return np.asarray(norm.ppf(confidence) * np.sqrt(np.asarray(variance_absent, dtype=np.float64)))


def detection_limit(variance_absent: Any, confidence: float, variance_per_count: Any = 1.0) -> Floats:
    """Return the area in counts that exceeds the critical level with a probability of `confidence`.

    ``2 L_C + k^2 v``, where a line of area A adds v A to the variance; v = 1 for counts in a window (Currie's
    ``2.71 + 3.29 sigma``), more where lines overlap.

    References
    ----------
    L. A. Currie, Anal. Chem. 40, 586 (1968), eqs. 9 and 11
    """
    k = float(norm.ppf(confidence))
    return np.asarray(2.0 * critical_level(variance_absent, confidence) + k**2 * np.asarray(variance_per_count))
