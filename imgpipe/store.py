"""Write labelled arrays to zarr so that damage is seen: a checksum on every chunk, equal bytes for equal data."""

from __future__ import annotations

import errno
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.errors import OutputError

CHUNK = 2048
"""Longest side of a chunk of an array that is not in dask chunks."""
_ELSEWHERE = "choose another -o."
_REFUSALS = {
    errno.ENOSPC: "the disk is full.",
    errno.EDQUOT: "the disk quota is used up.",
    errno.EFBIG: "the file is larger than this disk allows.",
    errno.EACCES: "can't write here: no permission.",
    errno.EPERM: "can't write here: no permission.",
    errno.EROFS: "can't write here: the disk is read-only.",
    errno.ENOTDIR: "can't write here: a part of the path is no folder.",
    errno.ENAMETOOLONG: "can't write here: the name is too long.",
    errno.ELOOP: "can't write here: a link leads back to itself.",
    errno.EIO: "the disk reports an input/output error.",
}
_REMEDIES = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room, then run with --resume.")


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
    clean = clean.assign({n: v.chunk(_regular(v)) for n, v in clean.variables.items() if _irregular(v)})
    encoding = {str(n): _encoding(v, shards) for n, v in clean.variables.items()}
    with disk_errors(store):
        clean.to_zarr(store, group=name, mode="w", consolidated=False, zarr_format=3, encoding=encoding)


def open_leaf(store: Path, name: str) -> xr.Dataset:
    """Open one leaf lazily."""
    leaf: xr.Dataset = xr.open_zarr(store, group=name, consolidated=False, zarr_format=3)
    return leaf


def open_leaves(store: Path) -> dict[str, xr.Dataset]:
    """Open all leaves of a store lazily, by path."""
    tree = xr.open_datatree(store, engine="zarr", consolidated=False, chunks={})
    found = {node.path.strip("/"): node.to_dataset(inherit=False) for node in tree.leaves if node.path != "/"}
    return dict(sorted(found.items()))  # a disk has no order


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one error that names the path (FAULTS rows 61 and 62)."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise OutputError(
            _REFUSALS[error.errno], file=str(path), remedy=_REMEDIES.get(error.errno, _ELSEWHERE)
        ) from error


def _irregular(variable: xr.Variable) -> bool:
    return any(len(set(sizes[:-1])) > 1 or sizes[-1] > sizes[0] for sizes in variable.chunks or ())


def _regular(variable: xr.Variable) -> dict[Hashable, int]:
    return {dim: max(sizes) for dim, sizes in variable.chunksizes.items()}


def _encoding(variable: xr.Variable, shards: Mapping[str, int] | None) -> dict[str, Any]:
    from zarr.codecs import Crc32cCodec, ZstdCodec

    encoding: dict[str, Any] = {"compressors": [ZstdCodec(level=3), Crc32cCodec()], "filters": []}
    if variable.dtype.kind == "O":
        return encoding
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
