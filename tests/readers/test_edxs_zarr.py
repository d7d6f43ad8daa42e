"""Zarr folders are opened where they are: our own layout, and plain groups with counts and coordinates."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
import zarr
from readers.edxs_files import cube, hspy

from imgpipe.batch import exit_code, run
from imgpipe.errors import ImgpipeError
from imgpipe.readers import admit_spectrum, fingerprint, read
from imgpipe.store import write_leaf

COUNTS = cube(40, 50)
ENERGY = -0.02 + 0.01 * np.arange(COUNTS.shape[2])


def plain(path: Path, version: int = 3, counts: np.ndarray[Any, Any] = COUNTS, unit: str | None = "keV") -> Path:
    """Write a group as a user would: arrays with units, no names of dimensions."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    array = group.create_array("counts", shape=counts.shape, chunks=(8, 8, 50)[-counts.ndim :], dtype=counts.dtype)
    array[:] = counts
    energy = group.create_array("energy", data=ENERGY)
    energy.attrs.update({"units": unit} if unit else {})
    for name, size in (("y", counts.shape[0]), ("x", counts.shape[1])) if counts.ndim == 3 else ():
        group.create_array(name, data=0.02 * np.arange(size)).attrs["units"] = "um"
    beam = group.create_array("beam_energy", shape=(), dtype="f8")
    beam[...] = 5000.0
    beam.attrs["units"] = "eV"
    return path


def refused(path: Path) -> str:
    with pytest.raises(ImgpipeError) as caught:
        read(path)
    assert caught.value.file == str(path)
    assert caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize("version", [2, 3])
def test_a_plain_group(tmp_path, version):
    found = read(plain(tmp_path / "scan.zarr", version))["map"].to_dataset()
    assert found.counts.dtype == np.uint16
    np.testing.assert_array_equal(found.counts.values, COUNTS)
    np.testing.assert_allclose(found.energy.values, 1000 * ENERGY)
    np.testing.assert_allclose(found.x.values, 20.0 * np.arange(50))
    assert {found[dim].attrs["units"] for dim in "yx"} == {"nm"}
    assert found.counts.chunks[2] == (COUNTS.shape[2],)
    assert float(found.beam_energy) == 5000.0
    assert found.attrs["technique"] == "edxs"
    assert admit_spectrum(found) == []


def test_our_own_layout_comes_back_as_it_was(tmp_path):
    leaf = read(hspy(tmp_path / "map.hspy", COUNTS))["map"].to_dataset()
    write_leaf(leaf, tmp_path / "data.zarr", "map")
    found = read(tmp_path / "data.zarr")["map"].to_dataset()
    np.testing.assert_array_equal(found.counts.values, COUNTS)
    assert found.attrs["elements"] == "Mg W"
    assert found.attrs["provenance"].count('"step"') == 2
    assert found.drop_attrs().equals(leaf.drop_attrs())
    (tmp_path / "a.csv").write_text("distance (nm),Mg,W\n0,1,2\n1,3,4\n")
    write_leaf(read(tmp_path / "a.csv")["line"].to_dataset(), tmp_path / "line.zarr", "line")
    line = read(tmp_path / "line.zarr")["line"]
    assert line.element.dtype == object
    assert line.xray_line.values.tolist() == ["Mg", "W"]


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    """A map that claims 8 GB and holds no chunk opens in a blink, in tiles with whole spectra."""
    group = zarr.open_group(tmp_path / "big.zarr", mode="w")
    group.create_array("counts", shape=(1024, 1024, 2048), chunks=(32, 32, 2048), dtype="u4")
    group.create_array("energy", data=0.01 * np.arange(2048)).attrs["units"] = "keV"
    tracemalloc.start()
    found = read(tmp_path / "big.zarr")["map"]
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    sizes = [sizes[0] for sizes in found.counts.chunks]
    assert sizes[2] == 2048
    assert 8e6 <= 4 * np.prod(sizes) <= 34e6
    tasks = len(dict(dask.optimize(found.counts.data)[0].__dask_graph__()))
    assert tasks <= 3 * np.prod([len(one) for one in found.counts.chunks])
    assert "1024 unwritten block(s)" in found.attrs["flags"]
    assert found.x.attrs["units"] == "px"


