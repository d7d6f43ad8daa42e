"""Curtain removal against stripes, material and edges that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, gaussian_filter1d, median_filter

from imgpipe.kernels import curtains
from imgpipe.kernels.curtains import curtain_damage, curtain_pattern
from imgpipe.phantoms.cross_section import make

STRIPE_RMS = 4.6


def rms(values):
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def stripes(shape, rng):
    """Columns of three widths whose strength changes slowly along y."""
    rows, columns = shape
    total = np.zeros(shape)
    for width in (0.6, 1.2, 3.0):
        column = gaussian_filter1d(rng.standard_normal(columns), width, mode="wrap")
        strength = gaussian_filter(rng.standard_normal((rows // 16, columns // 16)), (25.0, 1.0))
        strength = gaussian_filter1d(np.kron(strength / strength.std(), np.ones((16, 16))), 16, axis=0)
        total += column / column.std() * (1 + 0.5 * strength)
    return total * (STRIPE_RMS / total.std())


def blocky(shape, rng, *, contrast=22.0, blocks=400):
    """Overlapping blocks of 20 to 500 px, as of grains: sharp steps along x and y."""
    image = np.full(shape, 120.0)
    for _ in range(blocks * shape[0] * shape[1] // 2048**2):
        height, width = rng.integers(20, 500, 2)
        y, x = rng.integers(-100, shape)
        image[max(y, 0) : y + height, max(x, 0) : x + width] = np.clip(rng.normal(120, contrast), 10, 245)
    return gaussian_filter(image, 0.8)


def damage_and_residual(material, rng, noise=6.0, **how):
    clean = material + rng.normal(0, noise, material.shape)
    striped = clean + stripes(material.shape, rng)
    return rms(curtain_pattern(clean, **how)), rms(striped - curtain_pattern(striped, **how) - clean)


def test_blocky_material_gets_better_and_is_not_damaged(rng):
    damage, residual = damage_and_residual(blocky((1024, 1024), rng), rng)
    assert damage < 0.86
    assert residual < 2.4


def test_noise_free_blocks_are_left_alone(rng):
    assert rms(curtain_pattern(blocky((1024, 1024), rng))) < 0.01


@pytest.mark.parametrize("noise", [0.0, 2.0, 14.0])
def test_no_noise_level_makes_an_image_worse(rng, noise):
    damage, residual = damage_and_residual(blocky((768, 1024), rng), rng, noise=noise)
    assert residual < 0.65 * STRIPE_RMS
    assert damage < 0.1 * noise + 0.4


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("tilt", [0.0, 1.72, 20.0])
def test_section_without_curtains_loses_noise_only(seed, tilt):
    dataset, _ = make(seed, preset="realistic", shape=(512, 768), curtains=0.0, noise=6.0, tilt=tilt)
    assert rms(curtain_pattern(dataset["image"].values)) < 0.12 * 6.0


@pytest.mark.parametrize("tilt", [0.0, 1.72])
def test_curtains_of_a_section_become_weaker(tilt):
    same = {"preset": "realistic", "shape": (512, 1024), "noise": 6.0, "tilt": tilt}
    striped, _ = make(3, curtains=0.03, **same)
    free, _ = make(3, curtains=0.0, **same)
    truth = striped["image"].values.astype(float) - free["image"].values
    left = truth - curtain_pattern(striped["image"].values)
    smooth = (slice(None), slice(40, -40))
    before, after = (gaussian_filter1d(part, 12, axis=0)[smooth] for part in (truth, left))
    assert rms(after) < 0.75 * rms(before)


def test_edges_stay_where_they_are(rng):
    rows, columns = 400, 600
    edge = 200 + 0.1 * np.arange(columns) - 30 + gaussian_filter1d(rng.standard_normal(columns), 8) * 6
    image = 60 + 100 / (1 + np.exp(-(np.arange(rows)[:, None] - edge) / 1.2)) + rng.normal(0, 4, (rows, columns))
    striped = image + stripes((rows, 608), rng)[:, :columns]
    for picture in (image, striped):
        moved = crossing(picture - curtain_pattern(picture), edge) - crossing(picture, edge)
        assert abs(np.mean(moved)) < 0.02
        assert np.std(moved) < 0.15


def crossing(image, edge):
    """Row of each column's 50 % level, from the area under the curve within 12 px of the edge."""
    found = np.empty(edge.size)
    for x, centre in enumerate(np.rint(edge).astype(int)):
        low, high = image[centre - 40 : centre - 12, x].mean(), image[centre + 13 : centre + 41, x].mean()
        inner = image[centre - 12 : centre + 13, x]
        found[x] = centre + 12.5 - np.sum((inner - low) / (high - low))
    return found


