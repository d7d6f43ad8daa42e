"""What went to HyperSpy unchanged comes back to the last digit; what was changed there wins."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

import imgpipe
from imgpipe.binding import leaf_datasets
from imgpipe.model import axis, quantity
from imgpipe.phantoms.edxs import make

REAL = [
    "rosettasciio/bruker/bcf_v2_50x50px.bcf",
    "rosettasciio/phenom/Elid2Version4.elid",
    "rosettasciio/msa/example2.msa",
    "exspy/EDS_SEM_TM002.hspy",
]
ADDED = "microscope"
"""Attr that says which of eXSpy's classes a leaf became."""


def assert_returns(leaf: xr.Dataset) -> xr.Dataset:
    """Send the counts or the image of a leaf there and back; compare values, axes, numbers and attrs exactly."""
    variable = "counts" if "counts" in leaf else "image"
    wanted = leaf[[variable, *(str(name) for name, one in leaf.data_vars.items() if one.ndim == 0)]]
    back = imgpipe.from_hyperspy(imgpipe.to_hyperspy(leaf, variable))
    if ADDED not in leaf.attrs:
        back.attrs.pop(ADDED, None)
    for one in (back, wanted):
        one.attrs["vendor_metadata"] = json.loads(one.attrs.get("vendor_metadata") or "{}")
    xr.testing.assert_identical(back, wanted)
    return back


def spectra(**chunks: int) -> xr.Dataset:
    """Return a map with axes and numbers that scale and offset in keV do not lead back to."""
    coords = {
        "y": axis("y", 4, 12.730587309999999, "nm"),
        "x": axis("x", 5, 12.730587309999999, "nm"),
        "energy": axis("energy", 300, 9.996, "eV", start=-473.16066).assign_attrs(long_name="X-ray energy"),
    }
    counts = np.random.default_rng(3).poisson(4.0, (4, 5, 300)).astype("uint16")
    leaf = xr.Dataset(
        {"counts": quantity(counts, "counts", "counts", "y x energy", coords)},
        {},
        {"technique": "edxs", "elements": "", "title": "a"},
    )
    leaf = leaf.assign(
        take_off_angle=quantity(28.3, "deg", "take-off angle from the specimen's surface"),
        detector_resolution=quantity(126.05, "eV", "resolution of the detector"),
        beam_current=quantity(1.234567e-9, "A", "current of the beam"),
        stage_tilt=quantity(3.3, "deg", "tilt of the stage"),
        live_time=quantity(np.nan, "s", "live time"),
    )
    return leaf.chunk(chunks) if chunks else leaf


@pytest.mark.parametrize("file", REAL)
def test_real_files_return_to_the_last_digit(real_data, file):
    seen = 0
    for leaf in leaf_datasets(imgpipe.read(real_data / "fibsem" / file)).values():
        if ("counts" in leaf or "image" in leaf) and "signal" not in leaf.dims:
            assert_returns(leaf)
            seen += 1
    assert seen


@pytest.mark.parametrize("preset", ["plated", "map"])
def test_phantoms_return_to_the_last_digit(preset):
    tree, _ = make(1, preset=preset)
    for leaf in leaf_datasets(tree).values():
        assert_returns(leaf)


@pytest.mark.parametrize("chunks", [{}, {"y": 2, "x": 3}])
def test_counts_can_be_subtracted(chunks):
    leaf = spectra(**chunks)
    back = assert_returns(leaf)
    assert (leaf["counts"] - back["counts"]).sizes == leaf["counts"].sizes
    assert imgpipe.from_hyperspy(imgpipe.to_hyperspy(leaf))["counts"].chunks == leaf["counts"].chunks


def test_a_calibrated_energy_axis_wins():
    leaf = spectra()
    signal = imgpipe.to_hyperspy(leaf)
    signal.axes_manager["Energy"].offset += 1e-6  # keV: a ten thousandth of a channel
    found = imgpipe.from_hyperspy(signal)
    np.testing.assert_allclose(found["energy"] - leaf["energy"].values, 1e-3, rtol=1e-6)
    assert found["energy"].attrs == leaf["energy"].attrs
    np.testing.assert_array_equal(found["x"], leaf["x"])


def test_a_unit_that_was_given_wins_and_one_that_was_converted_does_not():
    leaf = spectra()
    signal = imgpipe.to_hyperspy(leaf)
    signal.axes_manager["x"].convert_to_units("um")
    np.testing.assert_array_equal(imgpipe.from_hyperspy(signal)["x"], leaf["x"])
    signal.axes_manager["x"].units = "nm"  # what stood there in um
    np.testing.assert_allclose(imgpipe.from_hyperspy(signal)["x"], leaf["x"] / 1e3)
    uncalibrated = leaf.assign_coords(x=leaf["x"].copy(data=np.arange(5.0)).assign_attrs(units="px", long_name="x"))
    signal = imgpipe.to_hyperspy(uncalibrated)
    signal.axes_manager["x"].units = "nm"
    assert imgpipe.from_hyperspy(signal)["x"].attrs["units"] == "nm"


def test_a_cropped_signal_keeps_its_own_axes():
    leaf = spectra()
    cut = imgpipe.from_hyperspy(imgpipe.to_hyperspy(leaf).inav[1:4, :].isig[10:200])
    xr.testing.assert_allclose(cut["counts"], leaf["counts"].isel(x=slice(1, 4), energy=slice(10, 200)), rtol=1e-12)
    np.testing.assert_array_equal(cut["y"], leaf["y"])


def test_numbers_changed_in_hyperspy_win_and_keep_their_names():
    leaf = spectra()
    signal = imgpipe.to_hyperspy(leaf)
    signal.set_microscope_parameters(energy_resolution_MnKa=131.0, tilt_stage=5.0)
    back = imgpipe.from_hyperspy(signal)
    assert float(back["detector_resolution"]) == 131.0
    assert float(back["stage_tilt"]) == 5.0
    assert float(back["take_off_angle"]) == pytest.approx(30.0)  # the detector stayed where it is
    assert back["detector_resolution"].attrs == leaf["detector_resolution"].attrs
    assert back["take_off_angle"].attrs == leaf["take_off_angle"].attrs