def test_folders_that_can_t_be_used(tmp_path):
    assert "has no unit" in refused(plain(tmp_path / "unit.zarr", unit=None))
    zarr.create_array(store=tmp_path / "array.zarr", shape=(4, 4), dtype="u2")
    assert "one array of the shape (4, 4)" in refused(tmp_path / "array.zarr")
    zarr.open_group(tmp_path / "empty.zarr", mode="w")
    assert "no group in it holds counts" in refused(tmp_path / "empty.zarr")
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text("{not json")
    assert "can't be read as zarr" in refused(tmp_path / "bad.zarr")
    (tmp_path / "folder.tif").mkdir()
    assert "it is a folder" in refused(tmp_path / "folder.tif")


def test_pickled_objects_are_refused(tmp_path):
    path = plain(tmp_path / "a.zarr", 2)
    array = path / "counts" / ".zarray"
    array.write_text(array.read_text().replace('"filters": null', '"filters": [{"id": "pickle", "protocol": 5}]'))
    assert "pickle" in refused(path)


def as_xarray(dtype: str = "u2", **attrs: object) -> xr.Dataset:
    """Return a map as a user has it in xarray."""
    coords = {
        "energy": ("energy", 1000 * ENERGY, {"units": "eV"}),
        "y": ("y", 20.0 * np.arange(COUNTS.shape[0]), {"units": "nm"}),
        "x": ("x", 20.0 * np.arange(COUNTS.shape[1]), {"units": "nm"}),
    }
    beam = ((), 5000.0, {"units": "eV"})
    counts = (("y", "x", "energy"), COUNTS.astype(dtype), attrs)
    return xr.Dataset({"counts": counts, "beam_energy": beam}, coords=coords)


RECIPE = """\
imgpipe: 1
title: a map
inputs: "{name}.zarr"
steps:
  - line_intensities: {elements: [Mg], always: [], method: window}
"""


@pytest.mark.parametrize("dtype", ["u2", "f8"])
@pytest.mark.parametrize("version", [2, 3])
def test_what_xarray_writes_runs_through_a_recipe(tmp_path, version, dtype):
    as_xarray(dtype).to_zarr(tmp_path / "data" / "scan.zarr", zarr_format=version, consolidated=False)
    found = read(tmp_path / "data" / "scan.zarr")["map"].to_dataset()
    assert not [name for name in found.variables if "_FillValue" in found[name].attrs]
    np.testing.assert_array_equal(found.counts.values, COUNTS)
    write_leaf(found, tmp_path / "again.zarr", "map")
    np.testing.assert_array_equal(read(tmp_path / "again.zarr")["map"].counts.values, COUNTS)
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    done = run(tmp_path / "recipe.yaml", [tmp_path / "data"], tmp_path / "out", report=False)
    assert exit_code(done) == 0
    assert set(done.groups) == {"scan"}


def test_missing_and_packed_values_of_other_software(tmp_path):
    given = as_xarray("f8")
    given["counts"][0, 0, 0] = np.nan
    given.to_zarr(tmp_path / "a.zarr", encoding={"counts": {"_FillValue": -999.0}}, consolidated=False)
    found = read(tmp_path / "a.zarr")["map"].to_dataset()
    assert np.isnan(found.counts.values[0, 0, 0])
    assert np.isfinite(found.counts.values[1:]).all()
    packed = {"dtype": "i4", "scale_factor": 0.01, "add_offset": 5.0, "_FillValue": -(10**9)}
    as_xarray().to_zarr(tmp_path / "b.zarr", encoding={"energy": packed}, consolidated=False)
    np.testing.assert_allclose(read(tmp_path / "b.zarr")["map"].energy.values, 1000 * ENERGY)
    as_xarray("f8").to_zarr(tmp_path / "c.zarr", encoding={"counts": packed}, consolidated=False)
    assert "counts is packed (scale_factor = 0.01, add_offset = 5.0)" in refused(tmp_path / "c.zarr")
    as_xarray().to_zarr(tmp_path / "d.zarr", encoding={"counts": {"_FillValue": 65535}}, consolidated=False)
    assert "counts: its value 65535 for missing values" in read(tmp_path / "d.zarr")["map"].attrs["flags"]


def test_the_gate_looks_at_what_no_reader_has_counted(tmp_path):
    negative = COUNTS.astype(np.int16)
    negative[3, 4, 5] = -7
    with pytest.raises(ImgpipeError, match=r"1 counts are negative \(down to -7\)"):
        admit_spectrum(read(plain(tmp_path / "a.zarr", counts=negative))["map"].to_dataset())


def test_a_fingerprint_of_a_folder_follows_its_content(tmp_path):
    path = plain(tmp_path / "a.zarr")
    first = fingerprint(path)
    assert fingerprint(path) == first
    zarr.open_group(path, mode="r+")["counts"][0, 0, 0] = 9999
    assert fingerprint(path) != first
