"""Curtains, grains, charging, redeposit and frost: strength, place and spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.phantoms.face_artefacts import (
    Crystals,
    add_curtains,
    add_frost,
    add_grains,
    add_redeposit,
    charging_field,
    curtain_stripes,
    draw_frost,
)


def test_curtains_have_their_rms_and_a_one_over_f_spectrum() -> None:
    rng = np.random.default_rng(3)
    stripes = np.array([curtain_stripes(rng, 1024, 0.03, 200.0) for _ in range(300)])
    assert stripes.std() == pytest.approx(0.03, rel=0.03)
    window = np.hanning(1024)
    power = (np.abs(np.fft.rfft(stripes * window)) ** 2).mean(axis=0)
    slope = np.polyfit(np.log(np.arange(20, 400)), np.log(power[20:400]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.1)


def test_curtains_grow_below_the_cap() -> None:
    image = np.full((400, 50), 100.0)
    stripes = 0.05 * np.sin(np.arange(50.0))
    add_curtains(image, stripes, np.full(50, 100.0), 30.0)
    np.testing.assert_allclose(image[399] / 100.0, 1 + stripes, atol=1e-5)
    assert np.abs(image[50] - 100.0).max() < 0.3 * np.abs(image[399] - 100.0).max()


def test_charging_is_slow_and_small() -> None:
    field = charging_field(np.random.default_rng(0), (300, 400), 0.02)
    assert np.abs(field - 1.0).max() < 0.15
    assert np.abs(np.diff(field, axis=0)).max() < 0.001


def test_redeposit_covers_the_foot_only() -> None:
    image = np.full((300, 400), 50.0)
    add_redeposit(image, np.random.default_rng(0), 0.5, 200.0)
    np.testing.assert_array_equal(image[:120], 50.0)
    assert 60.0 < image[-5:].mean() < 90.0


def test_grains_change_the_substrate_from_grain_to_grain() -> None:
    image = np.full((300, 600), 100.0)
    add_grains(image, np.random.default_rng(1), np.full(600, 99.5), 0.05, (20.0, 30.0), 0.5)
    np.testing.assert_array_equal(image[:98], 100.0)
    assert image[110:].std() == pytest.approx(5.0, rel=0.25)
    assert image[110:].mean() == pytest.approx(100.0, abs=1.5)
    inside = np.abs(np.diff(image[200])) < 0.2  # within a grain nothing changes
    assert inside.mean() > 0.6


def test_frost_hides_what_its_mask_says() -> None:
    image = np.full((100, 120), 50.0)
    crystals = Crystals(*(np.array([value]) for value in (50.0, 60.0, 8.0, 10.0)))
    hidden = add_frost(image, crystals)
    assert hidden.sum() == pytest.approx(np.pi * 8 * 10, rel=0.45)
    np.testing.assert_array_less(image[hidden].mean(), 160.0)
    np.testing.assert_allclose(image[~hidden], 50.0, atol=8.0)
    assert image[50, 60] > 100.0


def test_number_of_crystals_is_poisson() -> None:
    rng = np.random.default_rng(6)
    counts = [draw_frost(rng, (100, 100), 7.0, 3.0, 0.8).row.size for _ in range(400)]
    assert np.mean(counts) == pytest.approx(7.0, abs=0.5)
    assert np.var(counts) == pytest.approx(7.0, rel=0.25)
