"""Run a numpy kernel on xarray data, whole or in chunks: the only step-side code that knows dask."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

Kernel = Callable[..., Any]


def is_lazy(array: xr.DataArray) -> bool:
    """Tell whether an array sits in dask chunks."""
    return array.chunks is not None


def blockwise(
    kernel: Kernel,
    array: xr.DataArray,
    *,
    core_dims: Iterable[str] = ("y", "x"),
    whole: Iterable[str] = (),
    halo: Mapping[str, int] | None = None,
    dtype: Any = None,
    **settings: Any,
) -> xr.DataArray:
    """Apply a kernel that keeps the shape, chunk by chunk; nothing is computed when the data is lazy.

    Parameters
    ----------
    kernel : ``kernel(values, **settings)`` on a numpy array whose last axes are `core_dims`; leading axes are a batch
    array : any dimensions that include `core_dims`; they are moved to the end for the kernel and back
    core_dims : dimensions that the kernel works along
    whole : of these, the dimensions that must not be cut
    halo : number of neighbouring points that the kernel needs on each side, per dimension
    dtype : of the result; the input's by default

    Returns
    -------
    DataArray with the input's dimensions, coordinates and attrs
    """
    core = tuple(core_dims)
    ordered = array.transpose(..., *core)
    wanted = np.dtype(dtype or array.dtype)
    if not is_lazy(ordered):
        values = _typed(ordered.values, kernel, wanted, settings)
        return ordered.copy(data=values).transpose(*array.dims)
    chunked = ordered.chunk(dict.fromkeys(whole, -1))
    depth = {
        chunked.get_axis_num(dim): width
        for dim, width in (halo or {}).items()
        if len(chunked.chunksizes[dim]) > 1 and width > 0
    }
    lazy = _lazily(kernel, chunked.data, depth, wanted, settings)
    return chunked.copy(data=lazy).transpose(*array.dims)


def _lazily(kernel: Kernel, data: Any, depth: dict[Any, int], dtype: np.dtype[Any], settings: dict[str, Any]) -> Any:
    import dask.array as da

    work = functools.partial(_typed, kernel=kernel, wanted=dtype, settings=settings)
    meta = np.empty((0,) * data.ndim, dtype)
    if not depth:
        return da.map_blocks(work, data, dtype=dtype, meta=meta)
    return da.map_overlap(work, data, depth=depth, boundary="none", dtype=dtype, meta=meta)


def _typed(values: Any, kernel: Kernel, wanted: np.dtype[Any], settings: dict[str, Any]) -> Any:
    return np.asarray(kernel(values, **settings)).astype(wanted, copy=False)
