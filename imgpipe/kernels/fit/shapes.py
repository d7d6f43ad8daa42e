"""The table of shapes by name."""

from __future__ import annotations

from imgpipe.kernels.fit import asymmetric, curves, mahan, peaks
from imgpipe.kernels.fit.shape import Shape


def _table(*shapes: Shape) -> dict[str, Shape]:
    return {shape.name: shape for shape in shapes}


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
)
"""Shapes the engine knows; `Model(shapes=...)` takes further ones."""


def height_of(shape: str, p: list[float] | tuple[float, ...]) -> float:
    """Return the height of a shape of amplitude 1."""
    import numpy as np

    return SHAPES[shape].height(np.asarray(p, dtype=np.float64))
