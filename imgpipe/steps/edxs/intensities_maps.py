"""Sum and intensities over the places of a leaf, chunk by chunk where the counts are lazy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.blocks import is_lazy
from imgpipe.kernels.spectrum_model_maps import QUANTITIES, total
from imgpipe.kernels.spectrum_model_pile_up import pair_spectrum

Spectra = Callable[[np.ndarray], np.ndarray]
"""Takes counts (n, K), gives (quantities, rows, n)."""


def sum_spectrum(counts: xr.DataArray, energy: np.ndarray, lowest: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum over all places, and the spectrum that pairs of photons make, (K,) float64; one pass.

    Along a line photons pair with those of their own place; in maps and in single spectra the sum stands for all.

    Parameters
    ----------
    energy : (K,) eV
    lowest : energy in eV below which there is noise, no photons
    """
    pairs = functools.partial(pair_spectrum, energy=energy, lowest=lowest)
    if counts.ndim == 2:
        both = _line_sum(counts, lambda values: np.stack([total(values, (0,)), pairs(values)]))
        return both[0], both[1]
    summed = _summed(counts)
    return summed, pairs(summed[None, :])


def _line_sum(counts: xr.DataArray, work: Spectra) -> np.ndarray:
    """Return the sum over the chunks of a line of what `work` gives for each, (2, K)."""
    if not is_lazy(counts):
        return work(counts.values)
    lazy = counts.data
    ones = (1,) * lazy.numblocks[0]
    parts = lazy.map_blocks(
        lambda values: work(values)[None], dtype=np.float64, chunks=(ones, (2,), lazy.chunks[-1]), new_axis=1,
        meta=np.empty((0, 0, 0)),
    )  # fmt: skip
    return np.asarray(parts.compute().sum(axis=0))


def _summed(counts: xr.DataArray) -> np.ndarray:
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
    result = np.empty((len(QUANTITIES) * rows, *counts.shape[:-1]), dtype)
    if is_lazy(counts) and counts.ndim > 1:
        _fill(counts.data, rows, work, result)
    else:
        result[:] = np.moveaxis(_block(counts.values, work=work, kind=dtype), -1, 0)
    return result.reshape(len(QUANTITIES), rows, *counts.shape[:-1])


def _fill(data: Any, rows: int, work: Spectra, result: np.ndarray) -> None:
    """Let each chunk write its numbers into `result` (numbers, *places) itself: joining them would hold all twice.

    The numbers take the place of the energies, as many dimensions, so that reading, work and writing are one task. The
    threads of this process do it, whatever else dask is told: other processes can't write here.
    """
    import dask.array as da

    chunks = (*data.chunks[:-1], (len(QUANTITIES) * rows,))
    meta = np.empty((0,) * data.ndim, result.dtype)
    lazy = data.map_blocks(_block, work=work, kind=result.dtype, dtype=result.dtype, chunks=chunks, meta=meta)
    da.store(lazy, np.moveaxis(result, 0, -1), lock=False, scheduler="threads")


def _block(values: np.ndarray, *, work: Spectra, kind: np.dtype[Any]) -> np.ndarray:
    found = work(values.reshape(-1, values.shape[-1]))
    numbers = found.reshape(-1, found.shape[-1]).T.astype(kind)
    return numbers.reshape(*values.shape[:-1], numbers.shape[-1])


def _block_total(values: np.ndarray) -> np.ndarray:
    summed = total(values, tuple(range(values.ndim - 1)))
    return summed.reshape((1,) * (values.ndim - 1) + (-1,))
