"""Run a numpy kernel on xarray data, whole or in chunks: the only step-side code that knows dask."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
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


@contextmanager
def chunks_watched(tell: Callable[[float], None], every: float = 0.5) -> Iterator[None]:
    """Tell which fraction (0 to 1) of its chunks is done, now and then, while dask computes in this process."""
    from dask.callbacks import Callback

    count = {"done": 0, "all": 1}
    told = time.monotonic()

    def begun(_graph: Any, state: Mapping[str, Any]) -> None:
        count.update(done=0, all=max(1, len(state["ready"]) + len(state["waiting"])))

    def ended(*_: Any) -> None:
        nonlocal told
        count["done"] += 1
        if time.monotonic() - told >= every:
            told = time.monotonic()
            tell(min(1.0, count["done"] / count["all"]))

    with Callback(start_state=begun, posttask=ended):
        yield
