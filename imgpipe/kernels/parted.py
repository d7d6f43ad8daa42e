"""Numbers whose uncertainty is parted in what is random and what is shared with other results (numpy only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parted:
    """Values (..., n) with u and 95 % interval; `detected` is False where the amount is noise: an upper bound then."""

    value: Floats
    u_random: Floats
    u_shared: Floats
    low: Floats
    high: Floats
    detected: NDArray[np.bool_]

    @property
    def u(self) -> Floats:
        """Random and shared part together."""
        return np.asarray(np.hypot(self.u_random, self.u_shared))
