"""Layers below the edge width: bounds that hold, contrast x width, width with a known grey level."""

from __future__ import annotations

import numpy as np
import pytest

from imgpipe.kernels.edge_tracking import track_edges
from imgpipe.kernels.stack_fit import fit_stack
from imgpipe.phantoms.cross_section import make

CASES = {
    "beside a thick layer": {"thickness": (140.0, 5.0), "layers": ("Pt", "Mg", "W", "Cu")},
    "alone": {"thickness": (8.0,), "layers": ("Pt", "Mg", "Cu"), "beam_sigma": 4.0},
}
SIGNS = {4: [-1, 1, -1], 3: [-1, 1]}


def thin_layer_of(seed, **truth):
    dataset, known = make(seed, shape=(256, 512), roughness=1.5, conformality=0.95, tilt=1.7, **truth)
    image = dataset["image"].values
    fit = fit_stack(image, track_edges(image, SIGNS[len(truth["layers"])]).position)
    return fit.thin.get(len(truth["layers"]) - 3), float(known["thickness_px"][-1])


def violations(seeds, **truth):
    bad = 0
    for seed in seeds:
        thin, width = thin_layer_of(seed, **truth)
        bad += thin is None or thin.upper_bound < width
    return bad


@pytest.mark.parametrize("preset", ["symmetric", "realistic"])
@pytest.mark.parametrize("case", CASES)
def test_upper_bound_holds(case, preset):
    assert violations(range(4), preset=preset, **CASES[case]) == 0


@pytest.mark.truth
@pytest.mark.parametrize("preset", ["symmetric", "realistic"])
@pytest.mark.parametrize("case", CASES)
def test_upper_bound_holds_in_95_percent(case, preset):
    assert violations(range(100), preset=preset, **CASES[case]) <= 5


def test_contrast_times_width_is_measured():
    thin, width = thin_layer_of(3, preset="symmetric", **CASES["beside a thick layer"])
    expected = (164.0 - 0.5 * (64.0 + 128.0)) * width
    assert thin.significant
    assert thin.contrast_width == pytest.approx(expected, rel=0.1)
    assert thin.upper_bound < 2.5 * width  # a bound that says something


def test_known_grey_gives_the_width():
    dataset, known = make(3, shape=(256, 512), roughness=1.5, conformality=0.95, **CASES["beside a thick layer"])
    image = dataset["image"].values
    fit = fit_stack(image, track_edges(image, [-1, 1, -1]).position, known_level={1: 164.0})
    width = np.nanmean(fit.position[2] - fit.position[1])
    assert width == pytest.approx(float(known["thickness_px"][-1]), abs=0.25)
