"""Atomic fractions from amounts, with what is random and what is shared by all spectra of an instrument."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.parted import Parted
from imgpipe.kernels.share_intervals import ONE_SIDED, TWO_SIDED

Floats = NDArray[np.float64]


def fractions(amount: Floats, u_amount: Floats, u_relative: Floats) -> Parted:
    """Return the fraction of each amount in their sum.

    Parameters
    ----------
    amount, u_amount : (..., n) areas divided by their sensitivities, and what is random of u
    u_relative : (n,) relative u of the sensitivities, independent of each other

    Notes
    -----
    Linear propagation (GUM 5.2) with slopes (delta_ij - x_i) / sum. Sensitivities are factors: the shared part of the
    interval is symmetric in log(x / (1 - x)), the random one in x; both are joined in quadrature on each side. An
    amount below 1.645 u is not detected: its interval is 0 up to the one-sided 95 % bound.
    """
    known = np.maximum(amount, 0.0)
    total = np.where(known.sum(axis=-1) > 0, known.sum(axis=-1), np.nan)[..., None]
    share = known / total
    slope = (np.eye(amount.shape[-1]) - share[..., :, None]) / total[..., None]
    random = 100.0 * np.sqrt(np.einsum("...ij,...j->...i", slope**2, u_amount**2))
    shared = 100.0 * np.sqrt(np.einsum("...ij,...j->...i", slope**2, (known * u_relative) ** 2))
    percent = 100.0 * share
    detected = amount > ONE_SIDED * u_amount
    times = np.where(detected, TWO_SIDED, ONE_SIDED)
    below, above = _beyond(share, shared / 100.0, -times), _beyond(share, shared / 100.0, times)
    low = np.where(detected, percent - np.hypot(times * random, percent - 100.0 * below), 0.0)
    high = percent + np.hypot(times * random, 100.0 * above - percent)
    return Parted(percent, random, shared, np.clip(low, 0.0, 100.0), np.clip(high, 0.0, 100.0), detected)


def _beyond(share: Floats, u: Floats, times: Floats) -> Floats:
    """Return the share that lies `times` standard uncertainties away in log(x / (1 - x))."""
    inner = np.clip(share * (1.0 - share), 1e-12, None)
    factor = np.exp(times * u / inner)
    return np.asarray(share * factor / (1.0 - share + share * factor))
