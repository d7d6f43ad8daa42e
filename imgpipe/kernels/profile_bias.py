"""Take the first-order bias off a maximum-likelihood fit of few counts.

For Poisson counts with expectations mu(theta) (as for Gaussian noise of known variance) the bias of the estimate is
``b = C J^T W xi`` with ``xi = -trace(C H) / 2``: C the covariance, J and H the first and second derivatives of mu, W =
1 / mu (D. R. Cox and E. J. Snell, J. R. Stat. Soc. B 30 (1968) 248; R. D. Cook, C.-L. Tsai and B. C. Wei, Biometrika 73
(1986) 615). With C = V V^T only derivatives along the columns of V are wanted, which are taken as differences.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.fit import FitResult
from imgpipe.kernels.fit.fitting import take
from imgpipe.kernels.profile_band import directions
from imgpipe.kernels.profile_model import Layout

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
PART = 256
"""Scans at a time."""
MOST = 0.5
"""Largest correction, in standard uncertainties: beyond, the first order says nothing."""
VAGUE = 0.7
"""A scan with a width of larger relative uncertainty is left as it is, for the same reason."""


def without_bias(layout: Layout, result: FitResult, chosen: Bools) -> FitResult:
    """Return the result with parameters and amplitudes of the chosen scans corrected."""
    spread = np.sqrt(np.maximum(np.einsum("bii->bi", result.covariance), 0.0))
    rows = np.flatnonzero(chosen & np.isfinite(result.covariance).all(axis=(1, 2)) & _clear(layout, result, spread))
    if not rows.size:
        return result
    q, amplitude = result.q.copy(), result.amplitude.copy()
    free = q.shape[1]
    for first in range(0, rows.size, PART):
        part = rows[first : first + PART]
        bias = first_order_bias(layout, take(result, part))
        bias[(np.abs(bias) > MOST * spread[part]).any(axis=1)] = 0.0
        low, high = (np.broadcast_to(edge, result.q.shape)[part] for edge in (result.low, result.high))
        q[part] = np.clip(q[part] - bias[:, :free], low, high)
        amplitude[part] = np.maximum(amplitude[part] - bias[:, free:], 0.0)
    return replace(result, q=q, amplitude=amplitude, p=layout.problem.parameters(q))


def first_order_bias(layout: Layout, result: FitResult) -> Floats:
    """Return the bias (b, Q + L) of the parameters and amplitudes."""
    at = directions(layout, result)
    least = 1e-4 * np.maximum(at.middle.mean(axis=1, keepdims=True), 1e-12)
    pull = -0.5 * at.bend / np.maximum(at.middle, least)
    return np.asarray(np.einsum("bpk,bck,bc->bp", at.along, at.slope, pull))


def _clear(layout: Layout, result: FitResult, u: Floats) -> Bools:
    """Return (b,) whether all widths are known well enough."""
    places = np.unique(layout.width[layout.width >= 0])
    with np.errstate(invalid="ignore"):
        return np.asarray((u[:, places] <= VAGUE * np.abs(result.q[:, places])).all(axis=1))
