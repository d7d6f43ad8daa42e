"""Run a joint fit over all spectra of a group of leaves: in memory, or block by block where the data is lazy."""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from imgpipe.kernels.fit import CONVERGED
from imgpipe.species.doubts import Doubts, Questions, doubts
from imgpipe.species.fitting import Fitter
from imgpipe.species.measuring import Measured
from imgpipe.species.packing import pack, sizes, unpack
from imgpipe.species.parts import Column
from imgpipe.species.remarks import component_flags
from imgpipe.steps.xps.fit_data import Spectra, refuse_unsound

BLOCK = 2048
MOST_NUMBERS = 16_000_000
"""Spectra fitted at a time, and numbers held at a time (128 MB)."""
ALL_DOUBTED = 2000
SOME_DOUBTED = 200
"""Up to ALL_DOUBTED spectra every one is fitted with the alternatives and the moved constraints; of more, SOME_DOUBTED
evenly spaced ones, and what lies between is interpolated."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """A fitted group.

    Attributes
    ----------
    found : results of all spectra
    doubts : of the spectra `asked`, or none
    """

    fitter: Fitter
    spectra: tuple[Spectra, ...]
    found: Measured
    doubts: Doubts | None
    asked: np.ndarray
    lazy: bool
    block: np.ndarray

    @functools.cached_property
    def flags(self) -> np.ndarray:
        """Flags (b, c) of all components."""
        return component_flags(self.fitter.built, self.found, self.links)

    @property
    def links(self) -> np.ndarray:
        """Matrix (parameters, free parameters) of the links."""
        return self.fitter.problem.matrix

    @property
    def parameters(self) -> np.ndarray:
        """Parameters (b, p) of the shapes."""
        return self.fitter.problem.parameters(self.found["q"])

    @property
    def converged(self) -> float:
        """Status of a fit that has converged."""
        return float(CONVERGED)

    def splitting(self, one: Column) -> float:
        """Distance of the two halves of a component, eV; 0 for a single line."""
        offset = self.fitter.problem.offset
        return float(offset[one.minor[0]] - offset[one.main[0]]) if one.minor else 0.0

    def residual_scale(self, envelope: xr.DataArray, counts: xr.DataArray) -> xr.DataArray:
        """Return what a residual is divided by: root of the fitted counts, or the scatter of each spectrum."""
        if self.fitter.options.noise == "poisson":
            return envelope.clip(min=1e-3) ** 0.5
        return (counts - envelope).std("energy")


def run_group(fitter: Fitter, spectra: Sequence[Spectra], questions: Questions) -> Fitted:
    """Fit all spectra of a group and ask for its doubts."""
    y, lazy = _side_by_side(spectra)
    layout = sizes(fitter.built, len(fitter.built.start), fitter.columns)
    where = ", ".join(one.path for one in spectra)

    def work(values: np.ndarray) -> np.ndarray:
        for here in fitter.problem.segment_slices:
            refuse_unsound(where, values[:, here], fitter.options.noise, some=False)
        return pack(fitter.measure(np.ascontiguousarray(values, dtype=np.float64)), layout)

    block = _in_blocks(work, y, sum(layout.values()), lazy, rows_at_a_time(fitter))
    batch = len(block)
    asked = np.arange(batch) if batch <= ALL_DOUBTED else np.linspace(0, batch - 1, SOME_DOUBTED).astype(np.int64)
    doubted = None
    if questions.any:
        some = y[asked].compute(scheduler="threads") if lazy else y[asked]
        log.info("%s: %d spectra with %d other models", where, len(asked), len(questions.alternatives))
        doubted = doubts(fitter, np.ascontiguousarray(some, dtype=np.float64), questions)
    return Fitted(fitter, tuple(spectra), unpack(block, layout), doubted, asked, lazy, block)


def some_spectra(spectra: Sequence[Spectra], most: int = SOME_DOUBTED) -> np.ndarray:
    """Return the counts (b, n) of a group side by side, evenly spaced ones where there are many."""
    y, lazy = _side_by_side(spectra)
    if len(y) > most:
        y = y[np.linspace(0, len(y) - 1, most).astype(np.int64)]
    return np.ascontiguousarray(y.compute() if lazy else y, dtype=np.float64)


def _side_by_side(spectra: Sequence[Spectra]) -> tuple[Any, bool]:
    parts = [one.flat() for one in spectra]
    if not any(hasattr(part, "dask") for part in parts):
        return np.concatenate(parts, axis=1), False
    import dask.array as da

    return da.concatenate([da.asarray(part) for part in parts], axis=1), True


def rows_at_a_time(fitter: Fitter) -> int:
    """Return how many spectra fit into `MOST_NUMBERS`: covariance and curves of a joint fit can be large."""
    free = fitter.problem.low.size + fitter.columns
    return int(np.clip(MOST_NUMBERS // (4 * free**2 + fitter.columns * fitter.problem.n_points), 1, BLOCK))


def _in_blocks(work: Any, y: Any, width: int, lazy: bool, rows: int) -> np.ndarray:
    if not lazy:
        return np.concatenate([work(y[first : first + rows]) for first in range(0, len(y), rows)])
    import dask.array as da

    y = y.rechunk({0: min(rows, y.shape[0]), 1: -1})
    blocks = da.map_blocks(work, y, dtype=np.float64, chunks=(y.chunks[0], (width,)), meta=np.empty((0, 0)))
    return np.asarray(blocks.compute())
