"""The renderer conserves area, and each physical effect does what it is there for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imgpipe.phantoms.cross_section import emission
from imgpipe.phantoms.rough_interfaces import rough_profile
from imgpipe.phantoms.section import Section
from imgpipe.phantoms.sem_signal import Beam, Signal, emitted, render

POINT = Beam(sigma_y=0.0, sigma_x=0.0)
PLAIN = Signal(
    grey=np.array([0.0, 1.0, 0.0]),
    reach=np.zeros(3),
    reach_share=0.0,
    relief=np.zeros((2, 2)),
    relief_width=0.0,
    mixing_share=0.0,
    mixing_depth=0.0,
)


def flat(*rows: float, columns: int = 8) -> np.ndarray:
    return np.repeat(np.array(rows)[:, None], columns, axis=1)


def test_area_of_a_rough_layer_is_exact() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([20.3 + rough_profile(rng, 300, 2.0, 10.0), 40.9 + rough_profile(rng, 300, 2.0, 10.0)])
    image = render(rows, 64, PLAIN, POINT, subrows=4)
    np.testing.assert_allclose(image.sum(axis=0), rows[1] - rows[0], atol=1e-10)


def test_a_blurred_layer_keeps_its_area() -> None:
    image = render(flat(20.3, 40.9), 64, PLAIN, Beam(1.5, 1.5, tail_share=0.2, tail_sigma=4.0), subrows=4)
    np.testing.assert_allclose(image.sum(axis=0), 20.6, rtol=1e-4)


def test_interface_at_a_row_centre_shares_that_row() -> None:
    image = render(flat(5.0, 9.0), 16, PLAIN, POINT, subrows=4)
    np.testing.assert_allclose(image[4:11, 0], [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0], atol=1e-12)


def test_probe_width_is_that_of_the_edge() -> None:
    image = render(flat(100.0, 500.0), 200, PLAIN, Beam(3.0, 0.0), subrows=8)
    spread, rows = np.diff(image[:, 0]), np.arange(199) + 0.5
    mean = (spread * rows).sum()
    assert mean == pytest.approx(100.0, abs=1e-3)
    width = np.sqrt((spread * (rows - mean) ** 2).sum())
    assert width == pytest.approx(np.sqrt(3.0**2 + 2 / 12), rel=1e-3)  # one pixel wide, and one for the difference


def test_light_side_sees_the_heavy_neighbour_farther_than_the_other_way_round() -> None:
    signal = replace(PLAIN, grey=np.array([60.0, 160.0, 160.0]), reach=np.array([12.0, 1.5, 1.5]), reach_share=0.2)
    profile = emitted(flat(99.5, 150.0, columns=1).T, 200, signal, 4)[0].reshape(-1, 4).mean(axis=1)
    light, heavy = profile[:100] - 60.0, 160.0 - profile[100:140]
    assert light.sum() > 5.0 * heavy.sum() > 0.0
    assert np.log(light[90] / light[66]) / 24 == pytest.approx(1 / 12.0, rel=0.02)  # decay length of the light side
    assert light[99] == pytest.approx(0.2 * 0.5 * 100.0 * np.exp(-0.5 / 12.0), rel=0.02)
    assert profile[5] == pytest.approx(60.0, abs=0.02)


def test_ridges_shine_and_their_feet_lie_in_shadow() -> None:
    signal = replace(
        PLAIN, grey=np.array([100.0, 100.0, 100.0]), relief=np.array([[-0.06, 0.1], [0.0, 0.0]]), relief_width=3.0
    )
    image = render(flat(49.5, 90.0), 100, signal, POINT, subrows=8)[:, 0]
    assert image[50] == pytest.approx(110.0, abs=2.0)
    assert image[49] == pytest.approx(94.0, abs=1.5)
    assert image[50:80].sum() - 3000.0 == pytest.approx(0.1 * 100.0 * 3.0, rel=0.02)
    assert image[10] == pytest.approx(100.0)


def test_harder_material_gets_the_ridge() -> None:
    relief = emission(Section(layers=("Pt", "Mg", "W", "Cu"), relief=0.1)).relief
    assert relief.shape == (3, 2)
    assert relief[0, 0] > 0 > relief[0, 1]  # Pt above Mg
    assert relief[1, 0] < 0 < relief[1, 1]  # Mg above W
    assert relief[2, 0] > 0 > relief[2, 1]  # W above Cu


def test_cap_material_mixes_into_the_first_layer_only() -> None:
    signal = replace(PLAIN, grey=np.array([200.0, 50.0, 50.0]), mixing_share=0.3, mixing_depth=4.0)
    image = render(flat(19.5, 29.5), 64, signal, POINT, subrows=8)[:, 0]
    np.testing.assert_allclose(image[:20], 200.0)
    np.testing.assert_allclose(image[30:], 50.0)
    assert image[20] == pytest.approx(50.0 + 0.3 * 150.0 * np.exp(-0.125), rel=0.01)


def test_blocks_of_columns_join_without_a_seam() -> None:
    rows = flat(20.2, 40.7, columns=600)
    image = render(rows, 64, PLAIN, Beam(1.0, 1.0, tail_share=0.1, tail_sigma=3.0), subrows=4)
    np.testing.assert_allclose(image, image[:, :1] * np.ones(600), atol=1e-12)
