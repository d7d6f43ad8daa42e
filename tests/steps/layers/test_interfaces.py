"""The step fit_interfaces: rows, flags, units, several scans at once, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.special import ndtr

from imgpipe.errors import DataError
from imgpipe.model import check, quantity, texts
from imgpipe.steps.edxs.profile import line_profile
from imgpipe.steps.layers.interfaces import fit_interfaces
from imgpipe.tables import leaf_tables

ELEMENTS, LAYERS = ["S", "Mg", "W", "Cu"], ["SE", "Mg", "W", "Cu"]
PLACES = (1500.0, 4000.0, 4600.0)
SIGMA = (110.0, 90.0, 35.0, 55.0)


def profiles(seed, scans=0, unit="nm", scale=1.0, widths=SIGMA):
    x = np.linspace(0.0, 6000.0, 200)

    def layer(low, high, s):
        return ndtr((x - low) / s) - ndtr((x - high) / s)

    one, two, three = PLACES
    mean = np.stack([
        100 * layer(-1e9, one, widths[0]) + 2, 80 * layer(one, two, widths[1]) + 1,
        60 * layer(two, three, widths[2]) + 3, 90 * layer(three, 1e9, widths[3]) + 2,
    ])  # fmt: skip
    rng = np.random.default_rng(seed)
    coords = {
        "element": texts(ELEMENTS, "element", "element"),
        "position": xr.DataArray(scale * x, dims="position", attrs={"units": unit, "long_name": "position"}),
    }
    if not scans:
        return quantity(rng.poisson(mean).astype(float), "counts", "gross", "element position", coords)
    coords["line"] = xr.DataArray(np.arange(float(scans)), dims="line", attrs={"units": "1"})
    values = rng.poisson(np.repeat(mean[:, None], scans, axis=1)).astype(float)
    return quantity(values, "counts", "gross", "element line position", coords)


def response(scale=1.0, elements=ELEMENTS):
    coords = {"layer": texts(LAYERS, "layer", "layer"), "element": texts(elements, "element", "element")}
    sigma = np.tile(SIGMA[: len(elements)], (4, 1)) * scale
    return quantity(sigma, "nm", "response", "layer element", coords)


def row(result, label):
    return result.sel(interface=label)


def test_rows_stand_where_elements_have_steps_and_one_for_all():
    result = fit_interfaces(profiles(1), layers=LAYERS)
    labels = [str(name) for name in result["interface"].values]
    assert labels == ["SE|Mg S", "SE|Mg Mg", "SE|Mg all", "Mg|W Mg", "Mg|W W", "Mg|W all", "W|Cu W", "W|Cu Cu",
                      "W|Cu all"]  # fmt: skip
    for label, place in zip(("SE|Mg all", "Mg|W all", "W|Cu all"), PLACES, strict=True):
        one = row(result, label)
        assert float(one["interface_position"]) == pytest.approx(place, abs=4 * float(one["u_interface_position"]))
        assert float(one["interface_position_low"]) < place + 15
        assert float(one["interface_position_high"]) > place - 15
    assert float(row(result, "SE|Mg S")["observed_width"]) == pytest.approx(110.0, rel=0.3)
    assert np.isnan(result["width"]).all()
    assert all("no response" in flag for flag in result["interface_flag"].values)
    assert not check(result)


def test_layers_hold_all_names_and_the_inner_thicknesses():
    result = fit_interfaces(profiles(2), layers=LAYERS)
    assert list(result["layer"].values) == LAYERS
    thickness = result["thickness"].values
    assert np.isnan(thickness[[0, 3]]).all()
    assert list(result["layer_flag"].values[[0, 3]]) == ["outer layer"] * 2
    for k, true in ((1, 2500.0), (2, 600.0)):
        assert thickness[k] == pytest.approx(true, abs=4 * float(result["u_thickness"][k]))
        assert result["thickness_low"].values[k] < thickness[k] < result["thickness_high"].values[k]


def test_with_a_response_sharp_interfaces_get_a_bound_and_no_width():
    result = fit_interfaces(profiles(3), None, response())
    assert list(result["layer"].values) == LAYERS
    assert np.isnan(result["width"]).all()
    assert (result["width_low"] == 0).all()
    assert (result["width_bound"] > 0).all()
    assert (result["width_bound"] < 150.0).all()
    assert set(result["interface_flag"].values) == {"width is an upper bound"}
    assert set(result["interface_model"].values) <= {"step", "erf", "logistic"}


def test_a_broad_interface_is_resolved_beyond_the_response():
    wide = tuple(float(np.hypot(s, 200.0)) for s in SIGMA)
    result = fit_interfaces(profiles(4, widths=wide), None, response(), layers=LAYERS, model="erf")
    one = row(result, "SE|Mg all")
    assert float(one["width_low"]) < 200.0 < float(one["width_high"])
    assert float(one["width_low"]) > 50.0
    assert float(one["width"]) == pytest.approx(200.0, abs=4 * float(one["u_width"]))


def test_curves_and_residuals_are_those_of_the_joint_fit():
    data = profiles(5)
    result = fit_interfaces(data, layers=LAYERS)
    assert result["fitted"].dims == data.dims
    assert (result["fitted_low"] <= result["fitted"]).all()
    assert (result["fitted"] <= result["fitted_high"]).all()
    assert float((result["fit_residual"] ** 2).mean()) == pytest.approx(1.0, abs=0.2)
    assert result["fitted"].attrs["noise"] == "poisson"


def test_several_scans_are_fitted_each_by_itself():
    result = fit_interfaces(profiles(6, scans=3), layers=LAYERS)
    assert result["interface_position"].dims == ("line", "interface")
    assert result["fitted"].dims == ("element", "line", "position")
    together = result["interface_position"].sel(interface="Mg|W all").values
    assert together.shape == (3,)
    assert np.ptp(together) > 0
    assert np.allclose(together, PLACES[1], atol=40.0)
    assert len(leaf_tables(result)["interfaces"]) == 3 * result.sizes["interface"]


def test_a_scan_without_values_is_a_row_of_nan_with_a_flag():
    data = profiles(13, scans=2)
    data[:, 0] = np.nan
    result = fit_interfaces(data, None, response())
    assert np.isnan(result["interface_position"].values[0]).all()
    assert np.isfinite(result["interface_position"].values[1]).all()
    assert all("fit failed" in flag for flag in result["interface_flag"].values[0])
    assert "fit failed" in str(result["layer_flag"].values[0, 1])


@pytest.mark.parametrize("model", ["exponential", "erfc", "logistic"])
def test_other_shapes_by_name(model):
    result = fit_interfaces(profiles(14), None, response(), model=model)
    assert set(result["interface_model"].values) == {model}
    found = result["interface_position"].sel(interface="Mg|W all")
    assert abs(float(found) - PLACES[1]) < 60.0
    assert (result["width_bound"] > 0).all()


def test_answers_grow_with_the_unit():
    one, two = (fit_interfaces(profiles(7, scale=s), None, response(s), model="erf") for s in (1.0, 3.0))
    for name in ("interface_position", "u_interface_position", "observed_width", "width_bound", "thickness"):
        assert np.allclose(3.0 * one[name], two[name], rtol=2e-3, equal_nan=True), name


def test_pixels_stay_pixels_and_get_no_response():
    result = fit_interfaces(profiles(8, unit="px"), None, response(), layers=LAYERS)
    assert result["interface_position"].attrs["units"] == "px"
    assert np.isnan(result["width"]).all()
    assert "uncalibrated" in str(result["interface_flag"].values[0])


def test_the_number_of_layers_is_found():
    result = fit_interfaces(profiles(9))
    assert list(result["layer"].values) == [f"layer {k}" for k in (1, 2, 3, 4)]


def test_an_element_without_response_or_counts_is_left_out_of_the_fit():
    data = profiles(10)
    data[3] = 0.0
    result = fit_interfaces(data, layers=LAYERS[:3])
    assert np.isnan(result["fitted"].sel(element="Cu")).all()
    assert not any("Cu" in str(label) for label in result["interface"].values)
    sigma = response()
    sigma[:, 0] = np.nan
    result = fit_interfaces(profiles(10), None, sigma)
    assert np.isnan(result["fitted"].sel(element="S")).all()


def test_line_areas_with_uncertainties_are_gaussian():
    data = profiles(11) + 0.25
    data.attrs["units"] = "counts"
    u = quantity(np.sqrt(data.values), "counts", "u", "element position", data.coords)
    result = fit_interfaces(data, u, layers=LAYERS, model="erf")
    assert result["fitted"].attrs["noise"] == "gaussian"
    off = row(result, "Mg|W all")
    assert abs(float(off["interface_position"]) - PLACES[1]) < 4 * float(off["u_interface_position"])


def test_what_it_refuses():
    data = profiles(12)
    with pytest.raises(DataError, match="no profile of Zr"):
        fit_interfaces(data, elements=["Zr"])
    with pytest.raises(DataError, match="different names"):
        fit_interfaces(data, layers=["SE"])
    with pytest.raises(DataError, match="in xray_response") as refused:
        fit_interfaces(data, None, response(), layers=["SE", "Pt"])
    assert "leave `layers` out" in refused.value.remedy
    with pytest.raises(DataError, match="rising positions"):
        fit_interfaces(data.isel(position=slice(None, None, -1)), layers=LAYERS)
    with pytest.raises(DataError, match="below zero"):
        fit_interfaces((data - 5.0).assign_attrs(data.attrs), layers=LAYERS, noise="poisson")
    with pytest.raises(DataError, match="too few"):
        fit_interfaces(data.isel(position=slice(None, None, 34)), layers=LAYERS, elements=["Mg"])
    with pytest.raises(DataError, match="no element was detected"):
        fit_interfaces(xr.zeros_like(data), layers=LAYERS)


def test_an_element_that_was_not_detected_tells_nothing_of_interfaces():
    data = profiles(3)
    marks = {"Mg": "not detected", "W": "overlaps Ga La"}
    flags = texts([marks.get(str(e), "") for e in data["element"].values], "flag", "element")
    flags = flags.assign_coords(element=data["element"])
    found = fit_interfaces(data, None, response(), element_flag=flags)
    assert "Mg" not in set(found["of_element"].values)
    assert "W" in set(found["of_element"].values)
    layer = dict(zip(found["layer"].values, found["layer_flag"].values, strict=True))
    assert "marked by no element of its own" in layer["Mg"]
    assert "marked" not in layer["W"]
    whole = fit_interfaces(data, None, response())
    assert not any("marked" in str(flag) for flag in whole["layer_flag"].values)


def test_counts_of_a_model_that_does_not_fit_make_every_row_doubtful():
    data = profiles(3)
    flags = texts(["not assessable: the model does not fit"] * 4, "flag", "element")
    found = fit_interfaces(data, None, response(), element_flag=flags.assign_coords(element=data["element"]))
    for name in ("interface_flag", "layer_flag"):
        assert all(str(flag).startswith("not assessable") for flag in found[name].values), name


def uneven(seed, layers=True):
    """Profiles whose bins hold 6, 8 or 10 pixels, and the exposure of the bins."""
    rng = np.random.default_rng(seed)
    data = profiles(seed)
    exposure = np.tile([0.75, 1.0, 1.25, 1.0], 50)
    mean = np.where(data["position"].values < PLACES[1], 90.0, 12.0) if layers else np.full(200, 60.0)
    data = data.isel(element=[1]).copy(data=rng.poisson(mean * exposure)[None].astype(float))
    return data, quantity(exposure, "1", "exposure", "position", {"position": data["position"]})


def test_uneven_bins_are_fitted_as_if_they_were_even():
    data, exposure = uneven(15)
    result = fit_interfaces(data, None, exposure=exposure, layers=["Mg", "W"], model="erf")
    assert result["fitted"].attrs["noise"] == "poisson"
    one = row(result, "Mg|W all")
    assert abs(float(one["interface_position"]) - PLACES[1]) < 4 * float(one["u_interface_position"])
    fitted = result["fitted"].values[0]
    assert np.ptp(fitted[:100]) < 0.5
    assert abs(fitted[:100].mean() - 90.0) < 5.0
    assert abs(float((result["fit_residual"] ** 2).mean()) - 1.0) < 0.4


def test_a_slanted_line_across_a_uniform_map_shows_no_interface():
    x, y = 100.0 * np.arange(60), 100.0 * np.arange(50)
    values = np.random.default_rng(16).poisson(10.0, (y.size, x.size, 2))
    coords = {"y": ("y", y, {"units": "nm"}), "x": ("x", x, {"units": "nm"}),
              "energy": ("energy", [1000.0, 1250.0], {"units": "eV"})}  # fmt: skip
    counts = quantity(values, "counts", "counts", "y x energy", coords)
    line = line_profile(counts.to_dataset(name="counts"), counts, start=[500.0, 1000.0], end=[5300.0, 3400.0],
                        width=500.0)  # fmt: skip
    assert float(line["exposure"].max()) > 1.1
    profile = line["counts"].squeeze().transpose("energy", "position").rename(energy="element")
    profile = profile.assign_coords(element=texts(["P", "Mg"], "element", "element")).astype(float)
    profile.attrs = {"units": "counts"}
    result = fit_interfaces(profile, None, exposure=line["exposure"].squeeze(), layers=["a", "b"], model="erf")
    assert all("no clear step" in flag for flag in result["interface_flag"].values)
    assert float((result["fit_residual"] ** 2).mean()) < 1.6
