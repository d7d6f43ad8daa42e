"""The gate: statistics that do not depend on how the pixels arrive, and what is refused."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from readers.vendor_files import grain

from imgpipe.errors import DataError
from imgpipe.model import axis
from imgpipe.readers import admit, gate


def _leaf(image: np.ndarray, step: float = 5.0) -> xr.Dataset:  # type: ignore[type-arg]
    y, x = image.shape[-2:]
    coords = {"y": axis("y", y, step, "nm"), "x": axis("x", x, step, "nm")}
    array = xr.DataArray(image, dims=("z", "y", "x")[-image.ndim :], attrs={"units": "counts"})
    return xr.Dataset({"image": array}, coords)


@given(
    arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)), st.integers(1, 40)
)
def test_row_47_statistics_do_not_wrap_and_do_not_depend_on_blocks(image: np.ndarray, rows: int) -> None:  # type: ignore[type-arg]
    whole = gate.measure([image])
    parts = gate.PixelStatistics()
    for start in range(0, image.shape[0], rows):
        parts.add(image[start : start + rows])
    values = [int(value) for value in image.ravel()]
    assert (whole.lowest, whole.highest) == (min(values), max(values))
    assert (whole.at_lowest, whole.at_highest) == (values.count(min(values)), values.count(max(values)))
    for name in ("count", "lowest", "highest", "at_lowest", "at_highest", "used_bits"):
        assert getattr(whole, name) == getattr(parts, name)


@given(st.lists(st.integers(1, 6000), min_size=1, max_size=5), st.sampled_from([512, 777, 4096, 9000, 40_000]))
@settings(deadline=None, max_examples=50)
def test_zero_runs_are_found_wherever_the_blocks_end(lengths: list[int], block: int) -> None:
    """Runs of zeros and of ones alternate; a run is found up to one cell at each end and at each end of a block."""
    pieces = [np.full(length, index % 2, np.uint8) for index, length in enumerate(lengths)]
    flat = np.concatenate([*pieces, np.ones(1, np.uint8)])
    statistics = gate.PixelStatistics()
    for start in range(0, flat.size, block):
        statistics.add_run_lengths(flat[start : start + block])
    longest = max(lengths[::2])
    lost = 2 + (0 if block % gate.CELL == 0 else -(-longest // block))
    assert longest - lost * gate.CELL < statistics.longest_zeros <= longest


def test_statistics_survive_json() -> None:
    statistics = gate.measure([grain()])
    assert gate.from_json(statistics.as_json()) == statistics


@pytest.mark.parametrize(
    ("top", "bits"), [(200, 8), (1000, 10), (4095, 12), (16000, 14), (65535, 16), (4095 << 4, 12), (255 << 8, 8)]
)
def test_bits(top: int, bits: int) -> None:
    image = np.zeros((20, 20), np.uint16)
    image[0, 0] = top
    assert gate.measure([image]).bits == bits


def test_a_sound_image_has_no_flags() -> None:
    assert admit(_leaf(grain())) == []


@pytest.mark.parametrize("share", [0.0009, 0.002])
def test_saturation_is_flagged_from_one_in_a_thousand(share: float) -> None:
    image = grain(100, 100)
    image.ravel()[: int(share * image.size)] = 255
    assert bool(admit(_leaf(image))) == (share > 0.001)


def test_saturation_of_more_than_5_percent_is_refused_unless_allowed() -> None:
    image = grain(100, 100)
    image[:6] = 255
    with pytest.raises(DataError, match="6 % of the pixels are saturated"):
        admit(_leaf(image))
    assert admit(_leaf(image), max_saturated=0.1) == ["saturated 6 %"]


@pytest.mark.parametrize("dtype", [bool, np.complex64, "U3"])
def test_no_grey_values(dtype: object) -> None:
    with pytest.raises(DataError):
        admit(_leaf(np.zeros((20, 20), dtype)))  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [0.0, -5.0, np.nan])
def test_row_52_reversed_or_no_step(step: float) -> None:
    with pytest.raises(DataError, match="must rise"):
        admit(_leaf(grain(), step))


def test_axes_in_other_order_or_unit() -> None:
    leaf = _leaf(grain())
    with pytest.raises(DataError, match="must be y, x"):
        admit(leaf.transpose("x", "y"))
    leaf.x.attrs["units"] = "um"
    with pytest.raises(DataError, match="different units"):
        admit(leaf)
    with pytest.raises(DataError, match="no variable 'image'"):
        admit(leaf.drop_vars("image"))


def test_lazy_images_without_statistics_are_computed_once_per_chunk() -> None:
    counted = []

    def load(block: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        counted.append(block.shape)
        return block

    lazy = da.from_array(grain(100, 100), chunks=(50, 50)).map_blocks(
        load, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    leaf = _leaf(grain(100, 100)).assign(image=(("y", "x"), lazy))
    assert admit(leaf) == []
    assert counted == [(50, 50)] * 4


def test_statistics_of_the_reader_are_used_until_the_image_is_cropped() -> None:
    leaf = _leaf(grain())
    leaf.attrs["pixel_statistics"] = gate.measure([np.full(grain().shape, 3, np.uint8)]).as_json()
    with pytest.raises(DataError, match="constant"):
        admit(leaf)
    assert admit(leaf.isel(y=slice(0, 50))) == []
