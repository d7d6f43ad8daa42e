"""Image steps: same numbers in any chunks, nothing computed early, nothing lost on the way."""

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.kernels.curtains import curtain_pattern
from imgpipe.model import axis, check, quantity
from imgpipe.phantoms.cross_section import make
from imgpipe.steps.image import crop, crop_data_bar, denoise, orient_stack, remove_curtains, select_signal

CHUNKS = [(96, 128), (300, 97), (-1, -1), (17, 260)]
REMOVE = {"width": 12, "length": 200}


@pytest.fixture(scope="module")
def section():
    dataset, _ = make(4, preset="realistic", shape=(288, 384), curtains=0.04)
    return dataset


@pytest.fixture
def no_compute():
    def refuse(*_, **__):
        raise AssertionError("something was computed while building")

    with dask.config.set(scheduler=refuse):
        yield


def in_chunks(dataset, rows, columns):
    return dataset.chunk({"y": rows, "x": columns})


def signals(section):
    both = xr.concat([section["image"], 255 - section["image"]], "signal").transpose("signal", "y", "x")
    names = xr.DataArray(np.array(["SE2", "ESB"], dtype=object), dims="signal", attrs={"long_name": "signal"})
    return (
        section.drop_vars("image").assign(image=both.assign_attrs(section["image"].attrs)).assign_coords(signal=names)
    )


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda d: crop(d, top=10, right=7), id="crop"),
        pytest.param(lambda d: crop_data_bar(d.assign_attrs(data_bar_rows=0), rows=20), id="crop_data_bar"),
        pytest.param(lambda d: orient_stack(d, direction="left"), id="orient_stack"),
        pytest.param(lambda d: denoise(d["image"]).to_dataset(name="image"), id="gaussian"),
        pytest.param(lambda d: denoise(d["image"], method="median").to_dataset(name="image"), id="median"),
        pytest.param(lambda d: denoise(d["image"], method="nlm", noise=6.0).to_dataset(name="image"), id="nlm"),
        pytest.param(lambda d: remove_curtains(d["image"], **REMOVE), id="remove_curtains"),
    ],
)
class TestContract:
    def test_chunks_change_nothing(self, run, section):
        whole = run(section)
        for rows, columns in CHUNKS:
            xr.testing.assert_allclose(run(in_chunks(section, rows, columns)).compute(), whole, rtol=1e-5, atol=1e-3)

    def test_nothing_is_computed(self, run, section, no_compute):
        result = run(in_chunks(section, 96, 128))
        assert result["image"].chunks is not None

    def test_input_is_unchanged(self, run, section):
        before = section.copy(deep=True)
        run(section)
        xr.testing.assert_identical(section, before)

    def test_output_is_sound(self, run, section):
        with xr.set_options(keep_attrs=False):
            result = run(section)
        assert check(result) == []
        assert result["image"].attrs["units"] == "counts"
        assert result["image"].attrs["bits"] == section["image"].attrs["bits"]

    def test_pixel_size_changes_no_grey(self, run, section):
        larger = section.assign_coords({d: section[d].copy(data=section[d].values * 3) for d in ("y", "x")})
        np.testing.assert_array_equal(run(larger)["image"], run(section)["image"])


def test_crop_keeps_positions(section):
    cut = crop(section, top=10, bottom=20, left=3, right=4)
    assert cut["image"].shape == (258, 377)
    assert cut["y"].values[0] == section["y"].values[10]
    assert float(cut["image"][0, 0]) == float(section["image"][10, 3])
    assert cut["y"].attrs == section["y"].attrs


def test_crop_refuses_to_leave_nothing(section):
    with pytest.raises(DataError, match="leaves less than 2"):
        crop(section, top=287)


def test_data_bar_goes_once(section):
    bare = section.drop_attrs(deep=False)
    with pytest.raises(DataError, match="unknown"):
        crop_data_bar(bare)
    once = crop_data_bar(bare, rows=30)
    assert once.sizes["y"] == 258
    assert once.attrs["data_bar_rows"] == 30
    xr.testing.assert_identical(crop_data_bar(once), once)
    with pytest.raises(DataError, match="30 rows was taken off before"):
        crop_data_bar(once, rows=30)
    with pytest.raises(DataError, match="less than 2"):
        crop_data_bar(bare, rows=287)


def test_select_signal_by_name(section):
    one = select_signal(signals(section), signal="ESB")
    np.testing.assert_array_equal(one["image"], 255 - section["image"].values)
    assert one.attrs["detector"] == "ESB"
    assert "signal" not in one.coords
    with pytest.raises(DataError, match="did you mean 'ESB'"):
        select_signal(signals(section), signal="ESb")
    with pytest.raises(DataError, match="one detector only"):
        select_signal(section, signal="ESB")


