"""Sulfide beyond that of the lattice: what is left of the S2- signal when the part that belongs to PS4 is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from imgpipe.kernels.share_intervals import TWO_SIDED

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ratio:
    """Lattice S2- over sulfur of PS4 (1 : 4 in Li6PS5Cl), with its u."""

    value: float
    u: float


@dataclass(frozen=True)
class Excess:
    """Excess sulfide in the unit of the shares, with u, 95 % interval and the probability that it is above zero."""

    value: Floats
    u: Floats
    low: Floats
    high: Floats
    probability: Floats


def shared_covariance(u_sulfide: Floats, u_thiophosphate: Floats) -> Floats:
    """Return the covariance of the shares of S2- and PS4 when the fit does not tell it.

    S2- overlaps with PS4 only, so that what it gains PS4 loses: the covariance is -u(S2-)^2, at most as strong as a
    correlation of -1.
    """
    return np.asarray(-u_sulfide * np.minimum(u_sulfide, u_thiophosphate))


def beyond_lattice(
    sulfide: Floats, u_sulfide: Floats, thiophosphate: Floats, u_thiophosphate: Floats, ratio: Ratio
) -> Excess:
    """Return ``S2- - ratio x PS4`` with its 95 % interval; negative values are not cut off.

    Parameters
    ----------
    sulfide, u_sulfide : share of all S2- in the sulfur, and u
    thiophosphate, u_thiophosphate : share of PS4 in the sulfur, and u
    ratio : of the pristine solid
    """
    covariance = shared_covariance(u_sulfide, u_thiophosphate)
    variance = u_sulfide**2 + ratio.value**2 * u_thiophosphate**2 - 2.0 * ratio.value * covariance
    u = np.sqrt(variance + (thiophosphate * ratio.u) ** 2)
    value = np.asarray(sulfide - ratio.value * thiophosphate)
    safe = np.where(u > 0, u, np.nan)
    return Excess(value, u, value - TWO_SIDED * u, value + TWO_SIDED * u, np.asarray(ndtr(value / safe)))


def measured_ratio(sulfide: Floats, u_sulfide: Floats, thiophosphate: Floats, u_thiophosphate: Floats) -> Ratio:
    """Return the ratio of a pristine reference: mean over its spectra (b,), u of that mean.

    Raises
    ------
    ValueError
        when no spectrum shows PS4.
    """
    known = np.isfinite(sulfide) & np.isfinite(thiophosphate) & (thiophosphate > 0)
    if not known.any():
        raise ValueError("no spectrum of the reference shows PS4")
    s, us, p, up = (part[known] for part in (sulfide, u_sulfide, thiophosphate, u_thiophosphate))
    values = s / p
    variance = (us**2 + values**2 * up**2 - 2.0 * values * shared_covariance(us, up)) / p**2
    return Ratio(float(values.mean()), float(np.sqrt(variance.mean())))
