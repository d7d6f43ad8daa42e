"""What a shape is: one small function that gives values and derivatives on one segment.

The function fills, for the abscissa ``x`` (point,) and its parameters ``p`` (parameter,),

* ``value`` (point,): the shape,
* ``derivative`` (parameter, point): its derivatives with respect to each parameter.

It is compiled with `SIGNATURE` and handed to the engine as a function pointer: a new shape needs no new engine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from imgpipe.kernels.fit.elementary import ALLOCATING, FLAGS, LEAF
from imgpipe.kernels.fit.machine_code import kept

Floats = NDArray[np.float64]
VECTOR = types.Array(types.float64, 1, "C")
MATRIX = types.Array(types.float64, 2, "C")
SIGNATURE = types.void(VECTOR, VECTOR, VECTOR, MATRIX)
POINTER = types.FunctionType(SIGNATURE)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)


@dataclass(frozen=True)
class Shape:
    """A named shape.

    function : ``function(x, p, value, derivative)``, plain Python that numba can compile
    parameters : names of its parameters, in order
    units : of each parameter: "x" (as the abscissa), "1/x" or "1"
    unit_area : the integral over the real line is 1; otherwise the height is about 1 and the area may be infinite
    scratch : the function makes arrays of its own
    """

    name: str
    function: Callable[[Floats, Floats, Floats, Floats], None]
    parameters: tuple[str, ...]
    units: tuple[str, ...]
    unit_area: bool = False
    scratch: bool = False

    def __post_init__(self) -> None:
        """Refuse a shape whose units don't match its parameters."""
        if len(self.units) != len(self.parameters):
            raise ValueError(f"shape {self.name}: {len(self.parameters)} parameters but {len(self.units)} units")

    @functools.cached_property
    def compiled(self) -> Any:
        """The function compiled for the engine; loaded from disk where it can be."""
        options = {**ALLOCATING, "fastmath": FLAGS} if self.scratch else LEAF
        return kept(self.function, SIGNATURE, options)

    def __call__(self, x: Floats, p: Floats) -> tuple[Floats, Floats]:
        """Return value (point,) and derivative (parameter, point) at x, in any order of x.

        Parameters
        ----------
        x : (point,)
        p : (parameter,)
        """
        abscissa = np.ascontiguousarray(x, dtype=np.float64)
        value, derivative = np.zeros(abscissa.size), np.zeros((len(self.parameters), abscissa.size))
        self.compiled(abscissa, np.ascontiguousarray(p, dtype=np.float64), value, derivative)
        return value, derivative

    def height(self, p: Floats) -> float:
        """Return the largest value, on 20001 points over 20 widths about the position (first parameter)."""
        wide = 10.0 * self.width(p)
        return float(self(p[0] + np.linspace(-wide, wide, 20001), p)[0].max())

    def width(self, p: Floats) -> float:
        """Return a scale of the width: the sum of the parameters that are lengths, without the position."""
        total = sum(abs(v) for v, unit in zip(p[1:], self.units[1:], strict=True) if unit == "x")
        return float(total) or 1.0

    def window_area(self, p: Floats, low: float, high: float) -> float:
        """Return the integral from `low` to `high` (Gauss-Legendre, in panels of half a width)."""
        panels = np.linspace(low, high, 1 + max(1, min(64, int(2 * (high - low) / self.width(p)))))
        if low < p[0] < high:
            panels = np.sort(np.append(panels, p[0]))
        half = 0.5 * np.diff(panels)[:, None]
        x = panels[:-1, None] + half * (1.0 + _NODES[::1])
        return float(np.sum(half * _WEIGHTS * self(x.ravel(), p)[0].reshape(x.shape)))
