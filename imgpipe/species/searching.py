"""Look again where a fit may have ended in the wrong minimum: starts with other chemical shifts, the best is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from imgpipe.kernels.fit import FitResult

DOUBTFUL = 2.5
"""Standard deviations of chi-square or the Abbe value beyond which a fit is looked at again."""


def doubtful(result: FitResult) -> np.ndarray:
    """Tell which fits (b,) leave structure or did not end."""
    points = np.maximum(result.points, 1)
    high = result.reduced > 1.0 + DOUBTFUL * np.sqrt(2.0 / points)
    structured = result.abbe < 1.0 - DOUBTFUL / np.sqrt(points)
    return np.asarray(high | structured | ~np.isfinite(result.statistic))


def better(old: FitResult, new: FitResult, rows: np.ndarray) -> FitResult:
    """Return the fits with some rows replaced where the new fit of that row is better.

    Parameters
    ----------
    rows : (k,) places of the new fits among the old ones
    """
    was = (old.statistic + old.prior_statistic)[rows]
    now = new.statistic + new.prior_statistic
    wins = np.isfinite(now) & ~(now >= was)
    chosen = rows[wins]
    if not chosen.size:
        return old
    changed: dict[str, Any] = {}
    for name, value in vars(old).items():
        other = getattr(new, name)
        if isinstance(value, np.ndarray) and value.shape[:1] == (len(old.q),) and other.shape[:1] == (len(new.q),):
            changed[name] = value.copy()
            changed[name][chosen] = other[wins]
    return replace(old, **changed)
