"""Ratio of two intensities, each per dose, with what is random and what is shared (numpy only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.parted import Parted
from imgpipe.kernels.share_intervals import ONE_SIDED, TWO_SIDED

Floats = NDArray[np.float64]


def ratio(
    counts: Floats, u_counts: Floats, standard: Floats, u_standard: Floats, dose: Floats, u_dose: float
) -> Parted:
    """Return counts / standard / dose.

    Parameters
    ----------
    counts, u_counts : (n,) counts of the specimen, their standard uncertainty
    standard, u_standard : (n,) the same of the standards
    dose : (n,) dose of the specimen over that of the standard
    u_dose : relative standard uncertainty of `dose`, shared by all

    Notes
    -----
    Linear propagation (GUM 5.1.2) for u; the interval is Fieller's for the random part (that of the standard grows
    with the ratio), joined in quadrature with the shared one on each side. Counts below 1.645 u are not detected:
    the interval is 0 up to the one-sided 95 % bound.
    """
    known = np.maximum(counts, 0.0)
    value = known / standard / dose
    relative = u_standard / standard
    random = np.hypot(u_counts / standard / dose, value * relative)
    shared = value * u_dose
    detected = counts > ONE_SIDED * u_counts
    times = np.where(detected, TWO_SIDED, ONE_SIDED)
    below, above = _fieller(known, u_counts, relative, times)
    low = value - np.hypot(value * (1.0 - below), times * shared)
    high = value + np.hypot(above / standard / dose - value, times * shared)
    return Parted(value, random, shared, np.where(detected, np.maximum(low, 0.0), 0.0), high, detected)


def _fieller(counts: Floats, u_counts: Floats, relative: Floats, times: Floats) -> tuple[Floats, Floats]:
    """Return the lower end over the ratio itself, and the upper end in counts, for a standard of relative u.

    Ends solve (counts - r)**2 = times**2 (u_counts**2 + r**2 relative**2), r in counts; NaN where the standard is not
    above zero by `times` of its u.
    """
    room = 1.0 - (times * relative) ** 2
    room = np.where(room > 0.0, room, np.nan)
    half = times * np.sqrt(u_counts**2 * room + (counts * relative) ** 2)
    low, high = (counts - half) / room, (counts + half) / room
    return np.divide(low, counts, out=np.zeros_like(counts), where=counts > 0.0), high
