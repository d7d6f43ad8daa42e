"""Interfaces of the Monte Carlo phantoms, whose response is not the estimator's: bounds hold, no width is made up."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from imgpipe.phantoms import edxs
from imgpipe.steps.edxs.response import Material, xray_response
from imgpipe.steps.layers.interfaces import fit_interfaces


def fitted(preset, seeds):
    """Return the result for many seeds of the counting noise, along `line`, and the truth."""
    made = [edxs.make_profiles(seed, preset=preset) for seed in range(seeds)]
    leaf, truth = made[0]
    scan = edxs.SCANS[preset]
    layers = {layer.name: Material(formula=layer.formula, density=layer.density) for layer in scan.layers}
    given = xray_response(leaf["gross"], None, leaf["beam_energy"], layers=layers)
    line = xr.DataArray(np.arange(float(seeds)), dims="line", name="line", attrs={"units": "1"})
    gross = xr.concat([one["gross"] for one, _ in made], dim=line)
    gross.attrs, gross["position"].attrs = leaf["gross"].attrs, leaf["position"].attrs
    return fit_interfaces(gross, None, given["response_sigma"], given["response_shift"], given["u_response"]), truth


def joint(result):
    return result.isel(interface=np.flatnonzero(result["of_element"].values == "all"))


def check_sharp(seeds):
    result, truth = fitted("sharp", seeds)
    bound = result["width_bound"].values
    assert (bound > float(truth["interface_sigma"].max())).mean() >= 0.95
    assert np.isfinite(result["width"].values).mean() <= 0.05
    assert np.nanmedian(joint(result)["width_bound"].values) < 350.0  # the response is about 600 nm
    return result


def check_thin(seeds):
    result, _ = fitted("thin", seeds)
    for name, true in (("Mg", 140.0), ("W", 30.0)):
        layer = result.sel(layer=name)
        assert all("resolution-limited" in flag for flag in layer["layer_flag"].values)
        assert np.isnan(layer["thickness"].values).all()
        assert (layer["thickness_high"].values >= true).mean() >= 0.95
        assert (layer["smallest_resolvable"].values >= true).all()


def check_plated(seeds):
    result, truth = fitted("plated", seeds)
    found, u = (joint(result)[name].values for name in ("interface_position", "u_interface_position"))
    inside = np.abs(found - truth["interface_position"].values) < 1.96 * u
    assert inside.mean() >= 0.93 - 3.0 * np.sqrt(0.05 * 0.95 / inside.size)


def test_a_sharp_interface_under_a_wide_response_has_a_bound():
    check_sharp(8)


def test_thin_layers_are_resolution_limited():
    check_thin(3)


def test_positions_of_a_plated_stack_are_covered():
    check_plated(5)


@pytest.mark.truth
def test_a_sharp_interface_never_gets_a_made_up_width():
    check_sharp(200)


@pytest.mark.truth
def test_thin_layers_are_resolution_limited_in_all_seeds():
    check_thin(60)


@pytest.mark.truth
def test_positions_of_a_plated_stack_are_covered_in_many_seeds():
    check_plated(60)
