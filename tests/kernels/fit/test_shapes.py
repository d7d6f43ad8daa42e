"""Every shape: values against scipy or plain quadrature, derivatives against differences, areas by quadrature."""

from __future__ import annotations

import numpy as np
import plain_fit
import pytest

from imgpipe.kernels.fit import SHAPES, Shape, height_of
from imgpipe.kernels.fit.peaks import product_area, pseudo_voigt_width

X = np.linspace(-7.3, 9.1, 83) + 0.0123  # off the positions, where powers have a kink
CASES = {
    "gaussian": [(0.3, 1.2)],
    "lorentzian": [(0.3, 1.2)],
    "gl_sum": [(0.3, 1.2, 0.3), (-1.0, 0.7, 0.0), (0.0, 2.0, 1.0)],
    "gl_product": [(0.3, 1.2, 0.3), (0.3, 1.2, 1e-5), (0.3, 1.2, 0.0), (0.3, 1.2, 0.97)],
    "voigt": [(0.3, 1.2, 0.4), (0.3, 1.2, 0.0), (0.3, 0.2, 1.5)],
    "doniach": [(0.3, 1.2, 0.1), (0.3, 1.2, 0.0)],
    "la": [(0.3, 1.2, 0.8, 2.0, 0.5), (0.31, 1.2, 1.0, 1.0, 0.0)],
    "lf": [(0.3, 1.2, 0.54, 3.0, 20.0, 0.9)],
    "mahan": [(0.3, 0.55, 0.08, 0.12, 7.0), (0.3, 1.2, 0.0, 0.0, 7.0), (0.3, 0.6, 1.5, 0.05, 3.0)],
    "tail": [(0.3, 1.2, 0.7), (0.3, 1.2, 0.05)],
    "edge_erf": [(0.3, 1.2)],
    "exponential": [(0.4,)],
    "constant": [()],
    "linear": [()],
    "quadratic": [()],
    "edge_two_sided": [(0, 0.7, 0.0, 0.3, 1.4, 0.4), (0, 0.7, -0.4, 0.3, 1.4, 0.4), (0, 0.0, 0.3, 0.3, 1.4, 0.4)],
    "edge_logistic": [(0, 0.9, 0.0, 0.3, 0.5, 0.5), (0, 0.9, 0.0, -8.0, 1.1, 0.5), (0, 0.9, 0.0, 9.5, 0.3, 0.5)],
    "edge_exponential": [(0, 1.6, 0.2, 0.3, 1.4, 0.6), (0, -0.8, 0.2, 0.3, 1.4, 0.6), (0, 0.006, 0.0, 0.3, 1.4, 0.6)],
    "edge_erfc": [(0, 1.6, 0.2, 0.3, 1.4, 0.6), (0, -0.8, 0.2, 0.3, 1.4, 0.6), (0, 0.006, 0.0, 0.3, 1.4, 0.6)],
    "layer_ramp": [(0, 0.0, 0.2, -0.5, 1.7, 1.4, 0.5, 0.9), (0, 0.6, 0.0, -0.5, 1.7, 1.4, 0.8, 0.3)],
}
EACH = [(name, p) for name, sets in CASES.items() for p in sets]


def test_every_shape_has_a_case():
    assert set(CASES) == set(SHAPES)


@pytest.mark.parametrize(("name", "p"), EACH)
def test_value_is_that_of_the_plain_twin(name, p):
    value, _ = SHAPES[name](X, np.array(p))
    exact = plain_fit.SHAPES[name](X, *p)
    bound = {"la": 2e-5, "lf": 2e-5, "mahan": 3e-7, "edge_logistic": 2e-7}.get(
        name, 3e-10
    )  # the blur is a sum over nodes; Weideman's series
    assert np.abs(value - exact).max() < bound * max(1.0, np.abs(exact).max())


@pytest.mark.parametrize(("name", "p"), EACH)
def test_derivatives_are_those_of_differences(name, p):
    _, derivative = SHAPES[name](X, np.array(p))
    for j, step in enumerate(np.full(len(p), 1e-5)):
        up, down = np.array(p), np.array(p)
        at_edge = name in ("gl_product", "voigt", "doniach", "la", "mahan") and p[j] <= 1e-4 and j >= 2
        if at_edge or (name == "gl_sum" and p[j] in (0.0, 1.0) and j == 2):
            continue  # one-sided there: the widths and mixes below 0 are not defined
        up[j], down[j] = p[j] + step, p[j] - step
        slope = (SHAPES[name](X, up)[0] - SHAPES[name](X, down)[0]) / (2 * step)
        assert np.abs(slope - derivative[j]).max() < 2e-7 * max(1.0, np.abs(slope).max()), (j, p)


@pytest.mark.parametrize(("name", "p"), [case for case in EACH if SHAPES[case[0]].unit_area])
def test_peaks_have_unit_area(name, p):
    far = 4000.0
    missing = p[2] if name in ("gl_sum", "gl_product") else 1.0 if name in ("lorentzian", "voigt", "mahan") else 0.0
    lorentz = p[2] if name in ("voigt", "mahan") else p[1]  # a Lorentzian has w / (pi far) of its area beyond
    area = SHAPES[name].window_area(np.array(p), -far, far)
    assert area == pytest.approx(1.0 - missing * lorentz / (np.pi * far) * (name != "gl_product"), abs=1.5e-4)
    assert area <= 1.0 + 1e-7


def test_heights_and_widths_are_those_of_the_formulae():
    assert height_of("gaussian", (1.0, 2.0)) == pytest.approx(1 / (1.0644670194 * 2.0), rel=1e-6)
    assert height_of("gl_sum", (1.0, 2.0, 1.0)) == pytest.approx(2 / (np.pi * 2.0), rel=1e-6)
    x, p = np.linspace(-3, 3, 60001), np.array([0.0, 1.0, 0.5])
    for name in ("gl_sum", "gl_product"):
        value = SHAPES[name](x, p)[0]
        above = x[value > value.max() / 2]
        if name == "gl_sum":  # parts of equal FWHM; the product's is only close to its parameter
            assert np.ptp(above) == pytest.approx(1.0, abs=3e-4)
    value = SHAPES["voigt"](x, p)[0]
    assert np.ptp(x[value > value.max() / 2]) == pytest.approx(pseudo_voigt_width(1.0, 0.5), rel=4e-4)


def test_the_slow_side_of_asymmetric_peaks_is_at_high_energy():
    for name, p in (("doniach", (0.0, 1.0, 0.2)), ("la", (0.0, 1.0, 0.8, 2.0, 0.3)), ("tail", (0.0, 1.0, 1.0))):
        low, high = SHAPES[name](np.array([-4.0, 4.0]), np.array(p))[0]
        assert high > 2 * low


def test_area_of_the_product_joins_its_two_branches():
    left, right = product_area(6.9265e-4), product_area(6.9275e-4)  # the series ends at b = a / 1000
    assert right[0] == pytest.approx(left[0] + 1e-7 * left[1], rel=1e-12)
    assert right[1] == pytest.approx(left[1], rel=1e-3)


def test_a_shape_says_what_its_parameters_are():
    with pytest.raises(ValueError, match="2 parameters but 1 units"):
        Shape("wrong", plain_fit.gaussian, ("position", "fwhm"), ("x",))
