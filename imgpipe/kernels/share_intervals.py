"""Shares of a total, in percent, from amplitudes and their covariance, with intervals that hold near zero too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TWO_SIDED = 1.959963984540054
"""Standard normal quantile of a 95 % interval."""
ONE_SIDED = 1.6448536269514722
"""The same for a one-sided 95 % bound."""
NONE_SEEN = 2.995732273553991
"""Expected counts of which none at all is seen in 5 % of the cases: ln 20."""


@dataclass(frozen=True)
class Shares:
    """Shares of batched fits.

    Attributes
    ----------
    percent : (b, c); NaN where a component is in no denominator, or the total is zero
    covariance : (b, c, c) percent**2
    """

    percent: np.ndarray
    covariance: np.ndarray

    @property
    def u(self) -> np.ndarray:
        """Return the standard uncertainty (b, c), percent."""
        return np.asarray(np.sqrt(np.clip(np.einsum("bii->bi", self.covariance), 0.0, None)))


def shares(area: np.ndarray, covariance: np.ndarray, members: np.ndarray) -> Shares:
    """Return each area in percent of its total, linear propagation (GUM 5.2).

    Parameters
    ----------
    area : (b, c)
    covariance : (b, c, c)
    members : (c, c) bool; row i names the components that make the total of component i; an empty row gives NaN
    """
    percent, slope = share_slopes(area, members)
    spread = np.einsum("bij,bjk,blk->bil", slope, covariance, slope)
    return Shares(percent, spread)


def share_slopes(area: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shares (b, c) in percent and their derivatives (b, c, c) with respect to the areas."""
    weights = members.astype(np.float64)
    total = area @ weights.T
    total = np.where(total > 0, total, np.nan)
    percent = np.where(weights.any(axis=1), 100.0 * area / total, np.nan)
    slope = (100.0 * np.eye(area.shape[1]) - percent[..., None] * weights) / total[..., None]
    return percent, slope


def share_interval(
    percent: np.ndarray, u: np.ndarray, one_sided: np.ndarray, one_count: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the 95 % interval, within 0 and 100 percent.

    The estimate of an area is close to normal also where it is small (the logit of a share is not), so the interval
    is symmetric and cut off at 0 and 100. A component that sits at zero has a bound instead: 0 up to the one-sided
    quantile.

    Of counts, the variance at the upper end is larger than that of the estimate by the counts that lie between: with
    that variance (the score, E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209) the upper end is as far as the root of
    (z u)^2 + a^2, plus a, a being z^2 / 2 counts. Without it, u is near zero where no counts are seen at all. There
    the exact bound is ln 20 = 3.0 counts (the rule of three), so for a bound a is half of that. From some hundred
    counts on, a is not seen.

    Parameters
    ----------
    percent, u : any shape
    one_sided : the same shape: the component sits at zero
    one_count : the same shape: by how much one count more raises the share, percent; 0 where noise is not of counts
    """
    low = np.where(one_sided, 0.0, percent - TWO_SIDED * u)
    reach = np.where(one_sided, ONE_SIDED, TWO_SIDED) * u
    more = np.where(one_sided, 0.5 * NONE_SEEN, 0.5 * TWO_SIDED**2) * one_count
    high = percent + more + np.hypot(reach, more)
    return np.clip(low, 0.0, 100.0), np.clip(high, 0.0, 100.0)


def probability_greater(difference: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return the probability that a difference is above zero, for a normal distribution; 0.5 where nothing is known."""
    from scipy.special import ndtr

    ratio = np.divide(difference, u, out=np.zeros_like(difference), where=u > 0)
    return np.asarray(ndtr(np.where(u > 0, ratio, np.sign(difference) * 40.0)))
