"""What positions are off by beside what is fitted: shifts by physics, transitions under unequal responses, sampling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

from imgpipe.kernels.fit.tailed import PARTS, SHARES
from imgpipe.kernels.profile_model import Response
from imgpipe.kernels.profile_offsets import U_OFFSET, blur_offset, misplacement, offsets, sampling
from imgpipe.kernels.profile_physics import SHAPE, backscatter_shift, own_shift

WIDE, NARROW = 90.0, 15.0


def response(below=WIDE, above=NARROW, u=0.15):
    sigma = np.array([[below], [above]])
    return Response(sigma, np.zeros((2, 1)), np.full((2, 1), u))


def test_the_tailed_response_has_unit_variance_and_99_percent_within_3_2_sigma():
    assert SHARES.sum() == pytest.approx(1.0)
    variance, fourth = float(SHARES @ PARTS**2), float(SHARES @ PARTS**4)
    assert variance == pytest.approx(1.0)
    assert 3.0 * (fourth - 1.0) == pytest.approx(2.4)
    reach = brentq(lambda d: SHARES @ (2.0 * ndtr(d / PARTS) - 1.0) - 0.99, 1.0, 6.0)
    assert reach == pytest.approx(3.2, abs=0.05)


@pytest.mark.parametrize(("width", "within"), [(1.0, 0.05), (3.0, 0.1), (10.0, U_OFFSET)])
def test_a_narrow_transition_moves_an_edge_as_the_kink_says(width, within):
    x = np.linspace(-600.0, 600.0, 48001)
    edge = np.where(x < 0.0, ndtr(x / WIDE), ndtr(x / NARROW))
    off = np.linspace(-5.0, 5.0, 201)
    weight = np.exp(-0.5 * off**2) / np.exp(-0.5 * off**2).sum()
    above_half = weight @ np.interp(-width * off, x, edge) - 0.5
    slope = 0.5 * (1.0 / WIDE + 1.0 / NARROW) / np.sqrt(2.0 * np.pi)
    correction = blur_offset(response(), np.array([[width]]))[0, 0, 0]
    assert correction > 0.0  # seen towards the wider response, put back
    assert correction == pytest.approx(above_half / slope, rel=within)


def test_corrections_vanish_between_equal_responses_and_are_bounded():
    assert blur_offset(response(50.0, 50.0), np.array([[30.0]]))[0, 0, 0] == 0.0
    assert blur_offset(response(), np.array([[1e6]]))[0, 0, 0] == pytest.approx(
        (WIDE - NARROW) / np.sqrt(2 * np.pi), rel=1e-3
    )
    assert blur_offset(response(NARROW, WIDE), np.array([[20.0]])) == -blur_offset(response(), np.array([[20.0]]))
    assert offsets(None, np.ones((1, 1), bool), np.ones((2, 1)), np.ones((2, 1)), 1.0)[1].max() == 0.0


def test_uncertainties_scale_with_the_response_and_the_step():
    one, two = (offsets(response(k * WIDE, k * NARROW), np.ones((1, 1), bool), k * np.ones((1, 1)),
                        k * np.full((1, 1), 9.0), k * 30.0) for k in (1.0, 3.0))  # fmt: skip
    assert two[0] == pytest.approx(3.0 * one[0])
    assert two[1] == pytest.approx(3.0 * one[1])
    assert misplacement(response())[0, 0] == pytest.approx(0.5 * 0.15 * (WIDE - NARROW))
    assert sampling(response(5.0, 0.1), 100.0)[0, 0] == pytest.approx(100.0 / np.sqrt(12.0), rel=1e-4)
    assert sampling(response(), 20.0)[0, 0] < 0.01


def test_edges_move_into_the_medium_that_throws_electrons_back():
    mean, u = backscatter_shift(np.array([0.14, 0.48, 0.30])).T
    assert mean[0] > 0.0 > mean[1]
    assert (u >= np.abs(mean)).all()  # nothing at all is one standard uncertainty away
    assert ndtr(mean[0]) == pytest.approx(0.5 + 0.25 * 0.34, abs=0.005)


def test_each_element_has_shape_backscatter_push_and_absorption():
    flat, sigma = np.zeros((2, 1)), np.full((2, 1), 90.0)

    def of(back=(0.1, 0.1), push=flat, attenuation=flat):
        return own_shift(np.array(back), sigma, push, flat + 100.0, attenuation, np.radians(35.0))[0, 0]

    assert of() == pytest.approx(SHAPE)
    assert of(back=(0.1, 0.5)) > 0.2
    assert of(push=np.array([[60.0], [5.0]])) > 0.3
    one, two = (of(attenuation=np.array([[0.0], [a]])) for a in (0.002, 0.006))
    assert SHAPE < one < two < 1.0
