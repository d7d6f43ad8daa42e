"""Sum spectra: all points, a rectangle, a mask."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr
from edxs_by_hand import run, two_halves

from imgpipe.errors import DataError, StepError
from imgpipe.model import check, quantity
from imgpipe.steps.edxs.profile import line_profile
from imgpipe.steps.edxs.sum_spectrum import sum_spectrum


def summed(leaf: xr.Dataset, name: str = "map", **settings: object) -> xr.Dataset:
    """Return the leaf `sum` that the step makes."""
    return run(sum_spectrum, {name: leaf}, "sum", **settings)["sum"].to_dataset()


def test_all_points():
    leaf = two_halves()
    found = summed(leaf)
    np.testing.assert_array_equal(found["counts"], leaf["counts"].sum(("y", "x"), dtype=np.uint64))
    assert found["counts"].dtype == np.uint64
    assert (int(found["n_pixels"]), float(found["live_time"])) == (4800, 960.0)
    assert check(found) == []


def test_a_rectangle_takes_its_part_of_the_live_time():
    leaf = two_halves()
    found = summed(leaf, x=["0.1 um", 195.0], y=[0, 99.0])
    np.testing.assert_array_equal(found["counts"], leaf["counts"].isel(x=slice(10, 20), y=slice(0, 10)).sum(("y", "x")))
    assert float(found["live_time"]) == pytest.approx(0.2 * 100)


def test_a_mask_in_memory_or_lazy():
    leaf = two_halves()
    marked = leaf["x"] + leaf["y"] < 500.0
    leaf["mask"] = marked.transpose("y", "x")
    for one in (leaf, leaf.assign(counts=leaf["counts"].chunk({"y": 13, "x": 80}))):
        found = summed(one, x=[0.0, 395.0])
        np.testing.assert_array_equal(
            found["counts"], leaf["counts"].where(marked & (leaf["x"] < 400.0), 0).sum(("y", "x"))
        )
        assert int(found["n_pixels"]) == int(marked[:40].sum())
    with pytest.raises(DataError, match="mask"):
        summed(leaf.assign(mask=quantity(np.ones(60), "1", "m", "y")))


def test_lines_and_lazy_maps_compute_nothing():
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed while building")

    leaf = two_halves()
    lazy = leaf.assign(counts=leaf["counts"].chunk({"y": 13, "x": 80}))
    settings = {"start": [0.0, 300.0], "end": [790.0, 300.0], "width": 50.0, "lines": 2}
    with dask.config.set(scheduler=refuse):
        line = run(line_profile, {"map": lazy}, "line", **settings)["line"].to_dataset()
        found = summed(line, "line", position=[100.0, 200.0])
    wanted = leaf["counts"].sel(y=slice(250, 345), x=slice(100, 200)).sum(("y", "x"))
    np.testing.assert_array_equal(found["counts"].compute(scheduler="sync"), wanted)


def test_what_makes_no_sense_is_refused():
    leaf = two_halves()
    with pytest.raises(DataError, match="no point lies"):
        summed(leaf, x=[2000.0, 3000.0])
    with pytest.raises(DataError, match="position"):
        summed(leaf, position=[0.0, 10.0])
    with pytest.raises(DataError, match="one spectrum"):
        summed(leaf.isel(x=0, y=0, drop=True))
    with pytest.raises(StepError, match="counts"):
        summed(leaf.drop_vars("counts"))
