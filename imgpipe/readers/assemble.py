"""Build the lazy data tree from what the child wrote (runs in the parent)."""

from __future__ import annotations

import functools
import os
import shutil
import weakref
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from imgpipe.model import axis, quantity


class Scratch:
    """A directory that is removed when nothing uses it any more (`owned`), or left to its owner."""

    def __init__(self, path: Path, *, owned: bool) -> None:
        self.path = path
        if owned:
            weakref.finalize(self, _remove, path, os.getpid())

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as a plain place: only the process that read the file removes it."""
        return functools.partial(Scratch, owned=False), (self.path,)


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a fork of the process must not take the data away from it
        shutil.rmtree(path, ignore_errors=True)


class ScratchArray:
    """An array in the scratch directory: opened when first sliced, keeps its directory alive."""

    def __init__(self, scratch: Scratch, file: str, shape: tuple[int, ...], dtype: str) -> None:
        self.scratch = scratch
        self.file = file
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.ndim = len(shape)

    def __getitem__(self, region: Any) -> np.ndarray[Any, Any]:
        """Read a region; a damaged chunk raises (crc32c)."""
        import zarr

        array = zarr.open_array(self.scratch.path / self.file, mode="r")
        return np.asarray(array[region])


def tree(leaves: list[dict[str, Any]], scratch: Scratch) -> xr.DataTree:
    """Return one dataset per leaf, dask-backed by the scratch directory."""
    return xr.DataTree.from_dict({leaf["name"]: _dataset(leaf, scratch) for leaf in leaves})


def _dataset(leaf: dict[str, Any], scratch: Scratch) -> xr.Dataset:
    coords = {dim: _axis(dim, found) for dim, found in leaf["axes"].items()}
    coords |= {name: _coordinate(found) for name, found in leaf["coords"].items()}
    coords |= {name: _texts(found) for name, found in leaf["texts"].items() if found["coordinate"]}
    variables = {name: _array(found, scratch) for name, found in leaf["arrays"].items()}
    variables |= {name: _texts(found) for name, found in leaf["texts"].items() if not found["coordinate"]}
    numbers = {name: quantity(s["value"], s["unit"], s["long_name"]) for name, s in leaf["scalars"].items()}
    return xr.Dataset({**variables, **numbers}, coords=coords, attrs=leaf["attrs"])


def _axis(dim: str, found: dict[str, Any]) -> xr.DataArray:
    if found["values"] is not None:
        names = np.array(found["values"], dtype=object)
        return xr.DataArray(names, dims=(dim,), attrs={"long_name": dim, **found["attrs"]})
    if found["numbers"] is not None:
        given = {"long_name": dim, **found["attrs"]}
        return quantity(np.array(found["numbers"], np.float64), found["unit"], dims=dim, **given)
    regular = axis(dim, found["size"], found["step"], found["unit"], start=found["start"])
    return regular.assign_attrs(found["attrs"])


def _coordinate(found: dict[str, Any]) -> xr.DataArray:
    return quantity(np.array(found["numbers"], np.float64), found["unit"], found["long_name"], found["dim"])


def _texts(found: dict[str, Any]) -> xr.DataArray:
    values = np.empty(len(found["values"]), dtype=object)
    values[:] = found["values"]
    return xr.DataArray(values.reshape(found["shape"]), dims=tuple(found["dims"]), attrs=found["attrs"])


def _array(found: dict[str, Any], scratch: Scratch) -> xr.DataArray:
    source = ScratchArray(scratch, found["file"], tuple(found["shape"]), found["dtype"])
    lazy = da.from_array(source, chunks=tuple(found["chunks"]), name=f"read-{found['file'][:-5]}", asarray=False)
    return xr.DataArray(lazy, dims=tuple(found["dims"]), attrs=found["attrs"])
