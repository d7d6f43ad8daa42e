"""Sum and intensities over the places of a leaf, chunk by chunk where the counts are lazy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.blocks import is_lazy
from imgpipe.kernels.spectrum_model_maps import QUANTITIES, total

Spectra = Callable[[np.ndarray], np.ndarray]
"""Takes counts (n, K), gives (quantities, rows, n)."""


def sum_spectrum(counts: xr.DataArray) -> np.ndarray:
    """Return the sum over all places, (K,) float64; one pass."""
    axes = tuple(range(counts.ndim - 1))
    if not is_lazy(counts):
        return total(counts.values, axes) if axes else counts.values.astype(np.float64)
    lazy = counts.data
    single = tuple((1,) * n for n in lazy.numblocks[:-1])
    parts = lazy.map_blocks(_block_total, dtype=np.float64, chunks=(*single, lazy.chunks[-1]))
    summed = parts.compute()
    return np.asarray(summed.sum(axis=tuple(range(summed.ndim - 1))))


def over_places(counts: xr.DataArray, rows: int, work: Spectra) -> np.ndarray:
    """Return what `work` gives for every place, (quantities, rows, *places); one pass, one task a chunk.

    Numbers are 32 bit where the counts are 8 or 16 bit: sums of fewer than 256 channels stay exact.
    """
    dtype = np.dtype(np.float32 if counts.dtype.kind in "ui" and counts.dtype.itemsize <= 2 else np.float64)
    if not is_lazy(counts):
        flat = _block(counts.values, work=work, kind=dtype)
    else:  # the numbers take the place of the energies: as many dimensions, so that reading and work become one task
        chunks = (*counts.data.chunks[:-1], (len(QUANTITIES) * rows,))
        meta = np.empty((0,) * counts.ndim, dtype)
        lazy = counts.data.map_blocks(_block, work=work, kind=dtype, dtype=dtype, chunks=chunks, meta=meta)
        flat = np.asarray(lazy.compute())
    return np.moveaxis(flat, -1, 0).reshape(len(QUANTITIES), rows, *counts.shape[:-1])


def _block(values: np.ndarray, *, work: Spectra, kind: np.dtype[Any]) -> np.ndarray:
    found = work(values.reshape(-1, values.shape[-1]))
    numbers = found.reshape(-1, found.shape[-1]).T.astype(kind)
    return numbers.reshape(*values.shape[:-1], numbers.shape[-1])


def _block_total(values: np.ndarray) -> np.ndarray:
    summed = total(values, tuple(range(values.ndim - 1)))
    return summed.reshape((1,) * (values.ndim - 1) + (-1,))
