"""What constants that were held in a fit may do to its answer, given what the data themselves say about them.

A constant c with standard uncertainty u was held at its value; the fit was repeated with c moved up and down by u. With
t = (c - value) / u, half the difference between the two refits is the change of the standardised residuals, d, and of
the answer, e, per unit of t. Near the fit chi-square is |r - D t|^2, the prior of t is standard normal, so that

    V = (D'D + 1)^-1,  m = V D'r

are the variance and the mean of t when both are heard. The answer was computed at t = 0; its mean square departure is
e V e' + (e m)^2: a constant that the data confirm adds little, one that the data contradict adds its whole effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Constants:
    """Constants as the data see them.

    Attributes
    ----------
    mean : (b, k), in units of their u
    variance : (b, k, k)
    """

    mean: np.ndarray
    variance: np.ndarray

    def u_of(self, effects: np.ndarray) -> np.ndarray:
        """Return the root mean square departure (b, c) of answers that change by `effects` (b, k, c) per u."""
        spread = np.einsum("bkc,bkl,blc->bc", effects, self.variance, effects)
        bias = np.einsum("bkc,bk->bc", effects, self.mean)
        return np.sqrt(np.clip(spread, 0.0, None) + bias**2)


def heard(residual: np.ndarray, change: np.ndarray, reduced: np.ndarray) -> Constants:
    """Return mean and variance of constants, prior and data together.

    Parameters
    ----------
    residual : (b, n) standardised residuals of the fit, priors of its parameters included
    change : (b, k, n) of each constant, how much the residuals shrink per u
    reduced : (b,) reduced chi-square; above 1 the data count for that much less
    """
    scale = 1.0 / np.maximum(reduced, 1.0)
    count = change.shape[1]
    curvature = np.einsum("bkn,bln->bkl", change, change) * scale[:, None, None] + np.eye(count)
    pull = np.einsum("bkn,bn->bk", change, residual) * scale[:, None]
    variance = np.linalg.inv(curvature)
    return Constants(np.einsum("bkl,bl->bk", variance, pull), variance)
