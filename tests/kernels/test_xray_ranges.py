"""Ranges, overvoltage and detection limits against published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.currie import critical_level, detection_limit
from imgpipe.kernels.xray_ranges import anderson_hasler, kanaya_okayama, overvoltage

MG, CU, W, LI = (24.305, 12, 1.738), (63.546, 29, 8.96), (183.84, 74, 19.25), (6.941, 3, 0.534)


@pytest.mark.parametrize(
    ("keV", "material", "nm"),
    [
        (5, MG, 620), (10, MG, 1980), (15, MG, 3890), (5, CU, 140), (10, CU, 460), (15, CU, 900), (5, W, 84),
        (10, W, 270), (15, W, 530), (5, LI, 1980), (10, LI, 6300), (15, LI, 12400), (2, MG, 135), (2, W, 18),
    ],
)  # fmt: skip
def test_electron_ranges(keV, material, nm):
    assert kanaya_okayama(1000.0 * keV, *material) == pytest.approx(nm, rel=0.03)


@pytest.mark.parametrize(
    ("edge", "density", "nm"),
    [(1305, 1.738, 490), (932, 8.96, 100), (1809, 19.25, 41), (2472, 1.86, 357), (2822, 1.86, 317)],
)
def test_x_ray_ranges_at_five_kilovolts(edge, density, nm):
    assert anderson_hasler(5000.0, edge, density) == pytest.approx(nm, rel=0.015)


def test_x_ray_ranges_of_magnesium_in_an_alloy_rich_in_lithium():
    np.testing.assert_allclose(anderson_hasler([3e3, 5e3, 10e3], 1305.0, 0.62), [490, 1400, 4800], rtol=0.015)


def test_a_beam_below_the_edge_makes_nothing():
    assert anderson_hasler(2000.0, 2472.0, 1.86) == 0.0
    assert overvoltage(2000.0, 1809.0) == pytest.approx(1.105, abs=0.001)


def test_currie_s_numbers():
    assert critical_level(2.0 * 100.0, 0.95) == pytest.approx(1.645 * np.sqrt(200.0), rel=1e-3)
    assert detection_limit(2.0 * 100.0, 0.95) == pytest.approx(2.71 + 3.29 * np.sqrt(200.0), rel=1e-3)


def test_the_detection_limit_keeps_both_promises(rng):
    background, n = 200.0, 200_000
    level, limit = critical_level(2 * background, 0.95), detection_limit(2 * background, 0.95)
    blank = rng.poisson(background, n) - rng.poisson(background, n)
    line = rng.poisson(background + limit, n) - rng.poisson(background, n)
    assert np.mean(blank > level) == pytest.approx(0.05, abs=0.006)
    assert np.mean(line > level) == pytest.approx(0.95, abs=0.006)
