"""The table of shapes by name."""

from __future__ import annotations

import functools
from collections.abc import Callable

from imgpipe.kernels.fit import asymmetric, curves, diffusion, mahan, peaks, stacked, tailed
from imgpipe.kernels.fit.shape import Shape


def _table(*shapes: Shape) -> dict[str, Shape]:
    return {shape.name: shape for shape in shapes}


def in_stack(name: str, function: Callable[..., None], width: str, interfaces: int) -> Shape:
    """Return a shape of a stack of n interfaces: which, width or length, shift, n positions, n + 1 responses."""
    places = [f"position {k}" for k in range(interfaces)] + [f"response {k}" for k in range(interfaces + 1)]
    return Shape(name, function, ("which", width, "shift", *places), ("1", "x", "1", *["x"] * len(places)))


SHAPES = _table(
    Shape("gaussian", peaks.gaussian, ("position", "fwhm"), ("x", "x"), unit_area=True),
    Shape("lorentzian", peaks.lorentzian, ("position", "fwhm"), ("x", "x"), unit_area=True),
    Shape("gl_sum", peaks.gl_sum, ("position", "fwhm", "m"), ("x", "x", "1"), unit_area=True),
    Shape("gl_product", peaks.gl_product, ("position", "fwhm", "m"), ("x", "x", "1"), unit_area=True),
    Shape("voigt", peaks.voigt, ("position", "gauss_fwhm", "lorentz_fwhm"), ("x", "x", "x"), unit_area=True),
    Shape("doniach", asymmetric.doniach, ("position", "fwhm", "asymmetry"), ("x", "x", "1")),
    Shape("la", asymmetric.la, ("position", "fwhm", "a", "b", "m"), ("x", "x", "1", "1", "x")),
    Shape("lf", asymmetric.lf, ("position", "fwhm", "a", "b", "w", "m"), ("x", "x", "1", "1", "x", "x")),
    Shape(
        "mahan",
        mahan.mahan,
        ("position", "gauss_fwhm", "lorentz_fwhm", "asymmetry", "cutoff"),
        ("x", "x", "x", "1", "x"),
        unit_area=True,
        scratch=True,
    ),
    Shape("tail", asymmetric.tail, ("position", "fwhm", "length"), ("x", "x", "x"), unit_area=True),
    Shape("edge_erf", curves.edge_erf, ("position", "sigma"), ("x", "x")),
    Shape("exponential", curves.exponential_decay, ("rate",), ("1/x",)),
    Shape("constant", curves.constant, (), ()),
    Shape("linear", curves.linear, (), ()),
    Shape("quadratic", curves.quadratic, (), ()),
    in_stack("edge_two_sided", stacked.edge_in_stack, "width", 1),
    in_stack("edge_logistic", stacked.logistic_in_stack, "width", 1),
    in_stack("edge_exponential", diffusion.exponential_in_stack, "length", 1),
    in_stack("edge_erfc", diffusion.erfc_in_stack, "length", 1),
    in_stack("layer_ramp", stacked.ramp_in_stack, "width", 2),
)
"""Shapes the engine knows; `Model(shapes=...)` takes further ones."""


@functools.cache
def stack_shapes(interfaces: int) -> dict[str, Shape]:
    """Return the shapes of a stack of n interfaces, for ``Model({**SHAPES, **stack_shapes(n)})``.

    They are called ``erf in stack``, ``logistic in stack``, ``exponential in stack``, ``erfc in stack``, ``ramp in
    stack``, ``tailed erf in stack`` and ``tailed logistic in stack``, and have 2 n + 4 parameters: see
    `imgpipe.kernels.fit.stacked` and, for the tailed ones, `imgpipe.kernels.fit.tailed`.
    """
    return _table(
        in_stack("erf in stack", stacked.edge_in_stack, "width", interfaces),
        in_stack("logistic in stack", stacked.logistic_in_stack, "width", interfaces),
        in_stack("exponential in stack", diffusion.exponential_in_stack, "length", interfaces),
        in_stack("erfc in stack", diffusion.erfc_in_stack, "length", interfaces),
        in_stack("ramp in stack", stacked.ramp_in_stack, "width", interfaces),
        in_stack("tailed erf in stack", tailed.tailed_edge_in_stack, "width", interfaces),
        in_stack("tailed logistic in stack", tailed.tailed_logistic_in_stack, "width", interfaces),
    )


def height_of(shape: str, p: list[float] | tuple[float, ...]) -> float:
    """Return the height of a shape of amplitude 1."""
    import numpy as np

    return SHAPES[shape].height(np.asarray(p, dtype=np.float64))
