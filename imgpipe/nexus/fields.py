"""Write groups with their class, arrays, and texts into an HDF5 file, equal bytes for equal data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import xarray as xr

from imgpipe.nexus.places import CLASSES
from imgpipe.readers.nexus_names import ATTRS, DIMS, KIND, PLACE, VARIABLE

LARGE = 4096
"""Values from which an array is compressed."""
BLOCK = 1 << 20
"""Values computed and written at once, about."""


def group_at(entry: h5py.Group, path: str) -> h5py.Group:
    """Return a group of an entry, made with its class on first use."""
    here = entry
    passed: list[str] = []
    for name in filter(None, path.split("/")):
        passed.append(name)
        if name not in here:
            plain = re.sub(r"\d+$", "", name) if name.startswith("peak") else name
            key = "/".join([*(re.sub(r"^peak\d+$", "peak", part) for part in passed[:-1]), plain])
            made = here.create_group(name)
            made.attrs["NX_class"] = CLASSES.get(key, "NXcollection")
        here = here[name]
    return here


def put_text(entry: h5py.Group, path: str, text: str) -> h5py.Dataset:
    """Write a text for other programs; nothing where there is a field already."""
    where, _, name = path.rpartition("/")
    group = group_at(entry, where)
    if name in group:
        return group[name]
    return group.create_dataset(name, data=text, dtype=h5py.string_dtype())


def put_variable(
    entry: h5py.Group,
    path: str,
    array: xr.DataArray,
    variable: str,
    *,
    kind: str = "variable",
    place: int | None = None,
) -> h5py.Dataset:
    """Write a variable, or one place of it along the components, with what is needed to read it back.

    Parameters
    ----------
    array : what this field holds; lazy arrays are computed block by block
    variable : name in the leaf
    kind : coordinate or variable
    place : number of the component, where the field holds one of several
    """
    where, _, name = path.rpartition("/")
    field = _written(group_at(entry, where), name, array)
    attrs = {str(key): _plain(value) for key, value in array.attrs.items()}
    field.attrs[VARIABLE], field.attrs[KIND] = variable, kind
    field.attrs[DIMS] = " ".join(str(dim) for dim in array.dims)
    field.attrs[ATTRS] = json.dumps(attrs, sort_keys=True)
    if place is not None:
        field.attrs[PLACE] = place
    if attrs.get("units") not in (None, "", "1"):
        field.attrs["units"] = str(attrs["units"])
    if "long_name" in attrs:
        field.attrs["long_name"] = str(attrs["long_name"])
    return field


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _written(group: h5py.Group, name: str, array: xr.DataArray) -> h5py.Dataset:
    if array.dtype.kind in "OUT":
        texts = np.asarray(array.values, dtype=object)
        return group.create_dataset(name, data=texts, dtype=h5py.string_dtype())
    packed: dict[str, Any] = {}
    if array.size >= LARGE:
        packed = {"compression": "gzip", "compression_opts": 4, "shuffle": True, "chunks": _chunks(array)}
    field = group.create_dataset(name, shape=array.shape, dtype=array.dtype, **packed)
    for region in _blocks(array):
        field[region] = array[region].values
    return field


def _chunks(array: xr.DataArray) -> tuple[int, ...]:
    """Return chunks of about `LARGE` to 16 `LARGE` values: whole spectra as far as they go."""
    row = max(1, array.size // max(array.shape[0], 1))
    return (max(1, min(array.shape[0], 16 * LARGE // row)), *array.shape[1:])


def _blocks(array: xr.DataArray) -> Iterator[tuple[slice, ...]]:
    """Yield regions along the first dimension, each small enough to be in memory."""
    if array.ndim == 0:
        yield ()
        return
    row = max(1, array.size // max(array.shape[0], 1))
    step = max(1, BLOCK // row)
    for start in range(0, array.shape[0], step):
        yield (slice(start, start + step),)
