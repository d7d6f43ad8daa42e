"""Write labelled arrays to zarr so that damage is seen: a checksum on every chunk, equal bytes for equal data."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.errors import OutputError

CHUNK = 2048
"""Longest side of a chunk of an array that is not in dask chunks."""


def write_leaf(leaf: xr.Dataset, store: Path, name: str, *, shards: Mapping[str, int] | None = None) -> None:
    """Write one leaf into a zarr store, group `name`, computing chunk by chunk.

    Raises
    ------
    OutputError
        when the disk is full or not writable, or a shard is larger than a dask chunk.
    """
    clean = leaf.copy()
    for variable in clean.variables.values():
        variable.encoding = {}
    clean = clean.chunk() if _irregular(clean) else clean
    encoding = {str(n): _encoding(v, shards) for n, v in clean.variables.items()}
    with disk_errors(store):
        clean.to_zarr(store, group=name, mode="w", consolidated=False, zarr_format=3, encoding=encoding)


def open_leaf(store: Path, name: str) -> xr.Dataset:
    """Open one leaf lazily."""
    return xr.open_zarr(store, group=name, consolidated=False, zarr_format=3)


def open_leaves(store: Path) -> dict[str, xr.Dataset]:
    """Open all leaves of a store lazily, by path."""
    tree = xr.open_datatree(store, engine="zarr", consolidated=False, chunks={})
    return {node.path.strip("/"): node.to_dataset(inherit=False) for node in tree.leaves if node.path != "/"}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one error that names the path (FAULTS rows 61 and 62)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError("the disk is full.", file=str(path), remedy="make room, then run with --resume.") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputError("can't write here: no permission.", file=str(path), remedy="choose another -o.") from error
        raise


def _irregular(leaf: xr.Dataset) -> bool:
    return any(
        len(set(sizes[:-1])) > 1 or (len(sizes) > 1 and sizes[-1] > sizes[0])
        for v in leaf.variables.values()
        if v.chunks
        for sizes in v.chunks
    )


def _encoding(variable: xr.Variable, shards: Mapping[str, int] | None) -> dict[str, Any]:
    from zarr.codecs import Crc32cCodec, ZstdCodec

    if variable.dtype.kind == "O":
        return {}
    encoding: dict[str, Any] = {"compressors": [ZstdCodec(level=3), Crc32cCodec()], "filters": []}
    if variable.dtype.kind == "f":
        encoding["_FillValue"] = np.nan
    if variable.ndim == 0:
        return encoding
    inner = _chunks(variable)
    encoding["chunks"] = inner
    if shards:
        encoding["shards"] = _shards(variable, inner, shards)
    return encoding


def _chunks(variable: xr.Variable) -> tuple[int, ...]:
    if variable.chunks:
        return tuple(max(1, sizes[0]) for sizes in variable.chunks)
    lead = variable.ndim - 2
    return tuple(1 if n < lead else max(1, min(CHUNK, size)) for n, size in enumerate(variable.shape))


def _shards(variable: xr.Variable, inner: tuple[int, ...], shards: Mapping[str, int]) -> tuple[int, ...]:
    wanted = tuple(shards.get(str(dim), size) for dim, size in zip(variable.dims, inner, strict=True))
    if any(shard > chunk for shard, chunk in zip(wanted, inner, strict=True)):
        raise OutputError(
            f"shards of {wanted} are larger than the dask chunks of {inner}; two tasks would write one shard.",
            remedy="rechunk to the shard size first.",
        )
    return wanted
