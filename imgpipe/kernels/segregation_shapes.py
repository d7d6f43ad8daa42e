"""Shapes of what physics does to a line beside an interface, in the coordinate of the response of a stack.

Electrons scattered back by a heavy neighbour, electrons lost to it, X-rays absorbed on their way through it: each is a
cusp at the interface that has died off within its own reach. See `imgpipe.kernels.fit.stacked` for the coordinate.
"""

from __future__ import annotations

import functools

from imgpipe.kernels.fit import SHAPES, Shape
from imgpipe.kernels.fit.shapes import in_stack, stack_shapes
from imgpipe.kernels.fit.stacked import LEADING, fill_distance, normal_density, normal_distribution


def cusp_in_stack(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Cusp ``2 Phi(-|u|)``: 1 at interface `which`, falling to both sides.

    u is the distance in units of the response, divided by |p[1]| on one side: above the interface where p[1] > 0, below
    it where p[1] < 0. p[2] is not used. Only the derivatives by positions and responses are filled: hold the others.
    """
    fill_distance(x, p, value, derivative)
    scale = abs(p[1])
    inner = 1.0 if p[1] > 0.0 else -1.0
    for i in range(x.size):
        d = value[i]
        narrow = 1.0 / scale if d * inner > 0.0 else 1.0
        u = abs(d) * narrow
        density = normal_density(u)
        value[i] = 2.0 * (1.0 - normal_distribution(u, density))
        slope = -2.0 * density * narrow * (1.0 if d > 0.0 else -1.0)
        for j in range(LEADING, p.size):
            derivative[j, i] *= slope


@functools.cache
def layer_shapes() -> dict[str, Shape]:
    """Return the engine's shapes, those of a stack of two interfaces, and "cusp in stack" of the same stack."""
    cusp = in_stack("cusp in stack", cusp_in_stack, "scale", 2)
    return {**SHAPES, **stack_shapes(2), cusp.name: cusp}
