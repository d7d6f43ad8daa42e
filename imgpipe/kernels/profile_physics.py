"""How far from a half an element's counts are where the beam meets an interface, and how uncertain that is.

Between equal media an edge is at half its height at the interface. Otherwise it is seen off by a part of the response,
which is measured in standard deviations on the side it falls on: at the interface the share of the counts is
``Phi(shift)`` or ``Phi(-shift)``. Three causes are known:

* The heavier medium throws electrons back that would have made X-rays in it, and those of the lighter one gain from
  them: all edges move into the heavier medium. The share changes by at most half the difference of the backscatter
  coefficients, and by nothing where electrons come back after they have lost their energy: half of that, give or take
  half (`backscatter_shift`). Elements differ by as much, as their X-rays are made at other energies.
* A detector behind the neighbour gets fewer of the X-rays that pass it; its direction is not known. For uniform
  directions the root mean square of what stands on one side is a half of the full effect.
* An oblique beam pushes X-rays on, by another length in each medium: the mean of both, give or take half their
  difference (`xray_response` is itself good to `U_PUSH`).

What else the response leaves out (a distribution other than normal, other depths) is `SHAPE` for each element.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.segregation_effects import Inside, absorption_loss

Floats = NDArray[np.float64]
STEEPNESS = math.sqrt(math.pi / 2.0)
"""Shift of a normal edge, in standard deviations, per change of the share by one half."""
SHAPE = 0.05
"""Standard uncertainty of a shift in standard deviations: 2 % of the counts at the interface."""
U_PUSH = 0.3
"""Relative u of the push of an oblique beam beside an interface, where the neighbour turns electrons around."""
USUAL_TAKE_OFF = math.radians(35.0)
UNKNOWN_SIDE = 0.5
"""Root mean square, over directions, of the share of the detector that stands behind one neighbour."""


def backscatter_shift(backscatter: Floats) -> Floats:
    """Return mean and standard uncertainty (n, 2) of the shift that all elements share at n interfaces.

    Parameters
    ----------
    backscatter : (n + 1,) coefficients of the layers
    """
    middle = 0.5 * STEEPNESS * np.diff(backscatter)
    return np.stack([middle, np.hypot(np.abs(middle), 0.5 * SHAPE)], axis=1)


def own_shift(
    backscatter: Floats, sigma: Floats, push: Floats, depth: Floats, attenuation: Floats, take_off: float
) -> Floats:
    """Return the standard uncertainty (n, m) of the shift of each element at n interfaces, in standard deviations.

    Parameters
    ----------
    backscatter : (n + 1,)
    sigma, push, depth, attenuation : (n + 1, m); nm, nm, nm, 1/nm
    take_off : angle between face and detector, radians
    """
    n, m = sigma.shape[0] - 1, sigma.shape[1]
    units = push / sigma
    pushed = np.hypot(0.5 * np.diff(units, axis=0), U_PUSH * 0.5 * (units[1:] + units[:-1]))
    scattered = 0.5 * STEEPNESS * np.abs(np.diff(backscatter))[:, None]
    absorbed = np.zeros((n, m))
    for k, e in np.ndindex(n, m):
        for own, other in ((k, k + 1), (k + 1, k)):
            if np.isfinite([sigma[own, e], depth[own, e], attenuation[other, e]]).all():
                loss = _absorption(
                    float(sigma[own, e]), float(depth[own, e]), float(attenuation[own, e]),
                    float(attenuation[other, e]), take_off,
                )  # fmt: skip
                absorbed[k, e] = max(absorbed[k, e], loss)
    return np.asarray(np.sqrt(SHAPE**2 + scattered**2 + pushed**2 + (UNKNOWN_SIDE * absorbed) ** 2))


def _absorption(sigma: float, depth: float, own: float, other: float, take_off: float) -> float:
    """Return the counts lost beside a neighbour in front of the detector, as a length over the response."""
    loss, scale = absorption_loss(Inside(sigma, math.nan, 0.0, 0.0, depth, own, take_off), other)
    return max(loss, 0.0) * scale * math.sqrt(2.0 / math.pi) / sigma
