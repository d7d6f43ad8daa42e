"""Which shape an interface has: the corrected Akaike criterion over all scans of a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from imgpipe.kernels.profile_fit import ProfileFit

CANDIDATES = ("erf", "logistic", "erfc", "exponential", "step")
"""In order of preference: of equals, the first is taken."""
SYMMETRIC = ("erf", "logistic", "step")
"""Those that are tried under a response: an asymmetry beyond it can't be told from what the response is off by."""
CLEAR = 2.0
"""A later one must be better than the first by this much (K. P. Burnham and D. R. Anderson, 2002, section 2.6)."""


def corrected_akaike(fitted: ProfileFit) -> np.ndarray:
    """Return AICc (b,) = deviance + 2 K + 2 K (K + 1) / (N - K - 1) up to a constant of the data.

    Raises
    ------
    ValueError : where N - K - 1 is not above zero: then the criterion does not exist
    """
    points, k = fitted.points.astype(np.float64), fitted.parameters
    left = points - k - 1.0
    if (left <= 0).any():
        raise ValueError(
            f"{int(points.min())} points are too few to choose between models of {int(k.max())} parameters: name one"
        )
    misfit = fitted.deviance if fitted.data.known_variance else points * np.log(fitted.deviance / points)
    return np.asarray(misfit + 2.0 * k + 2.0 * k * (k + 1.0) / left)


def choose(
    fits: Callable[[str], ProfileFit], candidates: Sequence[str] = CANDIDATES
) -> tuple[str, dict[str, float], ProfileFit]:
    """Return the best shape, AICc of all relative to it (summed over scans), and its fit.

    Parameters
    ----------
    fits : gives the fit of a shape
    candidates : shapes; the first is preferred
    """
    done = {shape: fits(shape) for shape in candidates}
    good = np.all([one.converged for one in done.values()], axis=0)
    rows = np.flatnonzero(good if good.any() else np.ones(good.shape, dtype=np.bool_))
    total = {shape: float(np.nansum(corrected_akaike(one.rows(rows)))) for shape, one in done.items()}
    least = min(total, key=lambda shape: total[shape])
    best = candidates[0] if total[candidates[0]] <= total[least] + CLEAR else least
    return best, {shape: value - total[best] for shape, value in total.items()}, done[best]
