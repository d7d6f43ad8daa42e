"""A kernel on whole and on chunked arrays gives the same numbers, and building computes nothing."""

from __future__ import annotations

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from imgpipe.blocks import blockwise, chunks_watched, is_lazy


def smooth(values: np.ndarray, *, width: int) -> np.ndarray:
    return ndimage.uniform_filter1d(values.astype(np.float64), width, axis=-2, mode="nearest")


@pytest.fixture
def image(rng: np.random.Generator) -> xr.DataArray:
    return xr.DataArray(
        rng.normal(100, 10, (2, 37, 41)).astype(np.float32),
        dims=("z", "y", "x"),
        coords={"x": ("x", np.arange(41.0), {"units": "nm"})},
        attrs={"units": "counts"},
    )


@pytest.mark.parametrize("chunks", [{"y": 10}, {"z": 1, "y": 37, "x": 7}, {"y": (20, 17)}, {"y": 5, "x": 41}])
def test_whole_and_chunked_agree(image, chunks):
    whole = blockwise(smooth, image, halo={"y": 3}, width=7)
    parts = blockwise(smooth, image.chunk(chunks), halo={"y": 3}, width=7)
    assert is_lazy(parts)
    assert not is_lazy(whole)
    xr.testing.assert_identical(parts.compute(scheduler="sync"), whole)


def test_nothing_is_computed_while_building(image):
    def refuse(*args, **kwargs):
        raise AssertionError("computed")

    with dask.config.set(scheduler=refuse):
        blockwise(smooth, image.chunk({"y": 10}), halo={"y": 3}, width=7)
        blockwise(smooth, image.chunk({"y": 10}), whole=("y",), width=7)


def test_whole_dimensions_are_not_cut(image):
    seen = []

    def look(values):
        seen.append(values.shape)
        return values

    blockwise(look, image.chunk({"y": 10, "x": 20}), whole=("y",)).compute(scheduler="sync")
    assert {shape[1] for shape in seen} == {37}


def test_result_has_the_declared_type_and_the_input_is_unchanged(image):
    before = image.copy(deep=True)
    whole = blockwise(smooth, image, dtype=np.float64, width=3)
    lazy = blockwise(smooth, image.chunk({"x": 20}), width=3)
    assert whole.dtype == np.float64
    assert lazy.dtype == lazy.compute(scheduler="sync").dtype == np.float32
    xr.testing.assert_identical(image, before)


def test_dimensions_in_another_order_come_back_as_they_were(image):
    turned = image.transpose("x", "z", "y")
    result = blockwise(smooth, turned, width=3)
    assert result.dims == turned.dims
    xr.testing.assert_identical(result.transpose(*image.dims), blockwise(smooth, image, width=3))


def test_the_fraction_of_finished_chunks_is_told():
    heard: list[float] = []
    lazy = da.ones((8, 4), chunks=(1, 4)) + 1
    with chunks_watched(heard.append, every=0.0):
        lazy.sum().compute(scheduler="synchronous")
    assert heard == sorted(heard)
    assert heard[0] < 0.5
    assert heard[-1] == 1.0