@pytest.mark.parametrize("noise", [3.0, 10.0])
def test_stated_damage_is_the_true_one(rng, noise):
    clean = blocky((1024, 1024), rng) + rng.normal(0, noise, (1024, 1024))
    removed = curtain_pattern(clean)
    assert rms(curtain_damage(clean - removed)) == pytest.approx(rms(removed), rel=0.25)


def test_stated_damage_includes_what_is_left_of_the_stripes(rng):
    clean = blocky((1024, 1024), rng) + rng.normal(0, 6, (1024, 1024))
    striped = clean + stripes((1024, 1024), rng)
    stated = rms(curtain_damage(striped - curtain_pattern(striped)))
    assert 0.9 * rms(curtain_pattern(clean)) < stated < 0.3 * STRIPE_RMS


def test_a_constant_stripe_goes_entirely():
    image = np.full((300, 100), 50.0)
    image[:, 40:45] += 9.0
    assert np.abs(image - curtain_pattern(image) - 50.0).max() < 1e-4


def test_stripes_wider_than_the_setting_stay():
    image = np.full((300, 200), 50.0)
    image[:, 80:120] += 9.0
    assert np.abs(curtain_pattern(image, width=20)).max() == 0
    assert curtain_pattern(image, width=60)[:, 85:115].min() > 8.9


def test_lateral_median_equals_scipy(rng):
    rows = rng.normal(size=(3, 90)).astype(np.float32)
    ours = rows - curtains._lateral_excess(rows, 7)
    np.testing.assert_allclose(ours[:, 7:-7], median_filter(rows, (1, 15))[:, 7:-7], atol=1e-6)
    assert ours[0, 0] == pytest.approx(np.median(rows[0, :8]), abs=1e-6)
    assert ours[0, -1] == pytest.approx(np.median(rows[0, -8:]), abs=1e-6)


@given(values=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_selection_is_the_upper_median(values):
    array = np.array(values, np.float32)
    assert curtains._middle(array.copy()) == np.sort(array)[array.size // 2]


@given(
    rows=st.integers(1, 40), columns=st.integers(1, 40), width=st.integers(1, 50), length=st.integers(1, 500),
    seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_size_works(rows, columns, width, length, seed):
    image = np.random.default_rng(seed).normal(100, 5, (rows, columns))
    pattern = curtain_pattern(image, width=width, length=length)
    assert pattern.shape == image.shape
    assert pattern.dtype == np.float32
    assert np.isfinite(pattern).all()


@given(seed=st.integers(0, 99), dtype=st.sampled_from(["u1", "u2", ">u2", "i4", "u4", "f8", "?"]))
@settings(max_examples=30, deadline=None)
def test_no_integer_wraps_around(seed, dtype):
    kept = np.random.default_rng(seed).integers(0, 256, (64, 48)).astype(dtype)
    np.testing.assert_array_equal(curtain_pattern(kept), curtain_pattern(kept.astype(np.float32)))


def test_grey_scales(rng):
    image = blocky((256, 256), rng, blocks=4000) + rng.normal(0, 5, (256, 256)) + stripes((256, 256), rng)
    np.testing.assert_allclose(curtain_pattern(image * 100), 100 * curtain_pattern(image), rtol=1e-3, atol=0.05)
    np.testing.assert_allclose(curtain_pattern(image + 1000), curtain_pattern(image), atol=2e-3)


def test_pages_are_independent(rng):
    pages = rng.normal(100, 5, (3, 64, 80))
    np.testing.assert_array_equal(curtain_pattern(pages)[1], curtain_pattern(pages[1]))
    assert curtain_pattern(pages[:0]).shape == (0, 64, 80)


def test_a_constant_image_stays():
    assert not curtain_pattern(np.full((40, 50), 7, np.uint8)).any()


def test_strong_stripes_of_a_quiet_image_go(rng):
    clean = blocky((1024, 1024), rng) + rng.normal(0, 1.0, (1024, 1024))
    striped = clean + 3 * stripes((1024, 1024), rng)
    assert rms(striped - curtain_pattern(striped) - clean) < 0.55 * 3 * STRIPE_RMS


@pytest.mark.truth
@pytest.mark.parametrize("seed", range(20))
def test_targets_hold_for_any_material(seed):
    rng = np.random.default_rng(seed)
    damage, residual = damage_and_residual(blocky((2048, 2048), rng), rng)
    assert damage < 0.86
    assert residual < 2.4


@pytest.mark.truth
@pytest.mark.parametrize("seed", range(20))
def test_stated_damage_is_no_understatement(seed):
    same = {"preset": "realistic", "shape": (768, 1024), "noise": 4.0 + seed % 8}
    free = make(seed, curtains=0.0, **same)[0]["image"].values
    striped = make(seed, curtains=0.03, **same)[0]["image"].values
    stated = rms(curtain_damage(striped - curtain_pattern(striped)))
    assert 0.9 * rms(curtain_pattern(free)) < stated < 3 * rms(curtain_pattern(free))
