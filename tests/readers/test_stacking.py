"""Files that belong together become one leaf, or the error names the two that don't fit (row 53)."""

from __future__ import annotations

from pathlib import Path

import dask
import numpy as np
import pytest
import tifffile
import xarray as xr
from readers.vendor_files import FEI, fei_text, grain, tagged

from imgpipe.errors import DataError
from imgpipe.model import axis, check, quantity
from imgpipe.readers import read, stack_leaves


def _trees(folder: Path, count: int = 2) -> list[xr.DataTree]:
    names = ["se.tif", "bse.tif", "ice.tif"][:count]
    for seed, name in enumerate(names):
        tagged(folder / name, grain(seed=seed), FEI, fei_text(200, 160).replace("TLD", name[:-4].upper()))
    return [read(folder / name) for name in names]


def test_detectors_become_signals(tmp_path: Path) -> None:
    joined = stack_leaves(_trees(tmp_path), "signal", ["SE", "BSE"])["image"].to_dataset()
    assert joined.image.dims == ("signal", "y", "x")
    assert list(joined.signal.values) == ["SE", "BSE"]
    assert np.array_equal(joined.image.values, np.stack([grain(seed=0), grain(seed=1)]))
    assert float(joined.x[1]) == 5.0
    assert joined.attrs["source_file"] == "se.tif; bse.tif"
    assert joined.attrs["detector"] == "SE; BSE"
    assert joined.image.attrs["units"] == "counts"
    assert dask.is_dask_collection(joined.image)
    assert check(joined) == []


@pytest.mark.parametrize(("dim", "unit"), [("z", "nm"), ("time", "s")])
def test_slices_and_times(tmp_path: Path, dim: str, unit: str) -> None:
    joined = stack_leaves(_trees(tmp_path, 3), dim, [0.0, 20.0, 45.0])["image"].to_dataset()
    assert list(joined[dim].values) == [0.0, 20.0, 45.0]
    assert joined[dim].attrs["units"] == unit
    assert joined.image.dims == (dim, "y", "x")


def test_other_shape_names_both_files(tmp_path: Path) -> None:
    for name, rows in (("a.tif", 100), ("b.tif", 101)):
        tifffile.imwrite(tmp_path / name, grain(rows))
    trees = [read(tmp_path / name) for name in ("a.tif", "b.tif")]
    with pytest.raises(DataError, match=r"a\.tif and b\.tif don't fit together: .*100.*101"):
        stack_leaves(trees, "signal", ["a", "b"])


def test_other_type(tmp_path: Path) -> None:
    for name, dtype in (("a.tif", "uint8"), ("b.tif", "uint16")):
        tifffile.imwrite(tmp_path / name, grain(dtype=dtype))
    with pytest.raises(DataError, match=r"uint8 and .* uint16"):
        stack_leaves([read(tmp_path / name) for name in ("a.tif", "b.tif")], "signal", ["a", "b"])


def test_other_coordinates(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, grain())
    trees = [read(tmp_path / "a.tif", pixel_size=5.0), read(tmp_path / "b.tif", pixel_size=5.001)]
    with pytest.raises(DataError, match=r"a\.tif and b\.tif have different coordinates"):
        stack_leaves(trees, "signal", ["a", "b"])


def test_other_beam_energy(tmp_path: Path) -> None:
    trees = _trees(tmp_path)
    tagged(tmp_path / "other.tif", grain(), FEI, fei_text(200, 160).replace("HV=5000", "HV=2000"))
    with pytest.raises(DataError, match=r"se\.tif and other\.tif were taken with different beam_energy"):
        stack_leaves([trees[0], read(tmp_path / "other.tif")], "signal", ["a", "b"])


@pytest.mark.parametrize(
    ("dim", "labels", "message"),
    [
        ("signal", ["SE"], "one label per file"),
        ("signal", ["SE", "SE"], "must differ"),
        ("z", [20.0, 0.0], "must rise"),
        ("colour", ["a", "b"], "can't stack"),
        ("y", [0.0, 1.0], "already has the dimension"),
    ],
)
def test_wrong_labels(tmp_path: Path, dim: str, labels: list[str] | list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        stack_leaves(_trees(tmp_path), dim, labels)


def spectrum(sweeps: float, file: str) -> xr.DataTree:
    energy = axis("energy", 5, 0.1, "eV", start=160.0)
    leaf = xr.Dataset(
        {"counts": quantity(np.full(5, sweeps), "counts", "counts", "energy"),
         "sweeps": quantity(sweeps, "1", "sweeps"),
         "photon_energy": quantity(1486.69, "eV", "photon energy")},
        {"energy": energy}, attrs={"source_file": file},
    )  # fmt: skip
    return xr.DataTree.from_dict({"/S 2p": leaf})


def test_settings_that_differ_between_samples_become_one_number_each():
    leaf = stack_leaves([spectrum(2.0, "a.vms"), spectrum(5.0, "b.vms")], "sample", ["Mg-Cu", "Cu"])["S 2p"]
    assert leaf["counts"].dims == ("sample", "energy")
    assert leaf["sample"].values.tolist() == ["Mg-Cu", "Cu"]
    assert leaf["sweeps"].dims == ("sample",)
    assert leaf["sweeps"].values.tolist() == [2.0, 5.0]
    assert leaf["photon_energy"].ndim == 0
