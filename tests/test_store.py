"""Arrays on disk: a checksum on every chunk, equal bytes for equal data, disk errors with the path (FAULTS 66, 69)."""

from __future__ import annotations

import errno
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from imgpipe.errors import OutputError
from imgpipe.model import axis, quantity, texts
from imgpipe.store import disk_errors, open_leaf, open_leaves, write_leaf


@pytest.fixture
def leaf(rng: np.random.Generator) -> xr.Dataset:
    image = quantity(rng.integers(0, 255, (40, 30)).astype(np.uint8), "counts", "grey", "y x")
    return xr.Dataset(
        {
            "image": image,
            "mask": (("y", "x"), image.values > 100, {"long_name": "mask"}),
            "thickness": quantity([1.0, np.nan], "nm", "thickness", "layer"),
            "zero": quantity([0.0, 0.0], "nm", "zero", "layer"),
            "flag": texts(["", "edited; é"], "flag", "layer"),
            "sample": xr.DataArray("007").astype(object),
            "energy": quantity(5000.0, "eV", "beam energy"),
        },
        coords={
            "y": axis("y", 40, 5.0, "nm"),
            "x": axis("x", 30, 5.0, "nm"),
            "layer": texts(["Mg", "NA"], "layer", "layer"),
        },
        attrs={"technique": "sem", "provenance": "[]"},
    )


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_written_is_read(tmp_path, leaf):
    write_leaf(leaf, tmp_path / "s.zarr", "image")
    again = open_leaf(tmp_path / "s.zarr", "image").load()
    for name in leaf.variables:
        assert again[name].values.tolist() == leaf[name].values.tolist() or name == "thickness"
        assert again[name].attrs == leaf[name].attrs
    np.testing.assert_array_equal(again["thickness"], leaf["thickness"])
    assert again.attrs == leaf.attrs
    assert again["image"].dtype == np.uint8


def test_leaves_below_leaves_are_found(tmp_path, leaf):
    for name in ("afm/map", "afm/line", "sem"):
        write_leaf(leaf, tmp_path / "s.zarr", name)
    assert sorted(open_leaves(tmp_path / "s.zarr")) == ["afm/line", "afm/map", "sem"]


def test_equal_data_gives_equal_bytes(tmp_path, leaf):
    write_leaf(leaf, tmp_path / "a.zarr", "image")
    write_leaf(leaf.copy(deep=True), tmp_path / "b.zarr", "image")
    assert files(tmp_path / "a.zarr") == files(tmp_path / "b.zarr")


def test_encodings_of_the_source_are_forgotten(tmp_path, leaf):
    write_leaf(leaf, tmp_path / "a.zarr", "image")
    write_leaf(open_leaf(tmp_path / "a.zarr", "image").load(), tmp_path / "b.zarr", "image")
    leaf["image"].encoding = {"dtype": "int16", "scale_factor": 3.0}
    write_leaf(leaf, tmp_path / "c.zarr", "image")
    assert files(tmp_path / "a.zarr") == files(tmp_path / "b.zarr") == files(tmp_path / "c.zarr")


@pytest.mark.parametrize("name", ["image", "mask", "thickness", "flag", "sample", "energy", "x", "layer"])
def test_row_66_every_kind_of_array_notices_each_flipped_bit(tmp_path, leaf, name, rng):
    store = tmp_path / "s.zarr"
    write_leaf(leaf, store, "image")
    chunks = [p for p in (store / "image" / name).rglob("*") if p.is_file() and p.name != "zarr.json"]
    assert chunks
    sound = chunks[0].read_bytes()
    for bit in rng.choice(len(sound) * 8, min(20, len(sound) * 8), replace=False):
        broken = bytearray(sound)
        broken[bit // 8] ^= 1 << (bit % 8)
        chunks[0].write_bytes(bytes(broken))
        with pytest.raises((ValueError, RuntimeError)):
            open_leaf(store, "image")[name].load()


def test_row_69_a_dask_chunk_smaller_than_a_shard_is_refused(tmp_path):
    lazy = xr.Dataset({"image": (("y", "x"), da.zeros((64, 64), chunks=(16, 64)), {"units": "counts"})})
    with pytest.raises(OutputError, match="two tasks would write one shard"):
        write_leaf(lazy, tmp_path / "s.zarr", "image", shards={"y": 32})


@pytest.mark.parametrize(
    "chunks", [((10, 20, 10), (30,)), ((5, 35), (30,)), ((16, 16, 8), (7, 7, 7, 7, 2)), ((1,) * 40, (29, 1))]
)
def test_irregular_chunks_are_made_regular(tmp_path, leaf, chunks):
    lazy = leaf[["image"]].assign(image=leaf["image"].copy(data=da.from_array(leaf["image"].values, chunks=chunks)))
    write_leaf(lazy, tmp_path / "s.zarr", "image")
    np.testing.assert_array_equal(open_leaf(tmp_path / "s.zarr", "image")["image"], leaf["image"])


def test_empty_objects_are_stored(tmp_path, leaf):
    write_leaf(leaf.isel(layer=slice(0, 0)), tmp_path / "s.zarr", "image")
    assert open_leaf(tmp_path / "s.zarr", "image")["thickness"].shape == (0,)


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG]
)
def test_disk_errors_name_the_path(tmp_path, code):
    with pytest.raises(OutputError, match=str(tmp_path)), disk_errors(tmp_path):
        raise OSError(code, "refused")


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(OSError, match="lost"), disk_errors(tmp_path):
        raise OSError(errno.ENOENT, "lost")
