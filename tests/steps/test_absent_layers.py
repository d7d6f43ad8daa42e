"""A name without a layer: flagged, not invented, and its neighbours keep or lose their number honestly."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from measured_layers import measured

from imgpipe.model import axis, quantity
from imgpipe.phantoms.cross_section import make
from imgpipe.steps.layers import fit_edges, trace_edges

SMALL = {"shape": (320, 640), "tilt": 1.2, "frost": 2.5, "frost_radius": 12.0}


def phantom(layers, thickness, seed=30, **truth):
    return make(seed, preset="realistic", **SMALL, layers=layers, thickness=thickness, **truth)


@pytest.fixture(scope="module")
def bilayer():
    return phantom(("Pt", "Mg", "W", "Cu"), (140.0, 30.0))


@pytest.fixture(scope="module")
def film():
    return phantom(("Pt", "Mg", "Cu"), (160.0,), seed=12)


def flags(leaf):
    return [str(flag).replace("nominal scale", "").strip("; ") for flag in leaf["flag"].values]


def numbers(leaf):
    return np.isfinite(leaf["thickness"].values).tolist()


def test_a_layer_that_could_have_two_edges_is_not_named(bilayer):
    dataset, truth = bilayer
    leaf = measured(dataset, ["Pt", "Au", "Mg", "W", "Cu"])
    assert flags(leaf) == ["missing", "ambiguous", ""]
    assert numbers(leaf) == [False, False, True]
    assert np.isnan(leaf["local_thickness"].values[:2]).all()
    assert np.isnan(leaf["thickness_high"].values[:2]).all()
    assert leaf["traced_certain"].values.tolist() == [0.0, 0.0, 1.0, 1.0]
    own = measured(dataset)
    np.testing.assert_allclose(leaf["thickness"].values[2], own["thickness"].values[1], rtol=1e-2)
    np.testing.assert_allclose(own["thickness"], truth["realised_thickness"], atol=2.0)


def test_the_expected_contrast_does_not_help_where_it_fits_twice(film):
    leaf = measured(film[0], ["Pt", "Ti", "Mg", "Cu"])
    assert flags(leaf) == ["missing", "ambiguous"]
    assert numbers(leaf) == [False, False]


def test_the_expected_contrast_keeps_the_neighbour(film):
    dataset, truth = film
    leaf = measured(dataset, ["Pt", "Mg", "W", "Cu"])
    assert flags(leaf) == ["", "missing"]
    np.testing.assert_allclose(leaf["thickness"][0], truth["realised_thickness"][0], atol=2.0)
    assert np.isnan(leaf["thickness_high"].values[1])


def test_unknown_names_are_all_open(film):
    assert flags(measured(film[0], ["Pt", "film", "dirt", "Cu"])) == ["ambiguous", "ambiguous"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("background", [{"grains": 0.15, "grain_size": 800.0}, {"curtains": 0.1}, {"frost": 20.0}])
def test_grains_curtains_and_frost_are_no_layers(seed, background):
    truth = SMALL | {"layers": ("Pt", "Mg", "Cu"), "thickness": (160.0,)} | background
    leaf = measured(make(seed, preset="realistic", **truth)[0], ["Pt", "Mg", "Cu", "film", "Si"])
    assert not np.isfinite(leaf["thickness"].values[1:]).any()
    assert all("missing" in flag or "ambiguous" in flag for flag in leaf["flag"].values[1:])


def test_an_edge_put_by_hand_settles_the_names(film):
    dataset, truth = film
    edge = truth["interface_position"].values
    at = np.array([200.0, 1000.0])
    rows = np.interp(at, truth["x"], edge[0])
    edits = {
        "edited_interface": quantity(np.array(["Ti|Mg", "Ti|Mg"], dtype=object), "", "interface", "edit"),
        "edited_x": quantity(at, "nm", "x", "edit"),
        "edited_y": quantity(rows, "nm", "y", "edit"),
    }
    leaf = measured(dataset.assign(edits), ["Pt", "Ti", "Mg", "Cu"])
    assert "ambiguous" not in leaf["flag"].values[1]
    np.testing.assert_allclose(leaf["thickness"][1], truth["realised_thickness"][0], atol=3.0)


def one_edge():
    rows = np.arange(128)[:, None] + 0.02 * np.arange(256)[None, :]
    noise = np.random.default_rng(1).normal(0.0, 4.0, (128, 256))
    grey = np.round(np.where(rows > 60.3, 150.0, 60.0) + noise).astype(np.uint8)
    coords = {"y": axis("y", 128, 2.0, "nm"), "x": axis("x", 256, 2.0, "nm")}
    return quantity(grey, "counts", "signal", "y x", coords, bits=8).to_dataset(name="image")


def test_one_edge_without_names_is_no_layer():
    leaf = measured(one_edge(), None)
    assert leaf.sizes["interface"] == 1
    assert leaf.sizes["layer"] == 0
    assert leaf["interface"].values.tolist() == ["cap|substrate"]
    assert float(leaf["interface_covered_fraction"][0]) > 0.95


def test_a_notch_beside_the_edge_is_not_the_layer(real_data):
    with tifffile.TiffFile(real_data / "fibsem/rosettasciio/tiff/ZEISS_SEM_multipage.tif") as file:
        frames = np.stack([page.asarray()[:, 480:1320] for page in file.pages[:2]])
    coords = {"z": axis("z", 2, 20.0, "nm"), "y": axis("y", 1536, 12.326, "nm"), "x": axis("x", 840, 12.326, "nm")}
    dataset = quantity(frames, "counts", "signal", "z y x", coords, bits=8).to_dataset(name="image")
    leaf = measured(dataset, ["vacuum", "cap", "face"])
    away = np.abs(leaf["interface_position"] - leaf["traced_position"]).median("x") / 12.326
    assert (away < 2.5).all()
    two = measured(dataset, ["cap", "face"])
    np.testing.assert_allclose(two["interface_position"].median("x").values.ravel() / 12.326, [404.70, 413.88], atol=1)


def test_a_fit_that_turns_the_contrast_is_lost(film):
    """The traced signs are turned by hand: no column of the fit agrees any more."""
    image = film[0]["image"]
    traced = trace_edges(image, layers=["Pt", "Mg", "Cu"])
    turned = fit_edges(image, traced["traced_position"], traced_polarity=-traced["traced_polarity"])
    assert np.isnan(turned["interface_position"].values).all()
    np.testing.assert_allclose(turned["off_trace"], 1.0)
