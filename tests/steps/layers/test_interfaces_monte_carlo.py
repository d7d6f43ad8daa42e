"""Interfaces of the Monte Carlo phantoms, whose response is not the estimator's: bounds hold, no width is made up.

The truth of a table is one draw of what the response leaves out, so that shares over several tables and interfaces are
looked at, not only over seeds of the counting noise.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from imgpipe.phantoms import edxs
from imgpipe.steps.edxs.response import Material, xray_response
from imgpipe.steps.layers.interfaces import fit_interfaces

STACKS = ("plated", "plated_lithium", "uniform_10kV", "uniform_absorbed", "oblique", "depleted")
GIVEN = ("response_sigma", "response_shift", "u_response", "response_reach", "response_depth", "attenuation",
         "backscatter")  # fmt: skip


def counts(preset, seeds, width=0.0):
    """Return profiles (element, line, position) of many seeds, all edges blurred by a normal width, and the truth."""
    leaf, truth = edxs.make_profiles(0, preset=preset)
    x, mean = leaf["position"].values, truth["expected_gross"].values
    if width:
        off = np.linspace(-4.0, 4.0, 81)
        weight = np.exp(-0.5 * off**2) / np.exp(-0.5 * off**2).sum()
        mean = np.array([
            sum(w * np.interp(x - o * width, x, y) for o, w in zip(off, weight, strict=True)) for y in mean
        ])  # fmt: skip
    rng = np.random.default_rng([seeds, int(width), len(preset)])
    values = rng.poisson(np.repeat(mean[:, None], seeds, axis=1)).astype(float)
    coords = {"element": leaf["element"].values, "position": leaf["position"],
              "line": xr.DataArray(np.arange(float(seeds)), dims="line", attrs={"units": "1"})}  # fmt: skip
    data = xr.DataArray(values, dims=("element", "line", "position"), coords=coords, attrs=leaf["gross"].attrs)
    return data, leaf, truth


def fitted(preset, seeds, width=0.0, every=1, **settings):
    """Return the result for many seeds of the counting noise, along `line`, and the truth."""
    data, leaf, truth = counts(preset, seeds, width)
    scan = edxs.SCANS[preset]
    layers = {layer.name: Material(formula=layer.formula, density=layer.density) for layer in scan.layers}
    tilt = {"incidence": scan.settings["incidence"], "lean": "rising"} if "incidence" in scan.settings else {}
    given = xray_response(leaf["gross"], None, leaf["beam_energy"], layers=layers, **tilt)
    data = data.isel(position=slice(None, None, every))
    return fit_interfaces(data, **{name: given[name] for name in GIVEN}, **settings), truth


def joint(result):
    return result.isel(interface=np.flatnonzero(result["of_element"].values == "all"))


def positions_inside(result, truth):
    """Return (line, interface) whether the true positions are inside of the 95 % intervals of the joint fit."""
    true = truth["interface_position"].values
    low, high = (joint(result)[f"interface_position_{end}"].values for end in ("low", "high"))
    return (low <= true) & (true <= high)


def thicknesses_inside(result, truth):
    true = truth["thickness"].values[1:-1]
    low, high = (result[f"thickness_{end}"].values[:, 1:-1] for end in ("low", "high"))
    return (low <= true) & (true <= high)


def check_stacks(seeds, presets):
    """Positions and thicknesses of all tables together are covered by 95 % intervals; no table is far below."""
    positions, thicknesses = [], []
    for preset in presets:
        result, truth = fitted(preset, seeds)
        positions.append(positions_inside(result, truth))
        thicknesses.append(thicknesses_inside(result, truth))
        assert np.isnan(joint(result)["width"].values).mean() >= 0.95
        # an interface is not vague because of it: nowhere more than the whole response
        assert (joint(result)["u_interface_position"].values < 40.0).all()
    for inside in (positions, thicknesses):
        assert np.concatenate([part.ravel() for part in inside]).mean() >= 0.95
        assert all(part.mean(axis=0).min() >= 0.8 for part in inside)


def check_widths(seeds, preset, width, every=1):
    """Bounds of a transition of a width that is below or near the response hold, and so do its intervals."""
    result, truth = fitted(preset, seeds, width, every)
    bound, high, low = (joint(result)[name].values for name in ("width_bound", "width_high", "width_low"))
    least = 0.95 - 2.0 * np.sqrt(0.05 * 0.95 / bound.size)
    assert (bound >= width).mean() >= least
    assert ((low <= width) & (width <= high)).mean() >= least
    assert positions_inside(result, truth).mean() >= 0.9
    assert thicknesses_inside(result, truth).mean() >= 0.9 or preset == "sharp"


def check_sharp(seeds):
    result, truth = fitted("sharp", seeds)
    bound = result["width_bound"].values
    assert (bound > float(truth["interface_sigma"].max())).mean() >= 0.95
    assert np.isfinite(result["width"].values).mean() <= 0.05
    assert np.nanmedian(joint(result)["width_bound"].values) < 350.0  # the response is about 600 nm
    assert positions_inside(result, truth).mean() >= 0.93 - 3.0 * np.sqrt(0.05 * 0.95 / seeds)


def check_thin(seeds):
    result, truth = fitted("thin", seeds)
    net = truth["expected_gross"] - 0.05 / 1.05 * truth["expected_gross"].quantile(0.9, "position")
    for name, true in (("Mg", 140.0), ("W", 30.0)):
        layer = result.sel(layer=name)
        assert np.mean(["resolution-limited" in flag for flag in layer["layer_flag"].values]) >= 0.95
        assert np.isnan(layer["thickness"].values).mean() >= 0.95
        assert (layer["thickness_high"].values >= true).mean() >= 0.95
        assert (layer["smallest_resolvable"].values >= true).all()
        assert all(f"contrast x width is of {name}" in flag for flag in layer["layer_flag"].values)
        product = float(net.sel(element=name).sum() * np.diff(net["position"].values)[0])
        off = np.abs(layer["contrast_width"].values - product) / layer["u_contrast_width"].values
        assert (off < 3.0).mean() >= 0.95
        assert (layer["u_contrast_width"].values < 0.5 * product).all()  # it is seen


def check_plated(seeds):
    result, truth = fitted("plated", seeds)
    inside = positions_inside(result, truth)
    assert inside.mean() >= 0.93 - 3.0 * np.sqrt(0.05 * 0.95 / inside.size)


def test_a_sharp_interface_under_a_wide_response_has_a_bound():
    check_sharp(8)


def test_thin_layers_are_resolution_limited():
    check_thin(3)


def test_positions_of_a_plated_stack_are_covered():
    check_plated(5)


def test_positions_and_thicknesses_of_several_stacks_are_covered():
    check_stacks(2, ("uniform_absorbed", "oblique", "depleted"))


@pytest.mark.parametrize(("width", "every"), [(30.0, 1), (30.0, 3)])
def test_an_inclined_interface_of_a_strip_is_not_excluded(width, every):
    check_widths(3, "plated", width, every)  # a strip averages the places where an inclined interface crosses its rows


def test_a_gradient_inside_a_layer_does_not_move_its_end():
    result, truth = fitted("depleted", 2, model="erf")
    off = joint(result)["interface_position"].values[:, 0] - float(truth["interface_position"][0])
    assert np.abs(off).mean() < 10.0


@pytest.mark.truth
def test_a_sharp_interface_never_gets_a_made_up_width():
    check_sharp(200)


@pytest.mark.truth
def test_thin_layers_are_resolution_limited_in_all_seeds():
    check_thin(60)


@pytest.mark.truth
def test_positions_of_a_plated_stack_are_covered_in_many_seeds():
    check_plated(60)


@pytest.mark.truth
def test_positions_and_thicknesses_of_all_stacks_are_covered_in_many_seeds():
    check_stacks(25, STACKS)


@pytest.mark.truth
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("width", [20.0, 30.0, 60.0])
@pytest.mark.parametrize("preset", ["plated", "plated_lithium", "depleted"])
def test_widths_of_stacks_are_not_excluded(preset, width, every):
    check_widths(20, preset, width, every)


@pytest.mark.truth
@pytest.mark.parametrize("width", [20.0, 100.0, 250.0])
def test_widths_under_a_wide_response_are_not_excluded(width):
    check_widths(60, "sharp", width)
