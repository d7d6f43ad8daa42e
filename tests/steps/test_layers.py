"""From an image to the table of layers: names, flags, budget, units, edits, pages, equal answers."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import xarray as xr
from measured_layers import NAMES, measured
from pydantic import ValidationError

from imgpipe.errors import DataError
from imgpipe.model import axis, check, quantity, texts
from imgpipe.phantoms.cross_section import make
from imgpipe.steps.layers import equivalent_lithium, fit_edges, layer_thickness, trace_edges
from imgpipe.steps.scale import calibrate_scale, correct_foreshortening

SMALL = {"shape": (320, 640), "thickness": (140.0, 60.0), "tilt": 1.7}


def phantom(seed=1, **truth):
    return make(seed, **(SMALL | truth))


def test_thickness_of_a_named_stack():
    dataset, truth = phantom()
    leaf = measured(dataset)
    assert leaf["layer"].values.tolist() == ["Mg", "W"]
    assert leaf["interface"].values.tolist() == ["Pt|Mg", "Mg|W", "W|Cu"]
    np.testing.assert_allclose(leaf["thickness"], truth["realised_thickness"], atol=0.4)
    np.testing.assert_allclose(leaf["thickness_px"], leaf["thickness"] / 2.0)
    np.testing.assert_allclose(leaf["sd_thickness"], truth["sd_thickness"], rtol=0.5)
    np.testing.assert_allclose(leaf["covered_fraction"], 1.0)
    np.testing.assert_allclose(leaf["slope"], 1.7, atol=0.5)
    np.testing.assert_allclose(leaf["edge_width_16_84"], 1.989 * 2 * float(truth["edge_sigma"]), rtol=0.15)
    np.testing.assert_allclose(leaf["roughness"], truth["roughness"], rtol=0.4)
    assert leaf["flag"].values.tolist() == ["nominal scale"] * 2
    assert check(leaf) == []


def test_budget_adds_up():
    dataset, _ = phantom(2)
    leaf = measured(dataset, max_obliquity=3.0)
    terms = ("localisation", "sampling", "edge_model", "curtain", "fields", "obliquity")
    random = np.sqrt(sum(leaf[f"u_{term}"] ** 2 for term in terms))
    shared = np.hypot(leaf["u_pixel_scale"], leaf["u_tilt"])
    np.testing.assert_allclose(leaf["u_thickness_random"], random)
    np.testing.assert_allclose(leaf["u_thickness_shared"], shared)
    np.testing.assert_allclose(leaf["u_thickness"], np.hypot(random, shared))
    np.testing.assert_allclose(leaf["u_pixel_scale"], 0.05 / np.sqrt(3) * leaf["thickness"])
    np.testing.assert_allclose(leaf["u_obliquity"], leaf["thickness"] * (1 - np.cos(np.radians(3))) / np.sqrt(3))
    assert (leaf["thickness_low"] < leaf["thickness"]).all()
    assert (leaf["u_bootstrap"] < 2 * leaf["u_sampling"]).all()
    assert (leaf["u_bootstrap"] > 0.3 * leaf["u_sampling"]).all()


@pytest.mark.parametrize("curtain", [False, True])
def test_every_number_of_a_layer_is_of_the_same_edges(curtain):
    """Mean, median, percentiles and figure come from one distribution, by the edges in use."""
    dataset, truth = phantom(2, preset="realistic", frost=0.0)
    if curtain:
        dataset = dataset.assign(curtain=dataset["image"] * 0.0)
    leaf = measured(dataset)
    local = leaf["local_thickness"]
    np.testing.assert_allclose(leaf["thickness"], local.mean("x"), rtol=1e-12)
    np.testing.assert_allclose(leaf["median_thickness"], local.median("x"), rtol=1e-12)
    assert (np.abs(leaf["edge_shift"][:2]) > 0.2).all()  # there is something to be consistent about
    symmetric = (leaf["interface_position"] - leaf["edge_shift"] - truth["interface_position"]).mean("x")
    in_use = (leaf["interface_position"] - truth["interface_position"]).mean("x")
    assert (np.abs(in_use)[:2] < 0.5 * np.abs(symmetric)[:2]).all()
    if curtain:
        np.testing.assert_allclose(leaf["u_curtain"], 0.0, atol=0.05)


def test_certificate_and_face_angle_enter():
    dataset, _ = phantom(2, face_angle=52.0)
    leaf = measured(correct_foreshortening(calibrate_scale(dataset, u=0.005, u_is="standard"), u_face_angle=1.0))
    np.testing.assert_allclose(leaf["u_pixel_scale"], 0.005 * leaf["thickness"])
    np.testing.assert_allclose(leaf["u_tilt"], 0.01364 * leaf["thickness"], rtol=0.01)
    assert leaf["flag"].values.tolist() == ["", ""]
    assert str(leaf["shared_id"].values[0]) == "scale certificate not named; tilt phantom, 52 deg"
    np.testing.assert_allclose(leaf["thickness"], [140.0, 60.0], rtol=0.05)


def test_layers_without_names_are_numbered():
    leaf = measured(phantom()[0], None)
    assert leaf["layer"].values.tolist() == ["layer_1", "layer_2"]
    assert leaf["interface"].values.tolist()[0] == "cap|layer_1"
    stack = phantom()[0].assign(stack=xr.DataArray(np.array("Pt-Mg-W-Cu", dtype=object)))
    assert measured(stack, None)["layer"].values.tolist() == ["Mg", "W"]


def test_a_missing_layer_is_a_row_without_a_number():
    leaf = measured(phantom(layers=("Pt", "Mg", "Cu"), thickness=(160.0,))[0])
    assert np.isnan(leaf["thickness"].values).tolist() == [False, True]
    assert leaf["flag"].values.tolist() == ["nominal scale", "nominal scale; missing"]
    assert float(leaf["covered_fraction"][1]) == 0.0


def test_two_layers_in_one_are_merged():
    leaf = measured(phantom(layers=("Pt", "W", "Cu"), thickness=(160.0,))[0])
    assert np.isnan(leaf["thickness"].values).all()
    assert all("merged" in flag for flag in leaf["flag"].values)


def test_nothing_found_is_a_table_of_nothing(rng):
    dataset, _ = phantom()
    noise = dataset.assign(image=dataset["image"].copy(data=rng.integers(90, 130, (320, 640)).astype(np.uint8)))
    for names in (NAMES, None):
        leaf = measured(noise, names)
        assert np.isnan(leaf["thickness"].values).all()
        assert all("missing" in flag for flag in leaf["flag"].values)
    assert leaf["layer"].values.tolist() == ["layer_1"]


def test_a_discontinuous_layer_is_measured_where_it_is():
    dataset, truth = phantom(thickness=(140.0, 60.0))
    image, edge = dataset["image"].values.copy(), truth["interface_position_px"].values
    rows = np.arange(320)[:, None]
    image[:, 200:320] = np.where(rows > edge[1, 200:320], 128, image[:, 200:320])  # W gone, substrate in its place
    leaf = measured(dataset.assign(image=dataset["image"].copy(data=image)))
    assert "discontinuous" in leaf["flag"].values[1]
    assert "discontinuous" not in leaf["flag"].values[0]
    assert float(leaf["covered_fraction"][1]) == pytest.approx(1 - 120 / 640, abs=0.04)
    outside = np.r_[0:200, 320:640]
    realised = np.diff(truth["interface_position"].values, axis=0)[1, outside].mean() * np.cos(np.radians(1.7))
    assert float(leaf["thickness"][1]) == pytest.approx(realised, abs=0.6)


def test_a_thin_layer_has_a_bound_and_no_number():
    truth = {"thickness": (140.0, 5.0), "roughness": 1.5, "conformality": 0.95}
    dataset, _ = phantom(3, **truth)
    leaf = measured(dataset)
    assert np.isnan(float(leaf["thickness"][1]))
    assert float(leaf["thickness_low"][1]) == 0.0
    assert 5.0 < float(leaf["thickness_high"][1]) < 15.0
    assert leaf["flag"].values[1] == "nominal scale; below edge width: upper bound"
    assert float(leaf["contrast_width"][1]) == pytest.approx((164 - 96) * 5.0, rel=0.15)
    assert float(leaf["thickness"][0]) == pytest.approx(140.0, abs=1.5)
    known = measured(dataset, fit={"known_grey": {"W": 164.0}})
    assert float(known["thickness"][1]) == pytest.approx(5.0, abs=0.5)
    assert "fixed contrast" in known["flag"].values[1]


def test_without_scale_lengths_are_in_pixels():
    dataset, _ = phantom()
    pixels = dataset.assign_coords(y=axis("y", 320, 1.0, "px"), x=axis("x", 640, 1.0, "px"))
    leaf, scaled = measured(pixels), measured(dataset)
    assert np.isnan(leaf["thickness"].values).all()
    np.testing.assert_allclose(leaf["thickness_px"], scaled["thickness_px"])
    assert all(flag == "uncalibrated" for flag in leaf["flag"].values)
    assert leaf["local_thickness"].attrs["units"] == "px"
    with pytest.raises(DataError, match=r"no pixel size.*pixel_size"):
        measured(pixels, unit="nm")


def test_answers_grow_with_lengths():
    dataset, _ = phantom()
    grown = dataset.assign_coords(y=axis("y", 320, 6.0, "nm"), x=axis("x", 640, 6.0, "nm"))
    one, other = measured(dataset), measured(grown)
    for name in ("thickness", "u_thickness", "sd_thickness", "thickness_high", "correlation_length", "roughness"):
        np.testing.assert_allclose(other[name], 3 * one[name], rtol=1e-9)
    for name in ("n_eff", "covered_fraction", "thickness_px"):
        np.testing.assert_allclose(other[name], one[name], rtol=1e-9)


def test_lazy_and_repeated_runs_are_equal():
    dataset, _ = phantom(4, preset="realistic")
    one = measured(dataset)
    assert one.identical(measured(dataset))
    new = [name for name in one.data_vars if name not in dataset]
    assert one[new].equals(measured(dataset.chunk(y=100, x=150))[new])


def test_pages_are_measured_each_and_pooled():
    frames = [phantom(seed)[0]["image"] for seed in (1, 2, 3)]
    image = xr.concat(frames, dim="z").assign_coords(z=axis("z", 3, 20.0, "nm")).assign_attrs(frames[0].attrs)
    leaf = measured(phantom()[0].drop_vars("image").assign(image=image))
    assert leaf["interface_position"].dims == ("z", "interface", "x")
    assert leaf["local_thickness"].dims == ("z", "layer", "x")
    alone = [measured(image.isel(z=[k]).squeeze("z", drop=True).to_dataset(name="image")) for k in range(3)]
    each = np.array([one["thickness"].values for one in alone])
    np.testing.assert_allclose(leaf["thickness"], each.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(leaf["u_fields"], each.std(axis=0, ddof=1) / np.sqrt(3), rtol=2e-2)
    assert float(alone[0]["u_fields"][0]) == 0.0


def test_several_signals_are_refused():
    image = phantom()[0]["image"].expand_dims(signal=np.array(["SE", "BSE"], dtype=object))
    with pytest.raises(DataError, match="select_signal"):
        trace_edges(image)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda v: np.where(np.arange(v.size).reshape(v.shape) == 9, np.nan, v), "1 of .* NaN or Inf"),
        (lambda v: np.where(np.arange(v.size).reshape(v.shape) == 9, np.inf, v), "1 of .* NaN or Inf"),
        (lambda v: np.full(v.shape, 7, np.uint8), "constant"),
        (lambda v: v[:20], "at least 32 x 32"),
        (lambda v: v > 100, "bool"),
        (lambda v: v.astype(complex), "complex"),
    ],
)
def test_pixels_that_mean_nothing_are_refused(spoil, message):
    values = spoil(phantom()[0]["image"].values)
    coords = {"y": axis("y", values.shape[0], 2.0, "nm"), "x": axis("x", values.shape[1], 2.0, "nm")}
    with pytest.raises(DataError, match=message):
        trace_edges(quantity(values, "counts", "signal", "y x", coords), layers=NAMES)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4", "<u4", "<f4", ">f4"])
def test_every_pixel_type_gives_the_same(dtype):
    dataset, _ = phantom()
    other = dataset.assign(image=dataset["image"].astype(dtype).assign_attrs(dataset["image"].attrs))
    one, two = trace_edges(dataset["image"], layers=NAMES), trace_edges(other["image"], layers=NAMES)
    np.testing.assert_allclose(two["traced_position"], one["traced_position"], rtol=1e-6)


def test_curtains_put_back_give_their_term(rng):
    dataset, _ = phantom()
    stripes = np.repeat(6.0 * rng.standard_normal((1, 640)), 320, axis=0)
    ramp = stripes * np.linspace(0, 1, 320)[:, None]
    curtain = quantity(ramp, "counts", "removed", "y x", {"y": dataset["y"], "x": dataset["x"]})
    leaf = measured(dataset.assign(curtain=curtain))
    change = (leaf["uncleaned_position"] - leaf["interface_position"]).mean("x").diff("interface")
    np.testing.assert_allclose(leaf["u_curtain"], np.abs(change) * np.cos(np.radians(1.7)), rtol=0.05, atol=1e-3)
    assert float(measured(dataset)["u_curtain"][0]) == 0.0


def edits(names, x, y):
    return {
        "edited_interface": texts(names, "interface", "edit"),
        "edited_x": quantity(np.array(x), "nm", "x", "edit"),
        "edited_y": quantity(np.array(y), "nm", "y", "edit"),
    }


def test_a_moved_edge_goes_where_it_was_put():
    dataset, truth = phantom()
    at = np.array([300.0, 900.0])
    true_row = np.interp(at, truth["x"], truth["interface_position"].values[1])
    moved = measured(dataset.assign(edits(["Mg|W", "Mg|W"], at, true_row + 30.0)))
    free = measured(dataset)
    there = np.interp(at, moved["x"], moved["traced_position"].values[1])
    np.testing.assert_allclose(there, true_row + 30.0, atol=9.0)
    leap = np.abs(moved["interface_position"] - moved["traced_position"]).sel(interface="Mg|W").max()
    assert float(leap) <= 3.0 * 2.0 + 1e-9  # a moved edge stays within 3 px of its course
    np.testing.assert_allclose(moved["traced_position"][0], free["traced_position"][0])
    assert all("edited" in flag for flag in moved["flag"].values)
    right = measured(dataset.assign(edits(["Mg|W", "Mg|W"], at, true_row)))
    np.testing.assert_allclose(right["thickness"], free["thickness"], atol=0.3)


def test_an_unknown_edge_can_not_be_moved():
    with pytest.raises(DataError, match=r"Mg\|Fe.*Pt\|Mg"):
        measured(phantom()[0].assign(edits(["Mg|Fe"], [100.0], [100.0])))


def test_settings_are_checked():
    with pytest.raises(ValidationError):
        trace_edges.settings(filter_sigma=0.0)
    with pytest.raises(ValidationError):
        layer_thickness.settings(unit="um")
    assert layer_thickness.settings(max_obliquity="2 deg").max_obliquity == 2.0
    with pytest.raises(DataError, match="at least two"):
        trace_edges(phantom()[0]["image"], layers=["Mg"])


def test_saturation_is_flagged():
    dataset, _ = phantom()
    bright = np.clip(dataset["image"].values.astype(int) + 70, 0, 255).astype(np.uint8)
    leaf = measured(dataset.assign(image=dataset["image"].copy(data=bright)))
    assert "saturated" in leaf["flag"].values[0]


def lithium(thickness, u, charge=1.0, names=("Li",), **settings):
    coords = {"layer": texts(names, "layer", "layer")}
    t, spread = (quantity(np.array(v), "nm", "t", "layer", coords) for v in (thickness, u))
    high = quantity(np.array(thickness) + 2.0 * np.array(u), "nm", "t", "layer", coords)
    return equivalent_lithium(t, spread, high, quantity(charge, "mAh/cm**2", "charge"), **settings)


def test_plated_lithium_is_compared_with_its_charge():
    found = lithium([4400.0], [100.0])
    assert float(found["equivalent_lithium"][0]) == pytest.approx(4849.8, abs=0.1)
    assert float(found["lithium_ratio"][0]) == pytest.approx(0.907, abs=0.001)
    assert float(found["u_lithium_ratio"][0]) == pytest.approx(100 / 4849.8, rel=1e-4)
    assert float(found["lithium_ratio_high"][0]) == pytest.approx(4600 / 4849.8, rel=1e-4)
    found = lithium([140.0, 4400.0], [1.0, 100.0], names=("Mg", "Li"), magnesium=140.0, u_magnesium=5.0)
    assert np.isnan(float(found["lithium_ratio"][0]))
    assert float(found["lithium_thickness"][1]) == 4260.0
    found = lithium([4400.0], [100.0], deposit_area=0.5, reversible_charge=0.9, u_charge=0.02)
    assert float(found["equivalent_lithium"][0]) == pytest.approx(2 * 0.9 * 4849.8, abs=0.1)
    with pytest.raises(DataError, match="no layer 'Li'"):
        lithium([1.0], [1.0], names=("Mg",))
    with pytest.raises(DataError, match="must be positive"):
        lithium([1.0], [1.0], charge=0.0)


def test_real_cap_edge(real_data):
    with tifffile.TiffFile(real_data / "fibsem/rosettasciio/tiff/ZEISS_SEM_multipage.tif") as file:
        frames = np.stack([page.asarray()[:, 480:1320] for page in file.pages[:2]])
    coords = {"z": axis("z", 2, 20.0, "nm"), "y": axis("y", 1536, 12.326, "nm"), "x": axis("x", 840, 12.326, "nm")}
    image = quantity(frames, "counts", "signal", "z y x", coords, bits=8)
    traced = trace_edges(image, layers=["cap", "face"])
    fitted = fit_edges(image, traced["traced_position"])
    for position in (traced["traced_position"], fitted["interface_position"]):
        np.testing.assert_allclose(position.mean("x").values.ravel() / 12.326, [404.70, 413.88], atol=1.0)
