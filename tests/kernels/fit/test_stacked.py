"""Edges in a stack: one coordinate for all interfaces, so that parts stay positive; derivatives of all parameters."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.fit import SHAPES, stack_shapes
from imgpipe.kernels.fit.mixture import NODES, WEIGHTS

X = np.linspace(-900.0, 1300.0, 221) + 0.123
POSITIONS, RESPONSES = (-120.0, 20.0, 51.0), (330.0, 160.0, 14.0, 35.0)
STACK = stack_shapes(3)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(("name", "width"), [(n, w) for n in STACK for w in (23.0, -40.0) if w > 0 or n in
                                              ("exponential in stack", "erfc in stack")])  # fmt: skip
def test_derivatives_are_those_of_differences(name, width, which):
    if name == "ramp in stack" and which == 2:
        return  # there is no next interface
    p = np.array([which, width, 0.3, *POSITIONS, *RESPONSES])
    _, derivative = STACK[name](X, p)
    for j in range(1, p.size):
        up, down, step = p.copy(), p.copy(), 1e-4
        up[j], down[j] = p[j] + step, p[j] - step
        slope = (STACK[name](X, up)[0] - STACK[name](X, down)[0]) / (2 * step)
        assert np.abs(slope - derivative[j]).max() < 1e-6 * max(1.0, np.abs(slope).max()), j


def test_the_parts_of_a_thin_stack_are_never_negative_and_add_up():
    edges = [STACK["erf in stack"](X, np.array([k, 0.0, 0.2, *POSITIONS, *RESPONSES]))[0] for k in range(3)]
    parts = [1.0 - edges[0], edges[0] - edges[1], edges[1] - edges[2], edges[2]]
    assert min(part.min() for part in parts) > -1e-12
    assert 0.05 < parts[1].max() < 0.9  # 140 nm under a response of 160 nm: seen, never fully


def test_one_interface_of_a_stack_is_the_two_sided_edge():
    alone = SHAPES["edge_two_sided"](X, np.array([0.0, 30.0, 0.2, 10.0, 200.0, 60.0]))[0]
    among = STACK["erf in stack"](X, np.array([1.0, 30.0, 0.2, -500.0, 10.0, 600.0, 200.0, 200.0, 60.0, 60.0]))[0]
    assert np.abs(alone - among).max() < 1e-12


def test_equal_responses_and_no_width_give_the_plain_edge():
    plain = SHAPES["edge_erf"](X, np.array([20.0, 50.0]))[0]
    stack = STACK["erf in stack"](X, np.array([1.0, 30.0, 0.0, *POSITIONS, 40.0, 40.0, 40.0, 40.0]))[0]
    assert np.abs(plain - stack).max() < 1e-12


def test_a_layer_of_no_thickness_is_nothing():
    p = np.array([0.0, 0.0, 0.0, 10.0, 10.0, 200.0, 50.0, 90.0])
    first = stack_shapes(2)["erf in stack"](X, p)[0]
    p[0] = 1.0
    assert np.abs(first - stack_shapes(2)["erf in stack"](X, p)[0]).max() < 1e-12


def test_the_mixture_has_the_moments_of_the_logistic_distribution():
    assert WEIGHTS.sum() == pytest.approx(1.0, rel=1e-12)
    assert np.sum(WEIGHTS * NODES**2) == pytest.approx(1.0, rel=1e-6)
    assert 3.0 * np.sum(WEIGHTS * NODES**4) == pytest.approx(4.2, rel=1e-4)  # kurtosis 3 + 6/5


def test_tails_reach_to_the_side_of_their_sign():
    at = np.array([-300.0, 300.0])
    for name in ("exponential in stack", "erfc in stack"):
        one = stack_shapes(1)[name]
        low, high = (one(at, np.array([0.0, length, 0.0, 0.0, 5.0, 5.0]))[0] for length in (-150.0, 150.0))
        assert low[0] > 0.01
        assert 1.0 - low[1] < 1e-12
        assert 1.0 - high[1] > 0.01
        assert high[0] < 1e-12
