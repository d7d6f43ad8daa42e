"""The parts of the forward model of a uniform layer: cusps, losses, ends."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imgpipe.kernels.fit import evaluate
from imgpipe.kernels.layer_ends import ends_of_plateau
from imgpipe.kernels.segregation import Setting, apparent_contrast, fit_contrast, problem_of
from imgpipe.kernels.segregation_effects import (
    Beside,
    Cusp,
    Inside,
    absorption_loss,
    backscatter_coefficient,
    effects,
    free_thickness,
)
from imgpipe.kernels.segregation_scan import claim_of
from imgpipe.kernels.segregation_shapes import layer_shapes

INSIDE = Inside(88.0, 280.0, 0.0, 0.0, 135.0, 8.7e-5, math.radians(35.0))
TUNGSTEN = 4.5e-3
X = np.linspace(-800.0, 3400.0, 211)
PLAIN = Setting((0.0, 3000.0), (90.0, 90.0), (80.0, 88.0, 12.0), (12.0, 13.0, 2.0), 0.0, 0.0, ())


def test_cusp_is_one_at_its_interface_and_dies_off_with_its_scale():
    x = np.linspace(-400.0, 800.0, 12001)
    parameters = np.array([0.0, 2.0, 0.0, 0.0, 1000.0, 80.0, 88.0, 10.0])
    value, _ = layer_shapes()["cusp in stack"](x, parameters)
    tail = math.erfc(1.0 / math.sqrt(2.0))
    assert np.interp([-80.0, 0.0, 176.0], x, value) == pytest.approx([tail, 1.0, tail], abs=1e-3)
    assert value[-1] == pytest.approx(math.erfc(800.0 / 176.0 / math.sqrt(2.0)), rel=1e-3)


@pytest.mark.parametrize(("which", "scale"), [(0.0, 2.3), (1.0, -1.4)])
def test_cusp_derivatives_are_those_of_its_values(which, scale):
    shape = layer_shapes()["cusp in stack"]
    p = np.array([which, scale, 0.0, 3.0, 1011.0, 80.0, 88.0, 30.0])
    x = np.linspace(-400.0, 1400.0, 59)
    _, derivative = shape(x, p)
    for i in range(3, 8):
        step = np.zeros_like(p)
        step[i] = 1e-3
        numeric = (shape(x, p + step)[0] - shape(x, p - step)[0]) / 2e-3
        assert derivative[i] == pytest.approx(numeric, abs=1e-6)


def test_loss_grows_with_the_difference_of_attenuation_and_reaches_as_far_as_the_take_off_lets_it():
    amplitude, scale = absorption_loss(INSIDE, TUNGSTEN)
    assert 0.3 < amplitude < 0.9
    assert absorption_loss(INSIDE, INSIDE.attenuation) == pytest.approx((0.0, scale), abs=scale)
    steep = Inside(88.0, 280.0, 0.0, 0.0, 135.0, 8.7e-5, math.radians(70.0))
    assert absorption_loss(steep, TUNGSTEN)[1] < 0.5 * scale
    assert absorption_loss(INSIDE, TUNGSTEN, push=80.0)[0] > amplitude


def test_loss_at_the_interface_is_the_mean_absorption_on_the_way_out():
    """At d = 0 the whole way leads through the neighbour: 1 - <exp(-dmu z / sin t)> over gamma-distributed depths."""
    amplitude, scale = absorption_loss(INSIDE, TUNGSTEN)
    per_depth = (TUNGSTEN - INSIDE.attenuation) / math.sin(INSIDE.take_off)
    exact = 1.0 - (1.0 + per_depth * INSIDE.depth / 2.5) ** -2.5
    assert amplitude == pytest.approx(exact, abs=0.12)
    assert 0.3 < scale / (INSIDE.depth / math.tan(INSIDE.take_off)) < 2.0


def test_backscatter_coefficients_are_the_known_ones():
    """At normal incidence: Mg 0.14, Cu 0.31, W 0.48 (Reuter's fit)."""
    found = [backscatter_coefficient([z], [1.0]) for z in (12, 29, 74)]
    assert found == pytest.approx([0.14, 0.31, 0.48], abs=0.02)


def test_effects_of_a_detector_across_hold_no_absorption_and_those_of_an_unknown_side_hold_both():
    across = effects(INSIDE, (Beside(80.0, 0.0, 2e-4, 0.0, 0.0), Beside(12.0, 0.34, TUNGSTEN, 0.0, 0.0)))
    assert not [c for c in across if c.cause.startswith("absorption")]
    unknown = effects(INSIDE, (Beside(80.0, 0.0, TUNGSTEN), Beside(12.0, 0.34, TUNGSTEN)))
    assert {c.interface for c in unknown if c.cause.startswith("absorption")} == {0, 1}
    assert max(c.sd for c in across if c.interface == 1) > 0.34


def test_free_thickness_counts_the_reach_of_both_interfaces():
    absorbing = Cusp(1, 3.0, -0.6, 0.2, "absorption in the neighbour")
    assert free_thickness(1000.0, INSIDE, []) == pytest.approx(440.0)
    assert free_thickness(1000.0, INSIDE, [absorbing]) == pytest.approx(1000.0 - 280.0 - 2.576 * 3.0 * 88.0)


def test_apparent_contrast_of_a_straight_line():
    inside = np.clip(X / 3000.0, 0.0, 1.0)
    assert apparent_contrast(X, 100.0 * (1.0 - 0.2 * inside), (0.0, 3000.0)) == pytest.approx(-0.2 / 0.9)


def test_an_exact_gradient_comes_back_without_noise():
    problem, start = problem_of(X, PLAIN)
    q = start.copy()
    q[problem.free_names.index("gradient")] = -0.2 / 0.9
    y = evaluate(problem, q, [1000.0, 10.0, 5.0])[0][0]
    found = fit_contrast(X, y, PLAIN)
    assert found.contrast[0] == pytest.approx(-0.2 / 0.9, abs=0.01)
    assert found.low[0] < -0.2 / 0.9 < found.high[0]


def test_ends_are_where_the_plateau_is_crossed_half_way():
    y = 100.0 / (1.0 + np.exp(-(X - 40.0) / 60.0)) / (1.0 + np.exp((X - 2900.0) / 20.0))
    assert ends_of_plateau(X, y) == pytest.approx((40.0, 2900.0), abs=25.0)


@pytest.mark.parametrize("y", [np.zeros(211), np.full(211, 5.0), np.full(211, np.nan), X])
def test_profiles_without_a_plateau_between_two_edges_have_no_ends(y):
    assert ends_of_plateau(X, np.asarray(y)) is None


@pytest.mark.parametrize(
    ("numbers", "claim"),
    [
        ((-20.0, -26.0, -14.0), "depleted towards W: 20 % [14, 26]"),
        ((25.0, 11.1, 42.9), "depleted towards SE: 25 % [11, 43]"),
        ((-3.0, -9.0, 3.0), "none beyond physics"),
    ],
)
def test_claims_name_the_poorer_side(numbers, claim):
    assert claim_of(*numbers, ("SE", "Mg", "W")) == claim
