"""Tracked edges: tilt, sign of the contrast, lost and missing edges, and the real slice pair."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from imgpipe.kernels.edge_tracking import track_edges
from imgpipe.kernels.edited_edges import anchored_course, follow_anchored
from imgpipe.kernels.material_contrast import expected_polarity, mean_atomic_number
from imgpipe.kernels.shear import dominant_slope, sheared_strips
from imgpipe.phantoms.cross_section import make

SMALL = {"shape": (320, 512), "thickness": (160.0, 80.0), "correlation_length": 200.0, "hurst": 0.9}


def image_of(seed=1, **truth):
    dataset, known = make(seed, **(SMALL | truth))
    return dataset["image"].values, known["interface_position_px"].values


@pytest.mark.parametrize("tilt", [0.0, 1.72, -8.0, 20.0, 30.0, -30.0])
def test_edges_are_followed_at_any_tilt(tilt):
    image, truth = image_of(tilt=tilt, shape=(560, 512))
    found = track_edges(image, [-1, 1, -1])
    assert found.slope == pytest.approx(np.tan(np.radians(tilt)), abs=0.02)
    np.testing.assert_array_equal(found.polarity, [-1, 1, -1])
    error = found.position - truth
    assert np.isfinite(error).mean() > 0.99
    assert np.abs(np.nanmean(error, axis=1)).max() < 0.1
    assert np.nanstd(error, axis=1).max() < 0.5


def test_number_of_edges_is_found_without_names():
    image, truth = image_of()
    found = track_edges(image)
    assert found.position.shape == truth.shape
    np.testing.assert_array_equal(found.polarity, [-1, 1, -1])


def test_realistic_images_are_followed():
    image, truth = image_of(preset="realistic", tilt=3.0)
    error = track_edges(image, [-1, 1, -1]).position - truth
    assert (np.abs(error) < 2.0).mean() > 0.97


def test_an_edge_that_is_not_there_is_not_invented():
    image, truth = image_of(layers=("Pt", "Mg", "Cu"), thickness=(160.0,))
    found = track_edges(image, [-1, 1, -1])
    np.testing.assert_array_equal(found.polarity, [-1, 1, 0])
    assert np.isnan(found.position[2]).all()
    assert np.nanmean(found.position[1] - truth[1]) == pytest.approx(0.0, abs=0.1)


def test_noise_has_no_edges(rng):
    image = rng.normal(100, 10, (256, 256)).astype(np.float32)
    assert track_edges(image).position.shape[0] == 0
    assert np.isnan(track_edges(image, [1, -1]).position).all()


def test_edge_is_lost_where_the_layer_ends():
    image, truth = image_of(noise=6.0)
    hole = image.copy()
    between = np.arange(image.shape[0])[:, None] > truth[0, 200:300]
    hole[:, 200:300] = np.where(between, 128, 182)  # cap on substrate, no layers
    found = track_edges(hole, [-1, 1, -1])
    assert np.isnan(found.position[1, 215:285]).mean() > 0.9
    assert np.isfinite(found.position[1, :180]).all()


def test_inverted_contrast_keeps_the_order_of_names():
    image, truth = image_of()
    found = track_edges(255 - image, [-1, 1, -1])
    np.testing.assert_array_equal(found.polarity, [1, -1, 1])
    assert np.abs(np.nanmean(found.position - truth, axis=1)).max() < 0.1


def test_strips_average_along_the_slope():
    y, x = np.mgrid[0:80, 0:64]
    image = np.clip(y - 0.5 * x, 0, 60)
    profiles, centres = sheared_strips(image, 0.5, 16)
    np.testing.assert_allclose(centres, [7.5, 23.5, 39.5, 55.5])
    middle = np.arange(80) - 0.5 * centres[1]
    np.testing.assert_allclose(profiles[1, 20:60], np.clip(middle, 0, 60)[20:60], atol=0.3)
    assert dominant_slope(np.where(y - 0.3 * x > 30, 200, 50).astype(np.uint8)) == pytest.approx(0.3, abs=0.03)


def test_contrast_is_expected_from_atomic_number():
    assert expected_polarity("Pt", "Mg") == -1
    assert expected_polarity("Mg", "W") == 1
    assert expected_polarity("Pt", "layer_1") == 0
    assert mean_atomic_number("Li6PS5Cl") == pytest.approx(14.6, abs=0.8)
    assert mean_atomic_number("vacuum") == 0.0
    assert mean_atomic_number("my film") is None


def test_anchors_pull_an_edge_to_its_true_place():
    image, truth = image_of()
    wrong = truth[1] + 40.0
    anchors = np.array([100.0, 400.0])
    course = anchored_course(wrong, anchors, np.interp(anchors, np.arange(512), truth[1]), 0.0)
    np.testing.assert_allclose(course, truth[1], atol=1e-9)
    position, _, polarity = follow_anchored(image, course + 2.0, 0, sigma=3.0, lateral=2.0)
    assert polarity == 1
    assert np.mean(position - truth[1]) == pytest.approx(0.0, abs=0.1)


def test_real_cap_edge(real_data):
    with tifffile.TiffFile(real_data / "fibsem/rosettasciio/tiff/ZEISS_SEM_multipage.tif") as file:
        frames = [page.asarray()[:, 480:1320] for page in file.pages[:2]]
    for frame, expected in zip(frames, (404.70, 413.88), strict=True):
        found = track_edges(frame, [0])
        assert np.nanmean(found.position) == pytest.approx(expected, abs=1.0)
        assert np.isfinite(found.position).mean() > 0.98
