"""To HyperSpy and back: the same memory, the same axes, the same metadata."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest
import xarray as xr

import imgpipe
from imgpipe.binding import leaf_datasets
from imgpipe.errors import DataError, UnitError
from imgpipe.exchange.microscope import elevation
from imgpipe.model import axis, check, quantity

SHAPE = (3, 4, 200)
SCALARS = {
    "live_time": (12.5, "s"), "real_time": (14.0, "s"), "dead_time": (10.7, "percent"), "beam_energy": (5000.0, "eV"),
    "beam_current": (1.2e-9, "A"), "take_off_angle": (38.0, "deg"), "azimuth_angle": (45.0, "deg"),
    "stage_tilt": (10.0, "deg"), "detector_resolution": (129.0, "eV"), "face_angle": (52.0, "deg"),
}  # fmt: skip
ATTRS = {
    "technique": "edxs", "elements": "Mg W Cu", "title": "Map 3", "sample": "Mg on W", "instrument": "Helios",
    "flags": "zeros at the end", "vendor_metadata": json.dumps({"TRTSpectrum": {"a.b": [1, {"c d": None}]}}),
    "provenance": json.dumps([{"step": "crop", "version": 1, "settings": {}}]), "source_file": "a/b.bcf",
}  # fmt: skip


def spectral(*dims: str, dtype: str = "uint16", unit: str = "nm", **attrs: str) -> xr.Dataset:
    """Return a leaf with counts along these dimensions and energy."""
    sizes = dict(zip(("y", "x", "energy"), SHAPE, strict=True)) | {"position": 4}
    shape = tuple(sizes[d] for d in (*dims, "energy"))
    counts = np.random.default_rng(1).poisson(20.0, shape).astype(dtype)
    coords = {d: axis(d, sizes[d], 12.5, unit, start=100.0) for d in dims}
    coords["energy"] = axis("energy", 200, 10.0, "eV", start=-470.0).assign_attrs(long_name="X-ray energy")
    leaf = xr.Dataset({"counts": quantity(counts, "counts", "counts", (*dims, "energy"), coords)})
    leaf = leaf.assign({n: quantity(v, u, n.replace("_", " ")) for n, (v, u) in SCALARS.items()})
    return leaf.assign_attrs(ATTRS | attrs)


def picture() -> xr.Dataset:
    """Return a leaf with an image."""
    coords = {"y": axis("y", 30, 3.2, "nm"), "x": axis("x", 40, 3.2, "nm")}
    values = np.arange(1200, dtype=np.uint8).reshape(30, 40)
    return xr.Dataset({"image": quantity(values, "counts", "grey value", "y x", coords)}, attrs={"technique": "sem"})


def assert_alike(found: xr.Dataset, wanted: xr.Dataset) -> None:
    """Compare leaves: values exactly, axes to rounding, attrs as they were."""
    xr.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-9)
    assert {n: found[n].dims for n in found.variables} == {n: wanted[n].dims for n in wanted.variables}
    assert {n: found[n].attrs["units"] for n in found.variables} == {
        n: wanted[n].attrs["units"] for n in wanted.variables
    }
    assert {n: found[n].dtype for n in found.data_vars} == {n: wanted[n].dtype for n in wanted.data_vars}
    vendor = "vendor_metadata"
    assert {k: v for k, v in found.attrs.items() if k not in (vendor, "microscope")} == {
        k: v for k, v in wanted.attrs.items() if k not in (vendor, "microscope")
    }
    assert json.loads(found.attrs.get(vendor, "{}")) == json.loads(wanted.attrs.get(vendor, "{}"))
    assert check(found) == []


@pytest.mark.parametrize("dims", [("y", "x"), ("position",), ()])
@pytest.mark.parametrize("unit", ["nm", "px"])
def test_spectra_go_and_come_back(dims, unit):
    leaf = spectral(*dims, unit=unit)
    signal = imgpipe.to_hyperspy(leaf)
    assert np.shares_memory(signal.data, leaf["counts"].values)
    back = imgpipe.from_hyperspy(signal)
    assert np.shares_memory(back["counts"].values, leaf["counts"].values)
    assert_alike(back, leaf)
    assert back.attrs["microscope"] == "SEM"


@pytest.mark.parametrize("dims", [("y", "x"), ("position",)])
def test_lazy_spectra_keep_their_graph(dims):
    leaf = spectral(*dims)
    leaf["counts"] = leaf["counts"].chunk(dict.fromkeys(dims, 2))
    signal = imgpipe.to_hyperspy(leaf)
    assert signal._lazy
    assert signal.data.name == leaf["counts"].data.name
    back = imgpipe.from_hyperspy(signal)
    assert back["counts"].data.name == leaf["counts"].data.name
    assert back["counts"].chunks == leaf["counts"].chunks
    assert_alike(back.compute(), leaf.compute())


def test_axes_and_metadata_stand_where_exspy_looks():
    signal = imgpipe.to_hyperspy(spectral("y", "x"))
    assert signal.metadata.Signal.signal_type == "EDS_SEM"
    assert [a.name for a in signal.axes_manager.navigation_axes] == ["x", "y"]
    energy = signal.axes_manager.signal_axes[0]
    assert (energy.units, energy.size) == ("keV", 200)
    np.testing.assert_allclose((energy.scale, energy.offset), (0.01, -0.47))
    x = signal.axes_manager.navigation_axes[0]
    assert (x.units, x.scale, x.offset) == ("nm", 12.5, 100.0)
    column = signal.metadata.Acquisition_instrument.SEM
    assert column.beam_energy == 5.0
    np.testing.assert_allclose(column.beam_current, 1.2)
    assert column.Detector.EDS.live_time == 12.5
    assert column.Detector.EDS.energy_resolution_MnKa == 129.0
    assert column.Stage.tilt_alpha == 10.0
    np.testing.assert_allclose(signal.get_take_off_angle(), 38.0)
    assert list(signal.metadata.Sample.elements) == ["Mg", "W", "Cu"]
    assert signal.metadata.General.title == "Map 3"
    assert signal.original_metadata.as_dictionary()["TRTSpectrum"]["a.b"][1] == {"c d": None}


def test_fast_electrons_mean_a_transmission_microscope():
    leaf = spectral().assign(beam_energy=quantity(200e3, "eV", "beam energy"))
    assert imgpipe.to_hyperspy(leaf).metadata.Signal.signal_type == "EDS_TEM"
    assert imgpipe.to_hyperspy(leaf.assign_attrs(microscope="SEM")).metadata.Signal.signal_type == "EDS_SEM"
    back = imgpipe.from_hyperspy(imgpipe.to_hyperspy(leaf))
    assert back.attrs["microscope"] == "TEM"
    assert_alike(back, leaf)


def test_what_exspy_makes_up_does_not_come_back():
    leaf = spectral("y", "x")[["counts", "live_time"]]
    signal = imgpipe.to_hyperspy(leaf)
    assert signal.metadata.Acquisition_instrument.SEM.Detector.EDS.energy_resolution_MnKa > 0
    assert set(imgpipe.from_hyperspy(signal).data_vars) == {"counts", "live_time"}
    signal.set_microscope_parameters(beam_energy=15.0, energy_resolution_MnKa=128.0)
    assert set(imgpipe.from_hyperspy(signal).data_vars) == {
        "counts", "live_time", "beam_energy", "detector_resolution",
    }  # fmt: skip
    assert float(imgpipe.from_hyperspy(signal)["beam_energy"]) == 15000.0


def test_a_user_works_in_exspy_and_comes_back():
    energy = np.arange(200) * 10.0 - 470.0
    peak = 500.0 * np.exp(-0.5 * ((energy - 1253.7) / 30.0) ** 2) + 5.0
    leaf = spectral("y", "x", elements="Mg")
    leaf["counts"] = leaf["counts"].copy(data=np.random.default_rng(2).poisson(peak, SHAPE).astype("uint16"))
    signal = imgpipe.to_hyperspy(leaf)
    signal.add_lines(["Mg_Ka"])
    (magnesium,) = signal.get_lines_intensity()
    back = imgpipe.from_hyperspy(magnesium, variable="intensity")
    assert back["intensity"].dims == ("y", "x")
    low, high = signal.estimate_integration_windows()[0]
    window = (leaf["energy"] >= low * 1e3 - 5.0) & (leaf["energy"] < high * 1e3 - 5.0)
    np.testing.assert_array_equal(back["intensity"], leaf["counts"].where(window, 0).sum("energy"))
    np.testing.assert_allclose(back["x"], leaf["x"])
    model = signal.inav[0, 0].create_model()
    model.fit()
    assert 0.8 < model["Mg_Ka"].A.value / (500 * 30 * np.sqrt(2 * np.pi) / 10) < 1.2
    cut = imgpipe.from_hyperspy(signal.inav[1:3, 2].isig[0.5:1.5])
    xr.testing.assert_allclose(
        cut["counts"], leaf["counts"].isel(y=2, x=slice(1, 3), drop=True).sel(energy=slice(500, 1499))
    )
    assert cut["counts"].dims == ("x", "energy")


def test_images_and_profiles():
    leaf = picture()
    signal = imgpipe.to_hyperspy(leaf, "image")
    assert type(signal).__name__ == "Signal2D"
    assert np.shares_memory(signal.data, leaf["image"].values)
    assert_alike(imgpipe.from_hyperspy(signal).drop_attrs(deep=False), leaf.drop_attrs(deep=False))
    profile = xr.Dataset({"intensity": leaf["image"].isel(y=0, drop=True).rename(x="position").astype(float)})
    line = imgpipe.to_hyperspy(profile, "intensity")
    assert type(line).__name__ == "Signal1D"
    assert imgpipe.from_hyperspy(line)["intensity"].dims == ("position",)


def test_names_along_an_axis_come_back():
    names = xr.DataArray(np.array(["Mg", "Cu Ka"], dtype=object), dims="element", attrs={"long_name": "element"})
    coords = {"element": names, "position": axis("position", 5, 10.0, "nm")}
    values = np.arange(10.0).reshape(2, 5)
    leaf = xr.Dataset({"intensity": quantity(values, "counts", "intensity", "element position", coords)})
    back = imgpipe.from_hyperspy(imgpipe.to_hyperspy(leaf, "intensity"))
    xr.testing.assert_identical(back["intensity"], leaf["intensity"])


def test_dimensions_in_another_order_are_turned_without_copying():
    leaf = spectral("y", "x").transpose("energy", "x", "y")
    signal = imgpipe.to_hyperspy(leaf)
    assert signal.data.shape == (4, 3, 200)
    assert np.shares_memory(signal.data, leaf["counts"].values)
    assert imgpipe.from_hyperspy(signal)["counts"].dims == ("x", "y", "energy")


def test_uneven_axes_become_data_axes_and_disorder_is_refused():
    leaf = spectral("position").assign_coords(position=("position", [0.0, 1.0, 5.0, 6.0], {"units": "nm"}))
    signal = imgpipe.to_hyperspy(leaf)
    assert not signal.axes_manager.navigation_axes[0].is_uniform
    np.testing.assert_array_equal(imgpipe.from_hyperspy(signal)["position"], leaf["position"])
    with pytest.raises(DataError, match="position"):
        imgpipe.to_hyperspy(leaf.assign_coords(position=("position", [0.0, 5.0, 1.0, 6.0], {"units": "nm"})))


def test_falling_axes_stay_falling():
    energy = axis("energy", 50, -0.1, "eV", start=170.0).assign_attrs(energy_type="binding")
    leaf = xr.Dataset({"counts": quantity(np.arange(50.0), "counts", "counts", "energy", {"energy": energy})})
    back = imgpipe.from_hyperspy(imgpipe.to_hyperspy(leaf.assign_attrs(technique="xps")))
    np.testing.assert_allclose(back["energy"], energy)
    assert back["energy"].attrs == energy.attrs


class TestForeignSignals:
    """Signals that never were a leaf."""

    def test_map_with_um_and_kev(self):
        import exspy

        data = da.ones((4, 5, 100), dtype="uint8", chunks=(2, 5, 100))
        axes = [
            {"name": "height", "size": 4, "scale": 0.5, "units": "µm"},
            {"name": "width", "size": 5, "scale": 0.5, "units": "µm"},
            {"name": "Energy", "size": 100, "scale": 0.02, "units": "keV"},
        ]
        leaf = imgpipe.from_hyperspy(exspy.signals.EDSSEMSpectrum(data, axes=axes).as_lazy())
        assert leaf["counts"].dims == ("y", "x", "energy")
        assert leaf["counts"].data.name == data.name
        np.testing.assert_allclose(leaf["x"], np.arange(5) * 500.0)
        np.testing.assert_allclose(leaf["energy"], np.arange(100) * 20.0)
        assert leaf.attrs["technique"] == "edxs"

    def test_line_without_a_scale_is_in_px(self):
        import exspy

        leaf = imgpipe.from_hyperspy(_with_kev(exspy.signals.EDSSEMSpectrum(np.ones((6, 100)))))
        assert leaf["counts"].dims == ("position", "energy")
        assert leaf["position"].attrs["units"] == "px"

    def test_energy_without_a_unit_is_refused(self):
        import exspy

        with pytest.raises(UnitError, match="energy axis"):
            imgpipe.from_hyperspy(exspy.signals.EDSSEMSpectrum(np.ones((6, 100))))

    def test_stack_of_images(self):
        import hyperspy.api as hs

        leaf = imgpipe.from_hyperspy(hs.signals.Signal2D(np.ones((2, 3, 4))))
        assert leaf["image"].dims == ("z", "y", "x")

    def test_no_signal(self):
        with pytest.raises(DataError, match="ndarray"):
            imgpipe.from_hyperspy(np.ones(3))


def _with_kev(signal):
    signal.axes_manager[-1].units = "keV"
    return signal


def test_missing_variable_names_the_nearest():
    with pytest.raises(DataError, match="counts"):
        imgpipe.to_hyperspy(spectral(), "count")


@pytest.mark.parametrize(("tilt", "azimuth"), [(0.0, 0.0), (20.0, 0.0), (35.0, 60.0), (-10.0, 135.0)])
def test_elevation_leads_back_to_the_take_off_angle(tilt, azimuth):
    leaf = spectral().assign(
        stage_tilt=quantity(tilt, "deg", "stage tilt"), azimuth_angle=quantity(azimuth, "deg", "azimuth")
    )
    np.testing.assert_allclose(imgpipe.to_hyperspy(leaf).get_take_off_angle(), 38.0)
    with pytest.raises(DataError, match="take-off"):
        elevation(85.0, 89.0, 90.0)


@pytest.mark.parametrize(
    "file",
    [
        "rosettasciio/bruker/bcf_v2_50x50px.bcf",
        "rosettasciio/phenom/Elid2Version4.elid",
        "rosettasciio/msa/example2.msa",
        "exspy/EDS_SEM_TM002.hspy",
    ],
)
def test_real_files_go_and_come_back(real_data, file):
    leaves = leaf_datasets(imgpipe.read(real_data / "fibsem" / file))
    for leaf in leaves.values():
        variable = "counts" if "counts" in leaf else "image"
        if variable not in leaf or "signal" in leaf.dims:
            continue
        signal = imgpipe.to_hyperspy(leaf, variable)
        assert signal.data.shape == leaf[variable].shape
        back = imgpipe.from_hyperspy(signal)
        xr.testing.assert_allclose(back[variable], leaf[variable], rtol=1e-12, atol=1e-9)
        numbers = {name for name, array in leaf.data_vars.items() if array.ndim == 0}
        assert numbers <= set(back.data_vars), numbers - set(back.data_vars)
        for name in numbers:
            np.testing.assert_allclose(back[name], leaf[name], rtol=1e-12)
            assert back[name].attrs["units"] == leaf[name].attrs["units"]