def as_seen(section, direction):
    """Turn a stack that runs down so that it runs elsewhere, by numpy."""
    turns = {"down": 0, "right": 1, "up": 2, "left": 3}[direction]
    image = np.rot90(section["image"].values, turns)
    (size_x, size_y) = (2.0, 3.0) if turns % 2 == 0 else (3.0, 2.0)
    coords = {"y": axis("y", image.shape[0], size_y, "nm"), "x": axis("x", image.shape[1], size_x, "nm")}
    sizes = {"pixel_size_x": quantity(size_x, "nm", "pixel size"), "pixel_size_y": quantity(size_y, "nm", "pixel size")}
    return xr.Dataset({"image": quantity(image, "counts", "signal", "y x", coords, bits=8), **sizes})


@pytest.mark.parametrize("direction", ["down", "up", "left", "right"])
def test_every_direction_comes_out_down(section, direction):
    turned = orient_stack(as_seen(section, direction), direction=direction)
    expected = as_seen(section, "down")
    assert turned.attrs["stack_direction"] == direction
    xr.testing.assert_identical(turned.drop_attrs(deep=False), expected)
    with pytest.raises(DataError, match="turned before"):
        orient_stack(turned, direction="up")


@pytest.mark.parametrize(("direction", "flag"), [("down", ""), ("right", "stack taken to run right")])
def test_direction_is_found(section, direction, flag):
    turned = orient_stack(as_seen(section, direction))
    assert turned.attrs["stack_direction"] == direction
    assert turned.attrs.get("flags", "") == flag
    np.testing.assert_array_equal(turned["image"], section["image"])


def test_auto_reads_each_chunk_once(section):
    reads = []

    def load(block, block_info=None):
        reads.append(block_info[0]["chunk-location"])
        return block

    lazy = da.from_array(section["image"].values, chunks=(96, 128)).map_blocks(
        load, dtype=np.uint8, meta=np.empty((0, 0))
    )
    orient_stack(section.assign(image=section["image"].copy(data=lazy)))
    assert len(reads) == len(set(reads)) == 9


def test_pages_of_a_stack_are_cleaned_one_by_one(section):
    pages = xr.concat([section["image"], section["image"] // 2], "z").transpose("z", "y", "x")
    pages = pages.assign_attrs(section["image"].attrs).assign_coords(z=axis("z", 2, 10.0, "nm"))
    result = remove_curtains(pages, **REMOVE)
    alone = remove_curtains(section["image"], **REMOVE)
    np.testing.assert_array_equal(result["curtain"][0], alone["curtain"])
    assert result["curtain_damage"].dims == ()
    xr.testing.assert_allclose(
        remove_curtains(pages.chunk(z=1, x=100), **REMOVE).compute(), result, rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_image_plus_curtain_is_the_image_as_it_was(section, dtype):
    image = section["image"].astype(dtype)
    image.attrs = section["image"].attrs
    result = remove_curtains(image, **REMOVE)
    assert result["image"].dtype == result["curtain"].dtype == np.float32
    np.testing.assert_allclose(result["image"] + result["curtain"], section["image"], atol=1e-4)
    np.testing.assert_array_equal(result["curtain"], curtain_pattern(section["image"].values, **REMOVE))


def test_dark_pixels_do_not_wrap_around(section):
    dark = section["image"] - section["image"].min()
    result = remove_curtains(dark.assign_attrs(section["image"].attrs), **REMOVE)
    assert np.abs(result["image"] - dark.astype(float)).max() < 60


def test_amplitude_and_damage_follow_the_curtains():
    same = {"preset": "realistic", "shape": (512, 768), "noise": 5.0}
    results = {rms: remove_curtains(make(5, curtains=rms, **same)[0]["image"]) for rms in (0.0, 0.03, 0.06)}
    amplitude = [float(result["curtain_amplitude"]) for result in results.values()]
    damage = [float(result["curtain_damage"]) for result in results.values()]
    free = results[0.0]
    assert amplitude[0] < 0.12 * 5.0
    assert damage[0] == pytest.approx(amplitude[0], rel=0.25)
    assert amplitude[2] > 1.7 * amplitude[1] > 4 * amplitude[0]
    assert damage[2] < 0.3 * amplitude[2]
    assert free["curtain_damage"].attrs["units"] == "counts"


def test_nlm_asks_for_the_noise(section):
    with pytest.raises(DataError, match="need the noise"):
        denoise(section["image"], method="nlm")
