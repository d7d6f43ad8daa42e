"""What the numbers of a layer promise, over many phantoms: coverage of the process mean, width of intervals, bias."""

from __future__ import annotations

import numpy as np
import pytest
from measured_layers import measured

from imgpipe.phantoms.cross_section import draw_shared, make
from imgpipe.steps.scale import calibrate_scale, correct_foreshortening

SMALL = {"shape": (320, 640), "tilt": 1.7}
"""1280 nm: 21 correlation lengths of the interfaces."""
PRESETS = ["symmetric", "realistic"]


def drawn(seeds, preset):
    """Return thickness, low and high less the process mean, (layer, seed); scale and face angle are drawn too."""
    rows = []
    for seed in seeds:
        shared = draw_shared(seed, 0.01, 0.5)
        dataset, truth = make(seed, preset=preset, thickness=(140.0, 60.0), **SMALL, **shared)
        leaf = measured(correct_foreshortening(calibrate_scale(dataset, u=0.01, u_is="standard"), u_face_angle=0.5))
        process = truth["process_thickness"].values
        rows.append([leaf["thickness"] - process, leaf["thickness_low"] - process, leaf["thickness_high"] - process])
    return np.moveaxis(np.array(rows), 0, -1)


@pytest.mark.parametrize("preset", PRESETS)
def test_intervals_cover_the_process_mean_few(preset):
    error, low, high = drawn(range(10), preset)
    assert ((low < 0) & (high > 0)).mean() > 0.8
    assert np.abs(error).max() < 8.0


@pytest.mark.truth
@pytest.mark.timeout(900)
@pytest.mark.parametrize("preset", PRESETS)
def test_intervals_cover_the_process_mean(preset):
    error, low, high = drawn(range(200), preset)
    share = ((low < 0) & (high > 0)).mean(axis=1)
    width = (high - low).mean(axis=1) / (3.92 * np.sqrt((error**2).mean(axis=1)))
    print(preset, "share", share, "width", width)
    band = 3 * np.sqrt(0.95 * 0.05 / 200)
    assert (np.abs(share - 0.95) <= band).all(), share
    assert (width <= 1.25).all(), width


def biased(seeds, preset, w):
    """Return the error against this image's own mean and the edge-model term, (layer, seed)."""
    rows = []
    for seed in seeds:
        dataset, truth = make(seed, preset=preset, thickness=(140.0, w), **SMALL)
        leaf = measured(dataset)
        rows.append([leaf["thickness"].values - truth["realised_thickness"].values, leaf["u_edge_model"].values])
    return np.moveaxis(np.array(rows), 0, -1)


@pytest.mark.parametrize("preset", PRESETS)
def test_bias_is_small_few(preset):
    error, u = biased(range(4), preset, 30.0)
    assert (np.abs(error.mean(axis=1)) <= np.maximum(0.5 * u.mean(axis=1), 0.3)).all()


@pytest.mark.truth
@pytest.mark.timeout(900)
@pytest.mark.parametrize("w", [30.0, 60.0])
@pytest.mark.parametrize("preset", PRESETS)
def test_bias_is_within_half_the_edge_model_term(preset, w):
    error, u = biased(range(40), preset, w)
    doubt = 2 * error.std(axis=1) / np.sqrt(40)
    print(preset, w, "bias", error.mean(axis=1), "doubt", doubt, "half u", 0.5 * u.mean(axis=1))
    assert (np.abs(error.mean(axis=1)) <= 0.5 * u.mean(axis=1) + doubt).all(), (error.mean(axis=1), u.mean(axis=1))
